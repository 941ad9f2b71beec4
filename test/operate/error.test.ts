import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { localSecrets, writeRuntime } from '../../local/state.ts';
import { addAccount, readAccount } from '../../operate/accounts.ts';
import { readCaptured, startCapture } from '../../operate/capture.ts';
import { findChannel, testChannel } from '../../operate/channels.ts';
import { type Connection, connect, findInbound } from '../../operate/connection.ts';
import type { OperateErrorKind } from '../../operate/error.ts';
import { readMessage, replayMessage } from '../../operate/messages.ts';
import { findPlatform } from '../../operate/platform.ts';
import { readQuarantined, replayQuarantined } from '../../operate/quarantine.ts';
import { readRecharge, resolveRecharge } from '../../operate/recharges.ts';
import { madeHere } from '../../operate/secret-names.ts';
import { findSecret, openSecrets } from '../../operate/secrets.ts';
import { messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createLogger } from '../../shared/logger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { aCaptured, aRecharge } from '../support/builders.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-operate-'));
const target = { stack: undefined, env: { RELAY_LOCAL_DIR: join(folder, 'started') } };
const nowhere = { stack: undefined, env: { RELAY_LOCAL_DIR: join(folder, 'none') } };
const HOOK = '/webhooks/auto-recharge';
const NOTE = 'seen in the history';

let dynamo: Engine;
let relay: Connection;

const connected = (to: typeof target) => connect(to, { logger: createLogger(() => {}), now: Date.now });

/** A table, and the traces that `npm start` leaves; nobody listens at its address. */
beforeAll(async () => {
  dynamo = await startDynamo();
  await createTable(createDocumentClient(engineAt(dynamo.endpoint)), 'a-table');
  localSecrets(target.env);
  writeRuntime(target.env, {
    url: 'http://127.0.0.1:1',
    dynamodbEndpoint: dynamo.endpoint,
    table: 'a-table',
    sqsEndpoint: 'http://127.0.0.1:1',
    queues: {
      recharges: 'http://127.0.0.1:1/recharges',
      rechargeDeadLetters: 'http://127.0.0.1:1/recharges-dead',
      messages: 'http://127.0.0.1:1/messages.fifo',
      messageDeadLetters: 'http://127.0.0.1:1/messages-dead.fifo',
    },
    config: { channels: { chat: { adapter: 'slack', toId: 'agency' } } },
  });
  relay = await connected(target);
});
afterAll(async () => {
  await dynamo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const said = (kind: OperateErrorKind, message: string | RegExp) =>
  expect.objectContaining({
    name: 'OperateError',
    kind,
    message: expect.stringMatching(message),
  });

/** What it threw; deeds that look at this machine alone are not asynchronous. */
async function errorOf(deed: () => unknown): Promise<unknown> {
  try {
    await deed();
  } catch (error) {
    return error;
  }
  return expect.unreachable('Nothing was thrown.');
}

describe('a deed on what is not there', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a recharge', () => readRecharge(relay, 'key-0'), /^No recharge has the key key-0\./],
    ['a client', () => readAccount(relay, 'a@example.com'), /^There is no client a@example\.com\./],
    ['a message', () => readMessage(relay, 'rrm-0'), /^No message has the id rrm-0\./],
    ['a message to replay', () => replayMessage(relay, 'rrm-0'), /^No message has the id rrm-0\./],
    ['a webhook in quarantine', () => readQuarantined(relay, 'none'), /^Nothing is kept under none/],
    ['a capture', () => readCaptured(relay, { id: undefined, route: HOOK }), /^Nothing was captured at/],
    ['a captured one', () => readCaptured(relay, { id: 'none', route: HOOK }), /^Nothing captured is kept/],
    ['a channel', () => findChannel('sales', target), /^There is no channel sales, only chat\.$/],
    ['a secret', () => findSecret('hunter2', target), /^A secret is called (?!.*hunter2)/],
  ])('is not found: %s', async (_what, deed, message) => {
    expect(await errorOf(deed)).toEqual(said('not_found', message));
  });
});

