import { randomUUID } from 'node:crypto';
import { createLanes, createOutbox, createSender, tokenAndSignature } from './deliveries.ts';
import type { FaultSwitch } from './faults.ts';
import type { Account } from './platform-accounts.ts';
import type { EventOf, PlatformEvent, RecordEvents } from './platform-events.ts';
import type { Timers } from './server.ts';

export interface AutoRecharge {
  setUrl(url: string): void;
  /** Sends a webhook if the balance asks for one. Its delivery is not waited for. */
  check(account: Account): { idempotency_key: string } | null;
  /** Notes what became of a webhook. */
  apply(event: PlatformEvent): void;
  /** Goes on with the webhooks that a former process of the same books left undelivered. */
  resume(): void;
}

interface Dependencies {
  url: string | undefined;
  /** Sent as it is in `x-webhook-token`, and the key of `x-webhook-signature`. */
  secret: string;
  /** The wait before the second try, the third and so on. After the last one the webhook is given up. */
  retryMs: number[];
  record: RecordEvents;
  faults: FaultSwitch;
  timers: Timers;
}

/** Sends the auto-recharge webhooks: the same bytes again on every answer but a 2xx. */
export function createAutoRecharge(dependencies: Dependencies): AutoRecharge {
  const { secret, retryMs, record, faults, timers } = dependencies;
  let url = dependencies.url;
  const outbox = createOutbox<EventOf<'webhook'>>();
  const send = createSender('webhook', faults, timers);

  const deliver = createLanes<EventOf<'webhook'>>({
    // One webhook does not wait for another. Each is a lane of its own.
    laneOf: ({ idempotency_key }) => idempotency_key,
    send({ email, idempotency_key, credits }) {
      const body = JSON.stringify({ idempotency_key, email, credits });
      return send(email, { url, headers: tokenAndSignature(secret, body), body });
    },
    attempted({ email, idempotency_key }, attempt, status) {
      record({ kind: 'delivery', at: new Date().toISOString(), email, idempotency_key, attempt, status });
    },
    waitMs: (attempt) => retryMs[attempt - 1],
    gaveUp({ email, idempotency_key }) {
      record({ kind: 'given_up', at: new Date().toISOString(), email, idempotency_key });
    },
    timers,
  });

  return {
    setUrl(newUrl) {
      url = newUrl;
    },
    check({ email, balance, threshold, rechargeCredits, outstanding }) {
      if (url === undefined || balance >= threshold || outstanding !== undefined) return null;
      const idempotency_key = randomUUID();
      const at = new Date().toISOString();
      const webhook = { kind: 'webhook' as const, at, email, idempotency_key, credits: rechargeCredits };
      record(webhook);
      deliver(webhook);
      return { idempotency_key };
    },
    apply(event) {
      if (event.kind === 'webhook') outbox.begin(event.idempotency_key, event);
      if (event.kind === 'delivery') outbox.attempted(event.idempotency_key, event.attempt, event.status);
      if (event.kind === 'given_up') outbox.gaveUp(event.idempotency_key);
    },
    resume() {
      for (const { item, attempts } of outbox.pending()) deliver(item, attempts);
    },
  };
}
