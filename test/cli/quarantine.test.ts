import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { CAPTURED, createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { useOperator } from '../support/operator.ts';

const { shell, aws, newStack } = useOperator();
const HOOK = '/webhooks/auto-recharge';
const NOW = Date.now();

let dynamo: Engine;
const sent: string[] = [];
/** A relay that answers as a body says; `hang` breaks the connection off. */
const relay = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  sent.push(body);
  if (body.startsWith('hang')) return void request.socket.destroy();
  response.writeHead(body.startsWith('bad') ? 400 : 202).end(`{"said":"${body}"}`);
});

beforeAll(async () => {
  dynamo = await startDynamo();
  shell.AWS_ENDPOINT_URL_DYNAMODB = dynamo.endpoint;
  await once(relay.listen(0, '127.0.0.1'), 'listening');
});
beforeEach(() => void sent.splice(0));
afterAll(async () => {
  relay.close();
  await dynamo.stop();
});

/** A relay in whose quarantine these bodies are, the oldest first. */
async function quarantineOf(bodies: string[], { route = HOOK, reason = 'no key' } = {}) {
  const { port } = relay.address() as AddressInfo;
  const stack = newStack({ WebhookUrl: `http://127.0.0.1:${port}${HOOK}` });
  aws()
    .secrets.get(stack.inbound)
    ?.versions.set('version-of-the-test-0000000000000001', JSON.stringify({ webhook: ['s3cret'] }));
  const client = createDocumentClient(engineAt(dynamo.endpoint));
  await createTable(client, stack.name);
  const quarantine = createDynamoQuarantine(client, stack.name);
  const keep = (body: string, index: number, of = { route, reason }) =>
    quarantine.keep({ ...of, body: Buffer.from(body), headers: {}, receivedAt: NOW + index });
  const ids = await Promise.all(bodies.map((body, index) => keep(body, index)));
  return { cli: stack.cli, ids, keep };
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `body-${index}`);
const idsIn = (stdout: string) => [...stdout.matchAll(/\b[0-9a-f]{64}\b/g)].map(([id]) => id);

