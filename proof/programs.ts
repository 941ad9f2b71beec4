import { createRechargeSweeperHandler } from '../functions/recharge-sweeper/handler.ts';
import { createRechargeWebhookHandler } from '../functions/recharge-webhook/handler.ts';
import { createRechargeWorkerHandler } from '../functions/recharge-worker/handler.ts';
import { OperateError } from '../operate/error.ts';
import { refundRecharge, resolveRecharge, retryRecharge, stopRecharge } from '../operate/recharges.ts';
import { signRequest } from '../shared/incoming/verifiers.ts';
import { createLogger } from '../shared/logger.ts';
import type { Counterparties } from '../shared/recharge/counterparty.ts';
import type { GuardSettings } from '../shared/recharge/guard.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import type { KeyMessage } from '../shared/recharge/queue-message.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import type { RunDeps } from '../shared/recharge/run-recharge.ts';
import type { RechargeConfig } from '../shared/recharge/settings.ts';
import { portsOf } from './ports.ts';
import type { Host, Program as ProgramOn } from './process.ts';
import type { Around } from './world.ts';

type Program = ProgramOn<Around>;

/** What a process is set up with. Another deployment sets up the processes after it differently. */
export interface Setup {
  recharge: RechargeConfig;
  guard: GuardSettings;
  parties: Counterparties;
  preflight: boolean;
  policy: Policy;
  /** The webhook's secrets, where it is not `SECRET` alone. */
  webhookSecrets?: readonly string[];
}

/** A webhook as the platform sends it. */
export interface Order {
  key: string;
  email: string;
  credits: number;
  /** By somebody who does not know the secret. */
  forged?: boolean;
  /** What it is signed with, where that is not `SECRET`. */
  secret?: string;
}

export const SECRET = 'webhook-secret-3b1f';

/** What no process of these worlds has to do with. */
const elsewhere = (): never => {
  throw new Error('Bug! Nobody should ask for this here.');
};

function depsOf(host: Host<Around>, { guard, parties, preflight, policy }: Setup) {
  const ports = portsOf(host, parties, policy);
  let drawn = 0;
  const deps: RunDeps = {
    ledger: ports.ledger,
    payments: ports.payments,
    platform: ports.platform,
    charging: ports.charging,
    guard,
    parties,
    preflight,
    policy,
    logger: createLogger(host.write, { now: host.nowForLog }),
    // Never twice the same, and the same in each replay.
    draw: () => ({ token: `${host.name}.${drawn++}`, jitter: 0.5 }),
    sleep: ports.sleep,
    now: host.now,
  };
  return { deps, queue: ports.queue };
}

/** Whose tokens stand in what storage has answered: its row, if any. */
export function namesIn(answer: unknown): string[] {
  if (typeof answer !== 'object' || answer === null) return [];
  return Object.entries(answer).flatMap(([name, value]) => {
    if (name === 'grantToken') return [String(value).split('.')[0] ?? ''];
    return name === 'value' || name === 'row' ? namesIn(value) : [];
  });
}

/** The handler behind `POST /webhooks/auto-recharge`. Ends with the status that it answers. */
export function webhook(name: string, order: Order, setup: Setup): Program {
  return {
    name,
    async run(host) {
      const { deps, queue } = depsOf(host, setup);
      const receive = createRechargeWebhookHandler({
        config: setup.recharge,
        secrets: {
          get: async () => ({ webhook: [...(setup.webhookSecrets ?? [SECRET])] }),
          reread: async () => 'kept',
          doubt() {},
        },
        ledger: deps.ledger,
        accounts: { emailOf: elsewhere },
        quarantine: { keep: async () => 'quarantined' },
        capture: { take: async () => false },
        secretUses: { saw: async () => {} },
        refusals: { answered: async () => {} },
        queue,
        sweepAgainMs: setup.policy.sweepAgainMs,
        logger: deps.logger,
        now: host.now,
      });
      const { key, email, credits, forged } = order;
      const { secret = forged ? 'another secret' : SECRET } = order;
      const body = JSON.stringify({ idempotency_key: key, email, credits });
      const headers = signRequest({ secret, body: Buffer.from(body), now: host.now() });
      return (await receive({ body, headers, isBase64Encoded: false })).statusCode;
    },
  };
}

/**
 * The worker's handler, with one message. Ends with the number of messages that it reports as failed.
 *
 * @param woken somebody says that the payment has changed.
 */
export function worker(name: string, key: string, setup: Setup, woken = false): Program {
  return {
    name,
    async run(host) {
      const work = createRechargeWorkerHandler(depsOf(host, setup).deps);
      const context = { getRemainingTimeInMillis: () => setup.policy.runMs };
      return (await work({ Records: [message(woken ? { key, woken } : { key })] }, context)).batchItemFailures
        .length;
    },
  };
}

const message = (content: KeyMessage) => ({
  messageId: 'message',
  body: JSON.stringify(content),
  receiptHandle: '',
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '',
    SenderId: '',
    ApproximateFirstReceiveTimestamp: '',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: '',
  awsRegion: '',
});

/** The sweeper's handler, once, in a relay without channels. */
export function sweeper(name: string, setup: Setup): Program {
  return {
    name,
    async run(host) {
      const { deps, queue } = depsOf(host, setup);
      const sweep = createRechargeSweeperHandler({
        ...deps,
        queue,
        messages: {
          due: async () => ({ items: [] }),
          read: elsewhere,
          rememberReplyTo: elsewhere,
          write: elsewhere,
        },
        messageQueue: { send: elsewhere },
        sweeps: { note: async () => {} },
      });
      await sweep({}, { getRemainingTimeInMillis: () => setup.policy.runMs });
    },
  };
}

/**
 * A person at the command line: sees the row, looks into the books of both sides, and answers for the version they saw.
 * Between any two of these may be days.
 */
export function person(name: string, key: string, setup: Setup): Program {
  return {
    name,
    async run(host) {
      const { ledger, look } = portsOf(host, setup.parties, setup.policy);
      const shown = await ledger.read(key);
      const said = shown && (await look(shown));
      if (!said) return 'nothing to say';
      const note = 'looked into both books';
      return orRefused(
        resolveRecharge(connection(host, ledger, setup), key, { ...said, note, version: shown.version }),
      );
    },
  };
}

export type Deed = 'stop' | 'retry' | 'give back';

/** A person who wants something of a recharge that asks nobody. */
export function deed(name: string, key: string, what: Deed, setup: Setup): Program {
  const DEEDS = { stop: stopRecharge, retry: retryRecharge, 'give back': refundRecharge } as const;
  return {
    name,
    run: (host) => {
      const { ledger } = portsOf(host, setup.parties, setup.policy);
      return orRefused(DEEDS[what](connection(host, ledger, setup), key, 'a person wants it'));
    },
  };
}

const connection = (host: Host<Around>, ledger: Ledger, { policy }: Setup) => ({
  ledger,
  policy,
  now: host.now,
  storageNow: host.now,
});

async function orRefused(deed: Promise<Recharge>): Promise<string> {
  try {
    return (await deed).phase;
  } catch (error) {
    if (error instanceof OperateError) return error.kind;
    throw error;
  }
}
