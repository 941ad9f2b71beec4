import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { unpack } from '../../shared/incoming/body.ts';
import type { Refusals } from '../../shared/incoming/refusals.ts';
import { type GatewayEvent, readIncoming, verifyIncoming } from '../../shared/incoming/request.ts';
import { errorResponse, jsonResponse } from '../../shared/incoming/responses.ts';
import type { SecretUses } from '../../shared/incoming/secret-use.ts';
import type { Fields, Logger, Metrics } from '../../shared/logger.ts';
import { type Asks, heardIn, STRIPE_SIGNATURE } from '../../shared/recharge/stripe-events.ts';
import type { AskToLook, Wake } from '../../shared/recharge/wake.ts';
import type { InboundSecrets, Secrets } from '../../shared/settings/secrets.ts';

type WebhookSecrets = Pick<InboundSecrets, 'stripeWebhook'>;

export interface PaymentWebhookDeps {
  secrets: Secrets<WebhookSecrets>;
  wake: Wake;
  askToLook: AskToLook;
  secretUses: Pick<SecretUses, 'saw'>;
  refusals: Refusals;
  logger: Logger;
  now: () => number;
}

/** What is refused of it is counted under this name. */
const ROUTE = '/webhooks/stripe';

/** An event holds one object of Stripe's; one of 50 KB is large. */
const MAX_BODY_BYTES = 256 * 1024;

/** The answer, and what the log shall say of it. */
interface Received {
  answer: APIGatewayProxyStructuredResultV2;
  about: Fields;
  metrics?: Metrics;
}

/**
 * `POST /webhooks/stripe`: size → raw bytes verified → parsed → queued → answered. Nothing is decided here: the worker
 * looks up what has become of it. Stripe sends again, for three days, what is not answered 2xx; so an event that asks for
 * nothing is answered 200, too. Source: docs.stripe.com/webhooks.
 */
export function createPaymentWebhookHandler(deps: PaymentWebhookDeps) {
  const { logger, now } = deps;
  return async (event: GatewayEvent): Promise<APIGatewayProxyStructuredResultV2> => {
    const receivedAt = now();
    const { answer, about, metrics } = await receive(event, deps).catch((error: unknown): Received => {
      logger.error('an event of Stripe could not be queued', error);
      const message = 'The event could not be queued. Please send it again.';
      return { answer: errorResponse(500, 'NOT_QUEUED', message), about: { word: 'not_queued' } };
    });
    const { statusCode: status = 500 } = answer;
    await deps.refusals.answered(ROUTE, status, about);
    const fields = { status, ...about, durationMs: now() - receivedAt };
    logger.info('event of Stripe answered', fields, { [`payment_webhook_${status}`]: 1, ...metrics });
    return answer;
  };
}

async function receive(gatewayEvent: GatewayEvent, deps: PaymentWebhookDeps): Promise<Received> {
  const request = readIncoming(gatewayEvent);
  if (request.body.length > MAX_BODY_BYTES) {
    const answer = errorResponse(413, 'TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    return { answer, about: { word: 'too_large' } };
  }
  const content = unpack(request, MAX_BODY_BYTES);
  const verified = await verifyIncoming(request, [STRIPE_SIGNATURE], {
    ...deps,
    pick: ({ stripeWebhook = [] }: WebhookSecrets) => stripeWebhook,
    content,
    onPrevious: (secret) => deps.secretUses.saw('stripeWebhook', secret),
  });
  if (!verified.ok) {
    const answer = errorResponse(401, 'UNAUTHORIZED', 'The event could not be verified.');
    // Anybody may post here. Only what claims to be signed is counted for the alarm.
    const plausible = request.headers[STRIPE_SIGNATURE.header] !== undefined;
    return {
      answer,
      about: { word: 'unauthorized', reason: verified.reason, plausible },
      ...(plausible ? { metrics: { payment_webhook_401_plausible: 1 } } : {}),
    };
  }
  const { id, type, asks } = heardIn(content ?? request.body);
  const about = { word: asks?.kind ?? 'ignored', id, type };
  if (asks === undefined) return { answer: jsonResponse(200, { status: 'ignored' }), about };
  await handOn(asks, deps);
  const answer = jsonResponse(200, { status: 'heard' });
  return {
    answer,
    about: { ...about, ...(asks.kind === 'wake' ? { key: asks.key } : { at: asks.look.at }) },
  };
}

const handOn = (asks: Asks, { wake, askToLook }: PaymentWebhookDeps): Promise<void> =>
  asks.kind === 'wake' ? wake(asks.key) : askToLook(asks.look);
