import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExitCode } from '../../cli/failure.ts';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { createSecretUses, secretId } from '../../shared/incoming/secret-use.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { exits } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';

const { shell, aws, newStack } = useOperator();
let dynamo: Engine;

beforeAll(async () => {
  dynamo = await startDynamo();
  shell.AWS_ENDPOINT_URL_DYNAMODB = dynamo.endpoint;
});
afterAll(() => dynamo.stop());

const DAY = 86_400_000;
const SEEN = Date.UTC(2026, 0, 5, 9, 30);
const id = (value: string) => secretId('webhook', value);

/** A relay that has had four webhook secrets; the oldest was set by other means. One of them is still signed with. */
async function aRotated() {
  const stack = newStack();
  const client = createDocumentClient(engineAt(dynamo.endpoint));
  await createTable(client, stack.name);
  const now = Date.now();
  aws().put(stack.inbound, {
    webhook: ['current', 'third', 'second', 'first'],
    channels: { 'own/send': ['a', 'b'] },
    setAt: {
      webhook: { [id('current')]: now - DAY, [id('third')]: now - 9 * DAY, [id('gone')]: now - 99 * DAY },
    },
  });
  const logger = { error: () => expect.unreachable('It was noted.') };
  await createSecretUses(client, stack.name, { logger, now: () => SEEN }).saw('webhook', 'second');
  client.destroy();
  const drop = (args: string[], input = '') => stack.cli(['secrets', 'drop', 'webhook', ...args], { input });
  return { stack, now, drop, held: (): string[] => aws().valueOf(stack.inbound).webhook };
}

const iso = (time: number) => new Date(time).toISOString();

describe.concurrent('secrets', () => {
  it('are kept and listed until they are dropped: since when, replaced when, and used when', async () => {
    const { stack, now } = await aRotated();
    const { stdout } = await stack.cli(['secrets', 'list']);
    const told = (time: number) => `${iso(time).slice(0, 19)}Z`;
    const cells = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(cells.slice(1, 6)).toEqual([
      ['webhook', 'set, with 3 previous ones'],
      ['', 'current', id('current'), told(now - DAY), '24 h ago'],
      ['', 'previous', id('third'), told(now - DAY), '24 h ago', 'no use seen'],
      [
        ...['', 'previous', id('second'), told(now - 9 * DAY), '9 d ago'],
        expect.stringMatching(/^2026-01-05T09:30:00Z \(\d+ d ago\)$/),
      ],
      ['', 'previous', id('first'), 'no use seen'],
    ]);
    const [webhook] = JSON.parse((await stack.cli(['secrets', 'list', '--json'])).stdout);
    expect(webhook.held[2]).toEqual({
      id: id('second'),
      is: 'previous',
      replaced_at: iso(now - 9 * DAY),
      last_used: '2026-01-05T09:30:00.000Z',
    });
  });

  it('are all still accepted after two rotations, and no more than ten', async () => {
    const { stack, held } = await aRotated();
    for (let time = 0; time < 7; time += 1) {
      const { code } = await stack.cli(['secrets', 'rotate', 'webhook']);
      expect(code).toBe(time < 6 ? 0 : 4);
    }
    expect(held()).toHaveLength(10);
    expect(held().slice(6)).toEqual(['current', 'third', 'second', 'first']);
    expect(await stack.cli(['secrets', 'rotate', 'webhook'])).toEqual(
      exits(
        4,
        'webhook has 10 values that are accepted: drop some first, with ' +
          `npx relay --stack ${stack.name} secrets drop webhook --older-than 30d.`,
      ),
    );
  });

  it('that leaked are dropped at once, when the name is typed', async () => {
    const { drop, held, stack } = await aRotated();
    const asked = await drop(['--all-previous'], 'no\n');
    expect(asked).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/Nothing was dropped\.\n$/),
    });
    expect(asked.stderr).toMatch(new RegExp(`^${id('second')} +20`, 'm'));
    expect(asked.stderr).toContain(
      'Whoever still signs with what is dropped is refused. Type webhook to drop it:',
    );
    expect(held()).toHaveLength(4);

    const { code, stdout } = await drop(['--all-previous'], 'webhook\n');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `Dropped: ${id('third')}, ${id('second')}, ${id('first')}. What is left of webhook is set, and in use within five minutes.\n`,
    );
    expect(held()).toEqual(['current']);
    expect(aws().valueOf(stack.inbound).channels).toEqual({ 'own/send': ['a', 'b'] });
    expect(await drop(['--all-previous', '--yes'])).toEqual(
      exits(4, 'webhook has no previous value. Nothing was dropped.'),
    );
  });

  it('are dropped one by one, and never the current one', async () => {
    const { drop, held } = await aRotated();
    expect(await drop(['--which', id('second'), '--yes'])).toMatchObject({ code: 0 });
    expect(held()).toEqual(['current', 'third', 'first']);
    expect(await drop(['--which', id('second'), '--yes'])).toMatchObject({
      stderr: expect.stringMatching(
        /^webhook has no value [0-9a-f]{8}: npx relay --stack \S+ secrets list\n$/,
      ),
    });
    expect(await drop(['--which', id('current'), '--yes'])).toEqual(
      exits(
        4,
        `${id('current')} is the current value of webhook. Give it another one first (secrets set, secrets rotate), ` +
          'then drop this one. Nothing was dropped.',
      ),
    );
    expect(held()).toHaveLength(3);
  });

  it('are dropped by the time since they were replaced, not since they were set', async () => {
    const { drop, held } = await aRotated();
    expect(await drop(['--older-than', '10d', '--yes'])).toEqual(
      exits(
        4,
        'No previous value of webhook was replaced so long ago. Of 1 it is not known when: name them with --which. ' +
          'Nothing was dropped.',
      ),
    );
    expect(await drop(['--older-than', '48h', '--yes'])).toMatchObject({ code: 0 });
    expect(held()).toEqual(['current', 'third', 'first']);
  });

  it.each<[string[], ExitCode, RegExp]>([
    [['webhook'], 2, /^Say which: one of --all-previous, --which ID and --older-than 7d\.\n/],
    [['webhook', '--all-previous', '--which', 'abc'], 2, /^Say which: one of/],
    [['webhook', '--older-than', 'long'], 2, /an age such as 7d or 12h/],
    [
      ['paymentHook', '--all-previous'],
      4,
      /^A new paymentHook replaces the one before: there is no previous one\./,
    ],
  ])('are left alone by %s', async (command, code, sentence) => {
    const { stack, held } = await aRotated();
    expect(await stack.cli(['secrets', 'drop', ...command, '--yes'])).toEqual(exits(code, sentence));
    expect(held()).toHaveLength(4);
  });

  it('are not dropped where somebody else changes them meanwhile', async () => {
    const { stack, drop, held } = await aRotated();
    aws().secret(stack.inbound).afterGet = () => aws().put(stack.inbound, { webhook: ['quicker', 'third'] });
    expect(await drop(['--all-previous', '--yes'])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^Somebody else has changed it meanwhile/),
    });
    expect(held()).toEqual(['quicker', 'third']);
  });
});
