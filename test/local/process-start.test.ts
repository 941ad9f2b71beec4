import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { markOf, stillRuns } from '../../local/process-start.ts';
import { takeFolder } from '../../local/state.ts';
import { isAlive } from '../support/relay-process.ts';

/** A process that does nothing until it is killed. */
function aProcess() {
  const child = spawn('sleep', ['60']);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, pid: child.pid ?? 0 };
}

describe.each([
  ['Linux', '/proc'],
  ['macOS, which has no /proc', '/no/proc/here'],
])('a process that is known by its number and its start, on %s', (_, proc) => {
  it('runs until it ends', async () => {
    const { child, pid } = aProcess();
    const mark = markOf(pid, proc);
    expect(mark.startedAt).not.toBe('');
    expect(stillRuns(mark, proc)).toBe('yes');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(stillRuns(mark, proc)).toBe('no');
  });

  it('is not another one that was given its number', () => {
    const { pid } = aProcess();
    expect(stillRuns({ pid, startedAt: markOf(1, proc).startedAt }, proc)).toBe('no');
  });

  it('may be any one of its number, where its start could not be told', () => {
    const { pid } = aProcess();
    expect(stillRuns({ pid, startedAt: '' }, proc)).toBe('unsure');
  });
});

describe('a start that finds the record of an earlier one', () => {
  const recorded = (relay: object, engine: object) => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-processes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'processes.json'), JSON.stringify({ relay, engines: [engine] }));
    return { RELAY_LOCAL_DIR: folder };
  };
  const gone = { pid: 2 ** 22, startedAt: '1' };

  it('ends the engine it left behind, and no process that only may be one', async () => {
    const [left, stranger] = [aProcess(), aProcess()];
    const ended = once(left.child, 'exit');
    takeFolder(recorded(gone, markOf(left.pid)), { fresh: false }).release();
    await ended;
    takeFolder(recorded(gone, { pid: stranger.pid, startedAt: '' }), { fresh: false }).release();
    takeFolder(recorded(gone, { pid: stranger.pid, startedAt: '1' }), { fresh: false }).release();
    expect(isAlive(stranger.pid)).toBe(true);
  });

  it('says what to do where it cannot know whether that one still runs', () => {
    const { pid } = aProcess();
    const env = recorded({ pid, startedAt: '' }, gone);
    expect(() => takeFolder(env, { fresh: false })).toThrow(
      `If process ${pid} is none, delete ${join(env.RELAY_LOCAL_DIR, 'processes.json')}.`,
    );
  });
});
