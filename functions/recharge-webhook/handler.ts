import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { formAsJson, unpack } from '../../shared/incoming/body.ts';
import { type Capture, captureDelivery } from '../../shared/incoming/capture.ts';
import type { Quarantine } from '../../shared/incoming/quarantine.ts';
import type { Refusals } from '../../shared/incoming/refusals.ts';
import {
  type GatewayEvent,
  readIncoming,
  verifyIncoming,
  withoutProofs,
} from '../../shared/incoming/request.ts';
import { errorResponse, jsonResponse } from '../../shared/incoming/responses.ts';
import type { SecretUses } from '../../shared/incoming/secret-use.ts';
import type { IncomingRequest } from '../../shared/incoming/verifiers.ts';
import type { Fields, Logger, Metrics } from '../../shared/logger.ts';
import type { Accounts } from '../../shared/recharge/accounts.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import type { RechargeQueue } from '../../shared/recharge/queue.ts';
import { isErased, isOf, newRecharge, type Recharge } from '../../shared/recharge/recharge.ts';
import type { RechargeConfig } from '../../shared/recharge/settings.ts';
import { looksLikeWebhook, type RechargeOrder, readOrder } from '../../shared/recharge/webhook.ts';
import type { InboundSecrets, Secrets } from '../../shared/settings/secrets.ts';

type WebhookSecrets = Pick<InboundSecrets, 'webhook'>;

export interface RechargeWebhookDeps {
  config: RechargeConfig;
  secrets: Secrets<WebhookSecrets>;
  ledger: Pick<Ledger, 'claim' | 'read'>;
  accounts: Pick<Accounts, 'emailOf'>;
  quarantine: Pick<Quarantine, 'keep'>;
  capture: Pick<Capture, 'take'>;
  secretUses: Pick<SecretUses, 'saw'>;
  refusals: Refusals;
  queue: RechargeQueue;
  /** How soon a claimed row brings itself back where it could not be queued. */
  sweepAgainMs: number;
  logger: Logger;
  now: () => number;
}

/** What is kept of it is kept under this name. */
const ROUTE = '/webhooks/auto-recharge';

/** A genuine webhook is under 1 KB. */
const MAX_BODY_BYTES = 64 * 1024;

type Answer = APIGatewayProxyStructuredResultV2;

/**
 * `POST /webhooks/auto-recharge`: size → raw bytes verified → parsed → claimed → queued → answered.
 * Any answer but 2xx asks the platform to send the webhook again; a repetition is recognised by its key.
 */
export function createRechargeWebhookHandler(deps: RechargeWebhookDeps) {
  const { logger, now } = deps;
  return async (event: GatewayEvent): Promise<Answer> => {
    const receivedAt = now();
    const { answer, about, metrics } = await receive(event, deps).catch((error: unknown): Received => {
      logger.error('a webhook could not be stored', error);
      const message = 'The webhook could not be stored. Please send it again.';
      return { answer: errorResponse(500, 'NOT_STORED', message), about: { word: 'not_stored' } };
    });
    const { statusCode: status = 500 } = answer;
    await deps.refusals.answered(ROUTE, status, about);
    const fields = { status, ...about, durationMs: now() - receivedAt };
    logger.info('webhook answered', fields, { [`webhook_${status}`]: 1, ...metrics });
    return answer;
  };
}

/** The answer, and what the log shall say of it. */
interface Received {
  answer: Answer;
  about: Fields;
  metrics?: Metrics;
}

