import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { AlertLogger } from '../shared/alerts.ts';
import type {
  ChargeOutcome,
  LookupOutcome,
  PaymentHook,
  RefundOutcome,
} from '../shared/payments/payment-hook.ts';
import type { GrantResult } from '../shared/platform/client.ts';
import type { Accounts } from '../shared/recharge/accounts.ts';
import { type Answer, applyAnswer } from '../shared/recharge/answers.ts';
import { counterpartyOf } from '../shared/recharge/counterparty.ts';
import { applyStop } from '../shared/recharge/deeds.ts';
import { RECHARGE } from '../shared/recharge/dynamo-recharges.ts';
import { isFinished, newRecharge, type Recharge } from '../shared/recharge/recharge.ts';
import { type RunDeps, runRecharge } from '../shared/recharge/run-recharge.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Where the scenes of the last days are played: before the parties of the life, at a time of their own. */
export interface Stage {
  client: DynamoDBDocumentClient;
  table: string;
  /** `now` is the clock's. */
  deps: RunDeps;
  accounts: Accounts;
  logger: AlertLogger;
  /** Set to the time, in Unix milliseconds, at which the next thing happens. */
  clock: { time: number };
  /** The last moment of the life. */
  end: number;
}

export const emailOf = (number: number) => `client-${String(number).padStart(3, '0')}@example.com`;

/** Chance leaves those after this number alone in the last days: nothing else of theirs stands in a scene's way. */
export const LAST_OF_CHANCE = 12;
export const DAYS_OF_SCENES = 10;
/** Has a monthly cap of 100 EUR, and used nothing of it before its scene. */
export const NEW_CLIENT = 21;

/**
 * Plays what chance does not bring in six weeks, so that every phase, reason and alert is there to be looked at: each
 * with a client of its own, by the real machine, with one party that answers as it sometimes does.
 */
export async function playScenes(stage: Stage): Promise<void> {
  for (const scene of [...REVIEWS, ...LOSSES, ...WAITS, ...REFUSED]) {
    // Others went well meanwhile: only the outage, which is the last, stops all charges.
    await stage.deps.charging.grantWentThrough();
    await scene(stage);
  }
  await outage(stage);
  await workersThatDied(stage);
}

type Scene = (stage: Stage) => Promise<void>;

// ── What a person must settle ────────────────────────────────────────────────────────────────────────

const REFUSED_GRANT: GrantResult = { kind: 'refused', detail: 'status 422 the sub-account is closed' };
const SILENT = { kind: 'unknown', detail: 'status 503 Service Unavailable' } as const;

const REVIEWS: Scene[] = [
  async function chargeUnknown(stage) {
    const deps = paying(stage.deps, { charge: SILENT, lookup: SILENT });
    const key = await begin(stage, 31, 50 * HOUR);
    await run(stage, key, deps);
    await run(stage, key, deps, 48 * HOUR);
  },
  async function grantDiffers(stage) {
    const detail = '5,000 credits were granted, 500 were asked for';
    const key = await begin(stage, 32, 33 * HOUR);
    await run(stage, key, granting(stage, { kind: 'differs', detail }));
    await sweep(stage, key);
  },
  async function grantExpired(stage) {
    const detail = "status 402 the agency's pool is empty";
    const key = await begin(stage, 33, 44 * HOUR);
    await bringToRest(stage, key, granting(stage, { kind: 'not_applied', detail }));
  },
  async function refundUnknown(stage) {
    const deps = paying(stage.deps, { refund: SILENT });
    const key = await refundRefusedGrant(stage, 34, 8 * DAY, deps);
    await run(stage, key, deps, 7 * DAY);
  },
  async function refundFailed(stage) {
    const refund = { kind: 'refused', reason: 'the account was closed' } as const;
    await refundRefusedGrant(stage, 36, 30 * HOUR, paying(stage.deps, { refund }));
  },
  async function refundPending(stage) {
    await refundRefusedGrant(stage, 30, 6 * HOUR, paying(stage.deps, { refund: { kind: 'pending' } }));
  },
];

