import { createHmac, randomUUID } from 'node:crypto';
import type { FaultSwitch } from './faults.ts';
import type { Account, PlatformEvent } from './platform-accounts.ts';
import type { Timers } from './server.ts';

export const WEBHOOK_FAULTS = ['twice', 'lost'] as const;

/** The platform does not say how long it waits; the relay answers within 10 s. */
const ANSWER_TIMEOUT_MS = 10_000;

type Webhook = Extract<PlatformEvent, { kind: 'webhook' }>;
type DeliveryStatus = Extract<PlatformEvent, { kind: 'delivery' }>['status'];

export interface AutoRecharge {
  setUrl(url: string): void;
  /** Sends a webhook where the balance asks for one; its delivery is not waited for. */
  check(account: Account): { idempotency_key: string } | null;
  /** Goes on with the webhooks that a former process of the same books left undelivered. */
  resume(events: readonly PlatformEvent[]): void;
}

interface Dependencies {
  url: string | undefined;
  /** Sent as it is in `x-webhook-token`, and the key of `x-webhook-signature`. */
  secret: string;
  /** The wait before the second try, the third and so on; after the last one the webhook is given up. */
  retryMs: number[];
  record(event: PlatformEvent): void;
  faults: FaultSwitch;
  timers: Timers;
}

/** Sends the auto-recharge webhooks: the same bytes again on every answer but a 2xx. */
export function createAutoRecharge(dependencies: Dependencies): AutoRecharge {
  const { secret, retryMs, record, faults, timers } = dependencies;
  let url = dependencies.url;

  const deliver = async (webhook: Webhook, attempt: number): Promise<void> => {
    const { email, idempotency_key } = webhook;
    const fault = faults.take('webhook', email)?.fault;
    const copies = fault === 'twice' ? [webhook, webhook] : [webhook];
    const send = async (copy: Webhook) =>
      fault === 'lost' ? 'lost' : post(url, secret, copy, timers.closed);
    const statuses = await Promise.all(copies.map(send));
    if (timers.closed.aborted) return;
    for (const status of statuses) {
      record({ kind: 'delivery', at: new Date().toISOString(), email, idempotency_key, attempt, status });
    }
    if (statuses.some(isAccepted)) return;
    const wait = retryMs[attempt - 1];
    if (wait === undefined) {
      record({ kind: 'given_up', at: new Date().toISOString(), email, idempotency_key });
    } else {
      timers.after(wait, () => deliver(webhook, attempt + 1));
    }
  };

  return {
    setUrl(newUrl) {
      url = newUrl;
    },
    check({ email, balance, threshold, rechargeCredits, outstanding }) {
      if (url === undefined || balance >= threshold || outstanding !== undefined) return null;
      const idempotency_key = randomUUID();
      const at = new Date().toISOString();
      const webhook: Webhook = { kind: 'webhook', at, email, idempotency_key, credits: rechargeCredits };
      record(webhook);
      deliver(webhook, 1);
      return { idempotency_key };
    },
    resume(events) {
      for (const { webhook, attempts } of undelivered(events)) deliver(webhook, attempts + 1);
    },
  };
}

function isAccepted(status: DeliveryStatus): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

function undelivered(events: readonly PlatformEvent[]): { webhook: Webhook; attempts: number }[] {
  const open = new Map<string, { webhook: Webhook; attempts: number }>();
  for (const event of events) {
    if (event.kind === 'webhook') open.set(event.idempotency_key, { webhook: event, attempts: 0 });
    if (event.kind === 'given_up') open.delete(event.idempotency_key);
    if (event.kind === 'delivery') {
      const delivery = open.get(event.idempotency_key);
      if (delivery) delivery.attempts = event.attempt;
      if (isAccepted(event.status)) open.delete(event.idempotency_key);
    }
  }
  return [...open.values()];
}

async function post(
  url: string | undefined,
  secret: string,
  { idempotency_key, email, credits }: Webhook,
  closed: AbortSignal,
): Promise<DeliveryStatus> {
  if (url === undefined) return 'no_answer';
  const body = JSON.stringify({ idempotency_key, email, credits });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-webhook-token': secret,
        'x-webhook-signature': `sha256=${signature}`,
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([closed, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 'no_answer';
  }
}
