import * as z from 'zod';
import { reconcileSchema } from '../books/settings.ts';
import { channelsSchema } from '../channels/settings.ts';
import { eventsSchema } from '../events/settings.ts';
import { isSafeUrl } from '../http.ts';
import { paymentSchema } from '../payments/settings.ts';
import { platformProfileSchema } from '../platform/profile.ts';
import { pricingSchema } from '../recharge/pricing.ts';
import { guardSchema, rechargeSchema } from '../recharge/settings.ts';
import { fileName, parseWith, readConfigFile } from './config-file.ts';

/** `relay.config.json`. No secret stands in it. */
export const configSchema = z.strictObject({
  $schema: z.string().exactOptional(),
  platform: platformProfileSchema,
  recharge: rechargeSchema.prefault({}),
  pricing: pricingSchema,
  guard: guardSchema.prefault({}),
  payment: paymentSchema,
  /** External chat systems, each behind a name. */
  channels: channelsSchema,
  /** Whether the books are compared by themselves. */
  reconcile: reconcileSchema.exactOptional(),
  /** Where events go. */
  events: eventsSchema.exactOptional(),
  /** Who is told of alerts. */
  alertEmail: z.email().exactOptional(),
  /** Where those who are told can read RUNBOOK.md: each alarm and alert links to its section of it. */
  runbookUrl: z
    .url()
    .refine((url) => isSafeUrl(url) && !url.includes('#'), 'must be https, without #')
    .exactOptional(),
});
export type Config = z.infer<typeof configSchema>;

/**
 * @param value parsed JSON.
 * @param source the file's name, for the error.
 * @throws ConfigError with all faults.
 */
export function parseConfig(value: unknown, source: string): Config {
  return parseWith(configSchema, value, source);
}

/** @throws ConfigError where the file is missing, not JSON, or has faults. */
export function readConfig(path: string | URL): Config {
  return parseConfig(readConfigFile(path), fileName(path));
}
