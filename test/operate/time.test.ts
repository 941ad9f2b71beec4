import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { resolveRecharge } from '../../operate/recharges.ts';
import { timeOfStorage } from '../../operate/time.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { storageClockOf } from '../../shared/storage/clock.ts';
import { aRecharge } from '../support/builders.ts';
import { useLedger } from '../support/store.ts';

const MINUTE = 60_000;
const store = useLedger();

/** A person's machine whose clock is so much ahead of the table's. */
function aheadBy(ms: number) {
  const { client, table } = store();
  const now = () => Date.now() + ms;
  const storageNow = storageClockOf(client);
  return { ledger: createDynamoLedger(client, table), policy: productionPolicy, now, storageNow };
}

/** A grant that got no answer; a person may say that it was not made from `settlesIn` on. */
async function anUnknownGrant(settlesInMs: number) {
  const grantDeadline = Date.now() + settlesInMs - productionPolicy.settleMs;
  await store().ledger.claim(aRecharge({ phase: 'needs_review', review: 'grant_unknown', grantDeadline }));
}

const ANSWER = { answer: 'confirm-not-granted', note: 'not there', version: 3 } as const;

describe('whether an answer may be given yet', () => {
  it('is not for a clock to say that is 17 minutes fast, or slow', async () => {
    await anUnknownGrant(16 * MINUTE);
    for (const [ms, where] of [
      [17 * MINUTE, '17.0 minutes ahead of'],
      [-17 * MINUTE, '17.0 minutes behind'],
    ] as const) {
      await expect(resolveRecharge(aheadBy(ms), 'key-1', ANSWER)).rejects.toMatchObject({
        kind: 'not_ready',
        message: expect.stringMatching(
          `^Nothing was written: this computer's clock is ${where} the table's \\(20`,
        ),
      });
    }
    expect(await store().ledger.read('key-1')).toMatchObject({ phase: 'needs_review', version: 3 });
  });

  it('is judged by the time of the table, where the two are less than a minute apart', async () => {
    await anUnknownGrant(30_000);
    await expect(resolveRecharge(aheadBy(50_000), 'key-1', ANSWER)).rejects.toThrow(
      /^The grant may still arrive/,
    );
    expect(await store().ledger.read('key-1')).toMatchObject({ phase: 'needs_review', version: 3 });
  });

  it('is judged so when it is time, too', async () => {
    await anUnknownGrant(-2_000);
    expect(await resolveRecharge(aheadBy(-50_000), 'key-1', ANSWER)).toMatchObject({ phase: 'charged' });
  });

  it('is not known where nothing that was read is dated', async () => {
    const undated = createServer((_request, response) => {
      response.sendDate = false;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void undated.close());
    await once(undated, 'listening');
    const { port } = undated.address() as AddressInfo;
    const client = createDocumentClient(engineAt(`http://127.0.0.1:${port}`));
    onTestFinished(() => client.destroy());
    const storageNow = storageClockOf(client);
    await createDynamoLedger(client, 'none').read('key-1');
    expect(storageNow()).toBeUndefined();
    expect(() => timeOfStorage({ storageNow, now: Date.now })).toThrow(
      /the answers of the table carry no date/,
    );
  });
});