/** The platform refuses the credits, and a person gives the money back. */
async function refundRefusedGrant(stage: Stage, number: number, back: number, deps: RunDeps) {
  const key = await begin(stage, number, back);
  await run(stage, key, granting(stage, REFUSED_GRANT));
  await answer(stage, key, 'refund', HOUR);
  await run(stage, key, deps);
  return key;
}

// ── What was found out after the end ─────────────────────────────────────────────────────────────────

const LOSSES: Scene[] = [
  async function grantedTwice(stage) {
    const key = await begin(stage, 37, 4 * DAY);
    await run(stage, key, granting(withBooks(stage, 2), SILENT));
    await answer(stage, key, 'confirm-not-granted', HOUR);
    await run(stage, key, granting(withBooks(stage, 2), { kind: 'granted', newBalance: 1_240 }));
    await sweep(stage, key, withBooks(stage, 2).deps);
  },
  async function grantedAfterRefund(stage) {
    const key = await begin(stage, 38, 5 * DAY);
    await run(stage, key, granting(withBooks(stage, 1), SILENT));
    await answer(stage, key, 'refund', HOUR);
    await run(stage, key, withBooks(stage, 1).deps);
    await sweep(stage, key, withBooks(stage, 1).deps);
  },
  async function paidAfterEnd(stage) {
    const key = await begin(stage, 22, 3 * DAY + 5 * HOUR);
    const paymentRef = `pay_${key}`;
    const actionUrl = 'https://pay.example.com/confirm/late';
    await run(stage, key, paying(stage.deps, { charge: { kind: 'pending', paymentRef, actionUrl } }));
    await run(stage, key, stage.deps, 3 * DAY);
    stage.clock.time += HOUR;
    const deps = paying(stage.deps, { lookup: { kind: 'paid', paymentRef } });
    await runRecharge(key, stage.clock.time + deps.policy.runMs, deps, { woken: true });
  },
];

/** The platform's books, which list so many grants of each recharge when they are looked at late, and none before. */
function withBooks(stage: Stage, grants: number): Stage {
  const { policy, platform } = stage.deps;
  const deps: RunDeps = {
    ...stage.deps,
    policy: { ...policy, evidence: { ...policy.evidence, lookUp: true } },
    platform: {
      ...platform,
      findGrant: async () => ({ kind: 'not_found' }),
      listGrants: async ({ markPrefix }) => ({
        kind: 'listed',
        marks: Array.from({ length: grants }, (_, index) => `${markPrefix}${index + 1}`),
      }),
    },
  };
  return { ...stage, deps };
}

// ── What waits, or went no further ───────────────────────────────────────────────────────────────────

const WAITS: Scene[] = [
  async function paymentHookMisconfigured(stage) {
    const detail = 'status 401 the signature is not known';
    const charge = { kind: 'not_attempted', detail, misconfigured: true } as const;
    const key = await begin(stage, 20, 25 * MINUTE);
    await bringToRest(stage, key, paying(stage.deps, { charge, lookup: { kind: 'not_found' } }));
  },
  async function rechargeExpired(stage) {
    const { charging } = stage.deps;
    const key = await begin(stage, 19, 25 * HOUR);
    await charging.pause({ reason: 'the platform moves its data', by: 'jane@desk' });
    await run(stage, key);
    await charging.resume();
    await run(stage, key, stage.deps, DAY);
  },
  async function otherCounterparty(stage) {
    const { deps } = stage;
    const payment = counterpartyOf({ url: 'https://pay-before.example.com' });
    const charge = { kind: 'pending', paymentRef: 'pay_before' } as const;
    const key = await begin(stage, 18, 3 * HOUR);
    await run(stage, key, { ...paying(deps, { charge }), parties: { ...deps.parties, payment } });
    await run(stage, key, deps, HOUR);
  },
  async function noProgress(stage) {
    const deps = paying(stage.deps, { charge: SILENT, lookup: SILENT });
    const key = await begin(stage, 16, 6 * HOUR);
    await run(stage, key, deps);
    for (let sweeps = 0; sweeps < deps.policy.sweepsToAlert; sweeps += 1) await sweep(stage, key, deps);
  },
  async function newerRow(stage) {
    const { client, table } = stage;
    const key = await begin(stage, 35, 3 * HOUR);
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: RECHARGE + key },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 99 },
      }),
    );
    await run(stage, key);
  },
];

