import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { aRecharge, utc } from '../support/builders.ts';
import type { Ended } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';

const { shell, folder, aws, newStack } = useOperator();

/** Clears the screen, turns the writing round, ends the line, and goes on with a line that looks like ours. */
const FORGED = 'Recharge completed: credits granted';
const HOSTILE = `x\u001b[2J\u009b1m\u202e\u0007\r\n${FORGED}\n`;

let dynamo: Engine;
let stack: ReturnType<typeof newStack>;
let quarantined: string;
const message = newMessage(
  {
    channel: 'chat',
    direction: 'incoming',
    content: {
      id: HOSTILE,
      contact: HOSTILE,
      type: 'text',
      text: HOSTILE,
      attachments: [HOSTILE],
      firstName: HOSTILE,
    },
  },
  Date.now(),
);

beforeAll(async () => {
  dynamo = await startDynamo();
  shell.AWS_ENDPOINT_URL_DYNAMODB = dynamo.endpoint;
  stack = newStack();
  const client = createDocumentClient(engineAt(dynamo.endpoint));
  await createTable(client, stack.name);
  const ledger = createDynamoLedger(client, stack.name);
  await ledger.claim(
    aRecharge({
      key: HOSTILE,
      phase: 'charge_pending',
      receivedAt: Date.now(),
      reason: HOSTILE,
      paymentRef: HOSTILE,
      actionUrl: HOSTILE,
      history: [{ at: utc('2026-01-05 12:00:00'), event: HOSTILE, detail: HOSTILE }],
    }),
  );
  const account = await ledger.readAccount('demo@example.com');
  await ledger.writeAccount(account, {
    ...account,
    ...{ status: 'active', customer: HOSTILE, platformId: HOSTILE, grantEmail: HOSTILE },
    last: { key: HOSTILE, at: Date.now() },
  });
  quarantined = await createDynamoQuarantine(client, stack.name).keep({
    route: '/webhooks/auto-recharge',
    headers: { 'x-hostile': HOSTILE },
    body: Buffer.from(HOSTILE),
    reason: HOSTILE,
    receivedAt: Date.now(),
  });
  await createDynamoMessages(client, stack.name, Date.now).mark(message);
  client.destroy();
});
afterAll(() => dynamo.stop());

/** What is printed on both channels holds no character that is none to see. */
function checked({ stdout, stderr }: Ended): string[] {
  expect((stdout + stderr).replaceAll('\r\n', '\n')).not.toMatch(/[^\P{C}\n]/u);
  expect(stdout + stderr).not.toBe('');
  return stdout.split(/\r?\n/);
}

describe('nobody speaks to the terminal, or with lines that look like ours, by', () => {
  it.each<[string, string[]]>([
    ['a recharge in the list', ['recharges', 'list']],
    ['a recharge', ['recharges', 'show', HOSTILE]],
    ['an account', ['accounts', 'show', 'demo@example.com']],
    ['a webhook in the list', ['quarantine', 'list']],
    ['a message in the list', ['messages', 'list']],
    ['a message', ['messages', 'show', messageIdOf(message)]],
  ])('%s', async (_what, command) => {
    const lines = checked(await stack.cli(command));
    expect(lines.join('\n')).toContain('\\u{1b}[2J');
    expect(lines).not.toContain(FORGED);
    expect(lines.filter((line) => line.startsWith(FORGED))).toEqual([]);
  });

  it('a webhook, but for the lines of its body', async () => {
    const lines = checked(await stack.cli(['quarantine', 'show', quarantined]));
    expect(lines.filter((line) => line === FORGED)).toHaveLength(1);
  });

  it.each<[string, string[]]>([
    ['a recharge', ['recharges', 'show', HOSTILE]],
    ['recharges', ['recharges', 'list']],
    ['an account', ['accounts', 'show', 'demo@example.com']],
    ['a message', ['messages', 'show', messageIdOf(message)]],
  ])('%s in JSON, which reads back as it was', async (_what, command) => {
    const { stdout, ...rest } = await stack.cli([...command, '--json']);
    checked({ stdout, ...rest });
    expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(HOSTILE).slice(1, -1));
  });

  it.each<[string, string[]]>([
    ['what is not found', ['recharges', 'show', `no${HOSTILE}`]],
    ['an argument', ['recharges', 'list', '--phase', HOSTILE]],
    ['the name of a secret', ['secrets', 'rotate', HOSTILE]],
    [
      'an answer that is refused',
      ['recharges', 'resolve', HOSTILE, 'refund', '--version', '3', '--note', 'x'],
    ],
    ['a recharge that is stopped', ['recharges', 'stop', HOSTILE, '--note', HOSTILE]],
  ])('%s', async (_what, command) => {
    checked(await stack.cli(command));
  });

  it('the names of channels under which secrets are stored', async () => {
    const cwd = join(folder, 'elsewhere');
    mkdirSync(cwd, { recursive: true });
    const stored = { channels: { [`${HOSTILE}/incoming`]: ['a'], 'chat/incoming': ['a'] } };
    aws()
      .secrets.get(stack.inbound)
      ?.versions.set('version-of-the-test-0000000000000001', JSON.stringify(stored));
    const lines = checked(await stack.cli(['secrets', 'list']));
    expect(lines.join('\n')).toContain('chat/incoming');
    expect(lines).not.toContain(FORGED);
  });
});