async function receive(event: GatewayEvent, deps: RechargeWebhookDeps): Promise<Received> {
  const request = readIncoming(event);
  const { body } = request;
  if (body.length > MAX_BODY_BYTES) {
    const answer = errorResponse(413, 'TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    return { answer, about: { word: 'too_large' } };
  }
  const pick = ({ webhook }: WebhookSecrets) => webhook;
  const content = unpack(request, MAX_BODY_BYTES);
  const onPrevious = (secret: string) => deps.secretUses.saw('webhook', secret);
  const given = { ...deps, pick, content, onPrevious };
  const verified = await verifyIncoming(request, deps.config.verifiers, given);
  if (!verified.ok) {
    const captured = await captureDelivery(request, ROUTE, deps);
    // 2xx: the request is kept for 30 days and can be replayed. A sender that is refused may switch itself off.
    if (captured !== undefined) {
      const answer = jsonResponse(202, { status: 'captured' });
      return { answer, about: { word: 'captured', quarantine: captured, reason: verified.reason } };
    }
    const answer = errorResponse(401, 'UNAUTHORIZED', 'The webhook could not be verified.');
    // Anybody may post here. Only plausible webhooks are counted for the alarm: noise would hide a genuine sender's.
    const plausible = looksLikeWebhook({ ...request, body: content ?? body }, deps.config);
    return {
      answer,
      about: { word: 'unauthorized', reason: verified.reason, plausible },
      ...(plausible ? { metrics: { webhook_401_plausible: 1 } } : {}),
    };
  }
  if (content === undefined)
    return keepAside(request, `unpacked, the body is larger than ${MAX_BODY_BYTES} bytes`, deps);
  const { headers } = request;
  const payload = formAsJson({ headers, body: content });
  const read = readOrder(payload.body, deps.config, {
    ...payload,
    headers,
    ...(verified.id ? { signedId: verified.id } : {}),
  });
  if ('fault' in read) return keepAside(request, read.fault, deps);
  return claim(request, read.order, deps);
}

async function claim(
  request: IncomingRequest,
  order: RechargeOrder,
  deps: RechargeWebhookDeps,
): Promise<Received> {
  const { config, ledger, accounts, queue, now } = deps;
  const { key, client, credits } = order;
  const linked = client.platformId === undefined ? undefined : await accounts.emailOf(client.platformId);
  const email = client.email ?? linked;
  if (email === undefined) {
    // The id of a client who was erased is linked to no account any more. Nothing is charged under a known key.
    const known = await ledger.read(key);
    if (known && isErased(known)) return acknowledged(known, 'duplicate');
    return keepAside(
      request,
      'the platform id of the client is linked to no account: relay accounts set',
      deps,
    );
  }
  if (linked !== undefined && linked !== email) {
    return keepAside(request, 'the email and the platform id of the client lead to two accounts', deps);
  }
  const spelled = client.grantEmail === undefined ? {} : { grantEmail: client.grantEmail };
  const receivedAt = now();
  const claimed = await ledger.claim(
    newRecharge({ key, email, credits, ...spelled }, receivedAt, receivedAt + deps.sweepAgainMs),
  );
  const { row } = claimed;
  // Credits are compared only if the webhook names them. Otherwise they come from a setting that may have changed.
  const otherCredits = config.creditsField !== undefined && row.credits !== credits;
  if (!isOf(row, email) || otherCredits) return keyReused(request, key, email, deps);

  if (isUntouched(row)) await queue.send([key]);
  return acknowledged(row, claimed.kind === 'written' ? 'received' : 'duplicate');
}

function acknowledged({ key, email, phase, credits }: Recharge, word: 'received' | 'duplicate'): Received {
  return {
    answer: jsonResponse(word === 'received' ? 202 : 200, { status: phase, idempotency_key: key }),
    about: { word, key, email, phase, credits },
  };
}

/**
 * The process that claimed the row may have died before it queued the row. Once the worker or the sweeper has handled
 * the row, it comes back by itself at the time it holds, and a repeated webhook does not bring it back sooner.
 */
function isUntouched({ phase, version, swept }: Recharge): boolean {
  return phase === 'received' && version === 1 && swept === undefined;
}

async function keyReused(
  request: IncomingRequest,
  key: string,
  email: string,
  deps: RechargeWebhookDeps,
): Promise<Received> {
  const reason = 'the idempotency key belongs to another client or number of credits';
  const id = await keep(request, reason, deps, (quarantine) =>
    deps.logger.alert('key_reused', { key, email, quarantine }),
  );
  const message =
    'This idempotency_key was received before, for another client or number of credits. The first one stands. ' +
    'Nothing is charged for this one, and it is kept for 30 days.';
  return {
    answer: errorResponse(409, 'KEY_REUSED', message),
    about: { word: 'key_reused', key, email, quarantine: id },
  };
}

async function keepAside(
  request: IncomingRequest,
  reason: string,
  deps: RechargeWebhookDeps,
): Promise<Received> {
  const id = await keep(request, reason, deps, (quarantine) =>
    deps.logger.alert('webhook_quarantined', { route: ROUTE, quarantine, reason }),
  );
  const message = `Not understood: ${reason}. The webhook is kept for 30 days.`;
  return {
    answer: errorResponse(400, 'NOT_UNDERSTOOD', message),
    about: { word: 'quarantined', quarantine: id, reason },
  };
}

function keep(
  { headers, body }: IncomingRequest,
  reason: string,
  { config, quarantine, now }: RechargeWebhookDeps,
  tell: (id: string) => void,
): Promise<string> {
  const needed = config.keyHeader === undefined ? [] : [config.keyHeader];
  const kept = withoutProofs(headers, config.verifiers, needed);
  return quarantine.keep({ route: ROUTE, body, headers: kept, reason, receivedAt: now() }, tell);
}
