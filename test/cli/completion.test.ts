import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';

const scriptFor = async (shell: string) => {
  const { code, stdout, stderr } = await runCommand(['completion', shell], { env: {} });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

const bash = (script: string) => spawnSync('bash', ['--norc', '-s'], { input: script, encoding: 'utf8' });

describe.skipIf(bash('').status !== 0)('in bash', () => {
  let script: string;
  beforeAll(async () => {
    script = await scriptFor('bash');
  });

  it.each<[string, string[]]>([
    ['relay re', ['recharges', 'reconcile', 'resume']],
    ['relay platform contacts ', ['create', 'get', '--stack', '--local', '--help']],
    ['relay recharges list --ph', ['--phase']],
    ['relay recharges list --phase need', ['needs_review']],
    ['relay --stack recharge-relay-prod secrets drop webhook --all', ['--all-previous']],
    ['relay recharges resolve key-1 confirm-g', ['confirm-granted']],
    // What a person writes themselves is left to them.
    ['relay recharges stop key-1 --note ', []],
  ])('%s is completed', (line, expected) => {
    const words = line.split(' ').map((word) => `'${word}'`);
    const { stdout } = bash(
      `${script}\nCOMP_WORDS=(${words.join(' ')}) COMP_CWORD=${words.length - 1}\n_relay\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
    );
    expect(stdout.split('\n').filter((word) => word !== '')).toEqual(expected);
  });
});

it.each(['zsh', 'fish'])('%s gets every command with what it does', async (shell) => {
  const script = await scriptFor(shell);
  expect(script).toContain('stops new charges until resume');
  expect(script).toContain('needs_review');
});