describe('a deed on what is no longer what the person saw', () => {
  it('changes nothing: a recharge', async () => {
    const row = aRecharge({ key: 'key-1', phase: 'needs_review' });
    await relay.ledger.claim(row);
    const answer = { answer: 'confirm-granted' as const, note: NOTE };
    const stale = await errorOf(() =>
      resolveRecharge(relay, 'key-1', { ...answer, version: row.version - 1 }),
    );
    expect(stale).toEqual(said('changed', /^Recharge key-1 has changed since version 2 was shown\./));
    expect(await relay.ledger.read('key-1')).toEqual(row);

    expect(await resolveRecharge(relay, 'key-1', { ...answer, version: row.version })).toMatchObject({
      phase: 'completed',
    });
    const late = await errorOf(() =>
      resolveRecharge(relay, 'key-1', { answer: 'refund', note: NOTE, version: row.version }),
    );
    expect(late).toEqual(said('changed', /^Recharge key-1 has changed/));
    expect(await relay.ledger.read('key-1')).toMatchObject({ phase: 'completed' });
  });

  it('changes nothing: a secret', async () => {
    const secrets = await openSecrets(target);
    const { secret } = findSecret('webhook', target);
    const answered = async () => {
      await (await openSecrets(target)).set(secret, async () => ['the-quicker-one']);
      return ['one-of-my-own'];
    };
    const error = await errorOf(() => secrets.set(secret, answered));
    expect(error).toEqual(said('changed', /^webhook could not be set$/));
    expect(localSecrets(target.env).inbound.webhook[0]).toBe('the-quicker-one');
  });
});

describe('a deed that must not be done', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'an answer to nothing',
      async () => {
        await relay.ledger.claim(aRecharge({ key: 'key-2', phase: 'completed' }));
        return resolveRecharge(relay, 'key-2', { answer: 'refund', note: NOTE, version: 3 });
      },
      /nobody needs to answer for it/,
    ],
    [
      'a message that is on its way',
      async () => {
        const content = { id: 'in-1', contact: 'jane', type: 'text' as const, text: 'Hi', attachments: [] };
        const message = newMessage({ channel: 'chat', direction: 'incoming', content }, Date.now());
        await relay.messages.mark(message);
        return replayMessage(relay, messageIdOf(message));
      },
      /is not replayed: it was received or replayed less than 5 minutes ago/,
    ],
    [
      'a capture without an end',
      async () => startCapture(relay, await findInbound(target), { route: HOOK, minutes: 1_441 }),
      /^A capture is on for 1 to 1440 minutes\.$/,
    ],
    [
      'a secret that another makes',
      () => madeHere(findSecret('chat/incoming', target).secret),
      /^Slack makes chat\/incoming, not the relay/,
    ],
    [
      'a secret in two words',
      async () => (await openSecrets(target)).set(findSecret('webhook', target).secret, async () => ['a b']),
      /^webhook holds a space/,
    ],
    [
      'a captured delivery that nobody proved',
      async () =>
        replayQuarantined(aCaptured(), await findInbound(target), {
          target,
          unverified: false,
          now: Date.now(),
        }),
      /^Nobody proved to have sent this/,
    ],
  ])('is refused: %s', async (_what, deed, message) => {
    expect(await errorOf(deed)).toEqual(said('refused', message));
  });

  it('is refused: a platform id that leads to another client', async () => {
    await addAccount(relay, 'first@example.com', { platformId: 'sub_1' });
    const error = await errorOf(() => addAccount(relay, 'second@example.com', { platformId: 'sub_1' }));
    expect(error).toEqual(said('refused', /^The platform id sub_1 is linked to first@example\.com, who/));
  });
});

describe('a deed for which something is missing', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a relay', () => connected(nowhere), /^No relay was started in /],
    ['its address', () => findInbound(nowhere), /^No relay was started in /],
    [
      'its secrets',
      async () => (await openSecrets(nowhere)).list(new Map(), async () => 'never_seen'),
      /^No relay was started in /,
    ],
    [
      'its queue',
      async () => {
        const env = { ...nowhere.env, DYNAMODB_ENDPOINT: dynamo.endpoint };
        return (await connected({ ...nowhere, env })).messageQueue();
      },
      /^No relay was started in /,
    ],
    ['a platform', () => findPlatform(nowhere), /^No platform is known\./],
    [
      'the secret of a channel',
      async () =>
        testChannel('chat', findChannel('chat', target), await findInbound(target), relay, () => {}),
      /^No secret is set\. Set it/,
    ],
  ])('is told so: %s', async (_what, deed, message) => {
    expect(await errorOf(deed)).toEqual(said('not_ready', message));
  });
});