// ── What was refused before any money moved ──────────────────────────────────────────────────────────

const REFUSED: Scene[] = [
  async function declinedInARow(stage) {
    const charge = { kind: 'declined', reason: 'card_declined', retryable: false } as const;
    for (const hours of [5, 4, 3])
      await run(stage, await begin(stage, 28, hours * HOUR), paying(stage.deps, { charge }));
    await run(stage, await begin(stage, 28, HOUR));
  },
  async function monthlyCap(stage) {
    await run(stage, await begin(stage, NEW_CLIENT, 40 * MINUTE, 1_000));
    await run(stage, await begin(stage, NEW_CLIENT, 20 * MINUTE));
  },
  async function dailyCount(stage) {
    await stage.accounts.set(emailOf(15), { limits: { dailyCount: 1 } });
    for (const minutes of [40, 35, 25]) await run(stage, await begin(stage, 15, minutes * MINUTE));
  },
  async function disabled(stage) {
    await stage.accounts.set(emailOf(23), { status: 'disabled' });
    await run(stage, await begin(stage, 23, 2 * HOUR));
    await stage.accounts.set(emailOf(23), { status: 'suspended' });
  },
  async function withoutAccount(stage) {
    await run(stage, await begin(stage, 77, 4 * HOUR));
  },
  async function tooManyCredits(stage) {
    await run(stage, await begin(stage, 25, 90 * MINUTE, 50_000_000));
  },
  async function unfinished(stage) {
    await run(stage, await begin(stage, 39, 30 * MINUTE));
  },
  async function unknownOnPlatform(stage) {
    const { deps } = stage;
    const platform = { ...deps.platform, subAccount: async () => ({ kind: 'not_found' }) as const };
    await run(stage, await begin(stage, 14, 70 * MINUTE), { ...deps, preflight: true, platform });
  },
  async function stopped(stage) {
    const { deps, clock } = stage;
    const key = await begin(stage, 29, 5 * HOUR);
    await deps.charging.pause({ reason: 'a new price list', by: 'jane@desk' });
    await run(stage, key);
    clock.time += MINUTE;
    await write(stage, key, (row) =>
      applyStop(row, 'she wrote that she needs none (jane@desk)', moment(stage)),
    );
    await run(stage, key);
    await deps.charging.resume();
  },
  /** One whose message came to the worker long after eight others of the client. */
  async function tooManyAtOnce(stage) {
    const late = await begin(stage, 13, 5 * HOUR);
    for (let index = 0; index < 8; index += 1)
      await run(stage, await begin(stage, 13, 5 * HOUR - (index + 1) * SECOND));
    await run(stage, await begin(stage, 13, 4 * HOUR));
    await run(stage, late);
  },
];

// ── The last minutes ─────────────────────────────────────────────────────────────────────────────────

/** The platform is not reached: what is paid waits, and after three clients nobody is charged any more. */
async function outage(stage: Stage): Promise<void> {
  const detail = 'connect ECONNREFUSED 192.0.2.1:443';
  const deps = granting(stage, { kind: 'not_applied', detail, unsent: true });
  for (const [number, minutes] of [
    [26, 6],
    [27, 5],
    [14, 4],
  ] as const)
    await bringToRest(stage, await begin(stage, number, minutes * MINUTE), deps);
}

class Killed extends Error {}

