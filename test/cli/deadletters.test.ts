import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { aRecharge } from '../support/builders.ts';
import { runCommand } from '../support/command.ts';
import { useTraces } from '../support/traces.ts';

const traces = useTraces();
const cli = (...args: string[]) => runCommand(['deadletters', ...args], { env: traces().target.env });

async function bury(...bodies: string[]): Promise<void> {
  const { sqs, urls } = traces();
  for (const MessageBody of bodies)
    await sqs.send(new SendMessageCommand({ QueueUrl: urls.rechargeDeadLetters, MessageBody }));
}

describe('relay deadletters', () => {
  it('lists each with the phase of its row and what a replay does, for people and for programs', async () => {
    await traces().connection.ledger.claim(aRecharge({ key: 'key-1', phase: 'charged' }));
    await bury('{"key":"key-1"}', 'not ours');
    const { code, stdout, stderr } = await cli('list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^queue +queued \(UTC\) +names +is +replay +because\n/);
    expect(stdout).toMatch(
      /recharges +20\S+Z +\d s ago +key-1 +charged +queue +the worker takes it up again/,
    );
    expect(stdout).toMatch(/\(cannot be read\) +not stored +leave +it is no message of ours/);
    expect(stdout).toMatch(/\n2 of recharges\n0 of messages\n$/);

    const asJson = JSON.parse((await cli('list', '--queue', 'recharges', '--json')).stdout);
    expect(asJson).toContainEqual({
      id: expect.any(String),
      queue: 'recharges',
      sent_at: expect.stringMatching(/^20\S+Z$/),
      names: 'key-1',
      state: 'charged',
      plan: 'queue',
      why: expect.any(String),
    });
    expect((await cli('list', '--limit', '1')).stdout).toMatch(
      /\n1 of recharges, and 1 more that were not looked at\n/,
    );
  });

  it('counts and asks before it replays, and says what is left and why', async () => {
    await traces().connection.ledger.claim(aRecharge({ key: 'key-1', phase: 'charged' }));
    await bury('{"key":"key-1"}', '{"key":"key-2"}');
    expect((await cli('replay', '--dry-run')).stdout).toMatch(/\n2 of recharges\n/);
    const asked = await cli('replay');
    expect(asked).toMatchObject({ code: 4, stdout: '' });
    expect(asked.stderr).toMatch(
      /Bring the dead letters \(2 of recharges and 0 of messages\) on their way again\? .*add --yes/,
    );
    const { code, stdout, stderr } = await cli('replay', '--yes');
    expect(code).toBe(1);
    expect(stdout).toBe(
      '1 on their way again, 0 taken out that needed nothing, 1 left: npx relay deadletters list\n',
    );
    expect(stderr).toContain('key-2 is left: no recharge has this key.\n');

    const dropped = await cli('replay', '--drop-unreadable', '--yes', '--json');
    expect(JSON.parse(dropped.stdout)).toEqual({ queued: 0, forgotten: 0, dropped: 1, left: 0 });
    expect(await cli('replay')).toMatchObject({ code: 0, stdout: 'The dead-letter queues are empty.\n' });
  });
});
