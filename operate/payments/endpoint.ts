import type { Webhook } from 'standardwebhooks';
import * as z from 'zod';
import { localSecrets, readRuntime, startFirst } from '../../local/state.ts';
import { isEndpointUrl, signingKey } from '../../shared/payments/signed-request.ts';
import { fileName, parseWith, readConfigFile } from '../../shared/settings/config-file.ts';
import { OperateError } from '../error.ts';
import { paymentTypeOf } from '../payment-type.ts';
import { readStack } from '../stack.ts';
import { configFileOf, isSandboxAddress, type Target } from '../target.ts';

/** Where money is taken, and what signs our requests there. */
export interface PaymentEndpoint {
  url: string;
  key: Webhook;
  /** Of the configured prices, as far as it is known; ISO 4217. */
  currency: string;
  /** Of `npm start`: it takes no money. */
  isSandbox: boolean;
}

/** What is read here of the configuration; the rest is checked where it is used. */
const fileSchema = z.looseObject({
  payment: z.looseObject({ url: z.string() }).exactOptional(),
  pricing: z.looseObject({ currency: z.string().regex(/^[A-Z]{3}$/) }).exactOptional(),
});

/**
 * The payment endpoint of a relay: that of the stack's configuration and secret, where `stack` names one; else what
 * `PAYMENT_HOOK_URL` and `PAYMENT_HOOK_SECRET` name, or `RELAY_CONFIG` with that secret; else that of the relay which
 * `npm start` runs.
 *
 * @param wanted an address instead of the one that would be found; the secret is found as before.
 * @throws an OperateError that says what to set, start or deploy; a ConfigError for faults of the configuration.
 */
export async function findPaymentEndpoint(target: Target, wanted?: string): Promise<PaymentEndpoint> {
  const { stack, env } = target;
  if (wanted === undefined && env.PAYMENT_HOOK_URL === undefined && paymentTypeOf(target) === 'stripe') {
    throw new OperateError(
      'refused',
      'Stripe takes the money of this relay (payment.type is stripe), so there is no endpoint of yours to try. To see ' +
        'whether Stripe answers: npx relay doctor',
    );
  }
  const file = configFileOf(target);
  const config = file === undefined ? {} : parseWith(fileSchema, readConfigFile(file), fileName(file));
  const runtimeUrl = stack === undefined ? readRuntime(env)?.paymentsUrl : undefined;
  const configured =
    stack === undefined && env.PAYMENT_HOOK_SECRET === undefined ? undefined : config.payment?.url;
  const named = stack === undefined ? env.PAYMENT_HOOK_URL : undefined;
  const url = wanted ?? named ?? configured ?? runtimeUrl;
  if (url === undefined) throw unknownEndpoint(target);
  if (!isEndpointUrl(url)) {
    throw new OperateError(
      'refused',
      'The address of a payment endpoint is https, or http on this machine, without ? and #.',
    );
  }
  const isSandbox = stack === undefined && isSandboxAddress(url, 'payments', env);
  const secret = stack === undefined ? localSecret(target, url, isSandbox) : await stackSecret(stack);
  const key = signingKey(secret);
  if (key === undefined) {
    throw new OperateError('not_ready', 'The secret of the payment endpoint is empty or malformed.');
  }
  return { url, key, currency: config.pricing?.currency ?? 'USD', isSandbox };
}

function unknownEndpoint({ stack, env }: Target): OperateError {
  return new OperateError(
    'not_ready',
    stack === undefined
      ? `No payment endpoint is known. Set PAYMENT_HOOK_URL and PAYMENT_HOOK_SECRET. Or: ${startFirst(env)}`
      : `The configuration of ${stack} is not here, so its payment endpoint is not known: name it with --url.`,
  );
}

/** The secret that `npm start` generated is known to its own sandbox alone. */
function localSecret({ env }: Target, url: string, isSandbox: boolean): string {
  if (env.PAYMENT_HOOK_SECRET !== undefined) return env.PAYMENT_HOOK_SECRET;
  if (isSandbox) return localSecrets(env).outbound.paymentHook;
  throw new OperateError(
    'not_ready',
    `PAYMENT_HOOK_SECRET is not set in this shell: ${url} wants signed requests. Set it as npm start has it.`,
  );
}

async function stackSecret(stack: string): Promise<string> {
  const { OutboundSecretId } = await readStack(stack);
  const { outboundSecrets } = await import('../../shared/settings/secrets-manager.ts');
  const { paymentHook } = await outboundSecrets(OutboundSecretId).get();
  if (paymentHook !== undefined) return paymentHook;
  throw new OperateError(
    'not_ready',
    'The secret of the payment endpoint is not set yet. Set it: npx relay secrets set paymentHook',
  );
}