/** One is ended while its grant is on its way, and one before it did anything. */
async function workersThatDied(stage: Stage): Promise<void> {
  const { deps } = stage;
  let isDead = false;
  const send = async (): Promise<GrantResult> => {
    isDead = true;
    return { kind: 'granted' };
  };
  const draw = () => {
    if (isDead) throw new Killed();
    return deps.draw();
  };
  // It was charged before charges were stopped.
  const charging = { ...deps.charging, paused: async () => undefined };
  const platform = { ...deps.platform, prepareGrant: async () => ({ send }) };
  const key = await begin(stage, 24, 45 * SECOND);
  try {
    await run(stage, key, { ...deps, charging, platform, draw });
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  await begin(stage, 25, 20 * SECOND);
}

// ── How a scene is played ────────────────────────────────────────────────────────────────────────────

/** A webhook of a client. @returns its key. */
async function begin({ deps, clock, end }: Stage, number: number, back: number, credits = 500) {
  clock.time = end - back;
  const key = `demo-client-${String(number).padStart(3, '0')}-${Math.round(back / SECOND)}`;
  await deps.ledger.claim(
    newRecharge({ key, email: emailOf(number), credits }, clock.time, clock.time + MINUTE),
  );
  return key;
}

/** @param later how long after what happened last. */
async function run(stage: Stage, key: string, deps = stage.deps, later = 200): Promise<void> {
  stage.clock.time += later;
  await runRecharge(key, stage.clock.time + deps.policy.runMs, deps);
}

/** Runs it at each of its times, until it ends, a person is asked, or the life is over. */
async function bringToRest(stage: Stage, key: string, deps: RunDeps): Promise<void> {
  for (;;) {
    await run(stage, key, deps);
    const row = await rowOf(stage, key);
    const { nextAttemptAt = Infinity } = row;
    if (isFinished(row) || row.phase === 'needs_review' || nextAttemptAt > stage.end) return;
    stage.clock.time = Math.max(stage.clock.time, nextAttemptAt);
  }
}

/** As the sweeper brings it back when its time has come. */
async function sweep(stage: Stage, key: string, deps = stage.deps): Promise<void> {
  const { clock, logger } = stage;
  const { nextAttemptAt = Infinity } = await rowOf(stage, key);
  clock.time = Math.max(clock.time, nextAttemptAt);
  const swept = await deps.ledger.postpone({ key, nextAttemptAt }, clock.time + deps.policy.sweepAgainMs);
  if (swept && swept.swept % deps.policy.sweepsToAlert === 0)
    logger.alert('no_progress', { key, swept: swept.swept });
  await run(stage, key, deps);
}

/** What a person says of it, so long after what happened last. */
async function answer(stage: Stage, key: string, said: Answer, later: number): Promise<void> {
  stage.clock.time += later;
  const note = 'looked at the history (jane@desk)';
  await write(stage, key, (row) => applyAnswer(row, { answer: said, note }, moment(stage)));
}

const moment = ({ clock, deps: { policy } }: Stage) => ({ now: clock.time, policy });

async function write(
  stage: Stage,
  key: string,
  deed: (row: Recharge) => { next: Recharge } | { refused: string },
) {
  const row = await rowOf(stage, key);
  const done = deed(row);
  if ('refused' in done) throw new Error(`Bug! The scene of ${key} cannot be played: ${done.refused}`);
  await stage.deps.ledger.write(row, done.next);
}

async function rowOf({ deps }: Stage, key: string): Promise<Recharge> {
  const row = await deps.ledger.read(key);
  if (!row) throw new Error(`Bug! The scene of ${key} has no row.`);
  return row;
}

interface Payments {
  charge?: ChargeOutcome;
  lookup?: LookupOutcome;
  refund?: RefundOutcome;
}

function paying(deps: RunDeps, { charge, lookup, refund }: Payments): RunDeps {
  const payments: PaymentHook = {
    ...deps.payments,
    ...(charge === undefined ? {} : { prepareCharge: async () => ({ send: async () => charge }) }),
    ...(lookup === undefined ? {} : { lookup: async () => lookup }),
    ...(refund === undefined ? {} : { refund: async () => refund }),
  };
  return { ...deps, payments };
}

function granting({ deps }: Stage, result: GrantResult): RunDeps {
  const prepareGrant = async () => ({ send: async () => result });
  return { ...deps, platform: { ...deps.platform, prepareGrant } };
}