describe('the quarantine', () => {
  it('is listed to its end, page by page, by the command that each page prints', async () => {
    const { cli, ids, keep } = await quarantineOf(numbered(230));
    const other = await keep('elsewhere', 500, { route: '/channels/chat/incoming', reason: 'no text' });
    const newestFirst = [other, ...ids.toReversed()];

    const seen: string[] = [];
    let command = ['quarantine', 'list'];
    const ends: string[] = [];
    for (let pages = 0; pages < 5; pages += 1) {
      const { code, stdout } = await cli(command);
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      const end = lines.pop() ?? '';
      seen.push(...idsIn(lines.join('\n')));
      ends.push(end);
      const more = /npx relay --stack \S+ (quarantine list .*)$/.exec(end)?.[1];
      if (more === undefined) break;
      command = more.split(' ');
    }
    expect(seen).toEqual(newestFirst);
    expect(ends.at(-1)).toBe('31 shown, and no more');
    expect(ends).toHaveLength(3);

    const ofRoute = await cli(['quarantine', 'list', '--route', HOOK, '--limit', '2']);
    expect(idsIn(ofRoute.stdout).slice(0, 2)).toEqual(ids.toReversed().slice(0, 2));
    expect(ofRoute.stdout).toContain(`quarantine list --route ${HOOK} --limit 2 --after ${ids.at(-2)}\n`);
    expect(await cli(['quarantine', 'list', '--after', 'none'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^Nothing is kept under none/),
    });
  });

  it('is counted before it is replayed', async () => {
    const { cli, keep } = await quarantineOf(['a', 'b', 'c']);
    await keep('d', 9, { route: HOOK, reason: 'no credits' });
    await keep('e', 9, { route: '/channels/chat/incoming', reason: 'no text' });
    await keep('f', 9, { route: HOOK, reason: CAPTURED });
    const replay = ['quarantine', 'replay', '--all', '--route', HOOK];
    const counted = '     1  no credits\n     3  no key\n';
    expect(await cli([...replay, '--dry-run'])).toEqual({
      code: 0,
      stdout: '4 are kept of /webhooks/auto-recharge. Nothing was sent.\n',
      stderr: counted,
    });
    const asked = await cli(replay);
    expect(asked).toMatchObject({ code: 4, stdout: '' });
    expect(asked.stderr).toContain(counted);
    expect(asked.stderr).toMatch(
      /\nSend 4 to \S+ again, the oldest first\? Nobody is at a terminal .* add --yes/,
    );
    expect(sent).toEqual([]);
    const { stdout } = await cli([...replay, '--yes', '--json']);
    expect(JSON.parse(stdout)).toEqual({ found: 4, taken: 4, refused: 0, unanswered: 0, untried: 0 });
  });

  it('is given to programs, its body as it came', async () => {
    const { cli, ids } = await quarantineOf(['{"a":1}']);
    const kept = { id: ids[0], route: HOOK, reason: 'no key', received_at: new Date(NOW).toISOString() };
    expect(JSON.parse((await cli(['quarantine', 'list', '--json'])).stdout)).toEqual([kept]);
    const { stdout } = await cli(['quarantine', 'show', `${ids[0]}`, '--json']);
    expect(JSON.parse(stdout)).toEqual({ ...kept, headers: {}, body: '{"a":1}' });
  });

  it('is replayed whole, the oldest first; one that fails keeps no other back, and the end is counted', async () => {
    const { cli, ids } = await quarantineOf(['a', 'bad', 'hang', 'b', 'c']);
    const { code, stdout } = await cli(['quarantine', 'replay', '--all', '--route', HOOK, '--yes']);
    expect(code).toBe(1);
    // A connection that breaks off is tried once more by the runtime, or not.
    expect([...new Set(sent)]).toEqual(['a', 'bad', 'hang', 'b', 'c']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`1 of 5  ${ids[0]}  202 {"said":"a"}`);
    expect(lines[1]).toBe(`2 of 5  ${ids[1]}  400 {"said":"bad"}`);
    expect(lines[2]).toMatch(new RegExp(`^3 of 5  ${ids[2]}  TypeError: fetch failed`));
    expect(lines[4]).toBe(`5 of 5  ${ids[4]}  202 {"said":"c"}`);
    expect(lines[5]).toBe('3 taken, 1 refused, 1 without an answer.');
  });

  it('is replayed without a fault where all are taken, also more than a page', async () => {
    const { cli } = await quarantineOf(numbered(130));
    const { code, stdout } = await cli(['quarantine', 'replay', '--all', '--route', HOOK, '--yes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n130 taken, 0 refused, 0 without an answer\.\n$/);
    expect(sent).toEqual(numbered(130));
  });

  it('is not sent to a relay that has ended', async () => {
    const { cli } = await quarantineOf(Array.from({ length: 9 }, (_, index) => `hang-${index}`));
    const { code, stdout } = await cli(['quarantine', 'replay', '--all', '--route', HOOK, '--yes']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\n0 taken, 0 refused, 5 without an answer\. 4 were not tried: the relay does not answer\.\n$/,
    );
  });

  it.each<[string[], RegExp]>([
    [['replay'], /^Name one by its id, or all that came to a route/],
    [['replay', '--all'], /^Say which: --route \/webhooks\/auto-recharge, or/],
    [['replay', 'abc', '--all', '--route', HOOK], /^--all goes neither with an id nor with --unverified/],
    [['replay', '--all', '--route', '/elsewhere'], /\/channels\/NAME\//],
  ])('is left alone by %s', async (command, sentence) => {
    const { cli } = await quarantineOf([]);
    expect(await cli(['quarantine', ...command])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(sentence),
    });
  });
});
