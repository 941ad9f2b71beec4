import * as z from 'zod';
import { readRuntime } from '../local/state.ts';
import type { PaymentSettings } from '../shared/payments/settings.ts';
import { readConfigFile } from '../shared/settings/config-file.ts';
import { configFileOf, type Target } from './target.ts';

export type PaymentType = PaymentSettings['type'];

/** The part of a configuration that is read here. The rest, and its faults, are judged elsewhere. */
const fileSchema = z.looseObject({
  payment: z.looseObject({ type: z.enum(['http', 'stripe']) }).exactOptional(),
});

/**
 * Who takes the money of a relay: of the relay here as it was started last, of a stack by the file from which it is
 * deployed. `http` where that is not known.
 *
 * @throws ConfigError if the file cannot be read.
 */
export function paymentTypeOf(target: Target): PaymentType {
  const { stack, env } = target;
  const started = stack === undefined ? readRuntime(env)?.config : undefined;
  const file = configFileOf(target);
  const sources = [started, file === undefined ? undefined : readConfigFile(file)];
  const types = sources.map((source) => fileSchema.safeParse(source).data?.payment?.type);
  return types.find((type) => type !== undefined) ?? 'http';
}
