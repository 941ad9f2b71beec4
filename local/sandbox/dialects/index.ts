import * as z from 'zod';
import { chatwootDialect } from './chatwoot.ts';
import type { Dialect } from './dialect.ts';
import { goHighLevelDialect, goHighLevelProviderDialect } from './gohighlevel.ts';
import { respondioDialect } from './respondio.ts';
import { slackDialect } from './slack.ts';
import { telegramDialect } from './telegram.ts';
import { twilioDialect } from './twilio.ts';
import { webhookDialect } from './webhook.ts';

/** The chat systems that the sandbox can be, by the names of their adapters. GoHighLevel can be connected in two ways. */
export const dialectNameSchema = z.enum([
  'webhook',
  'telegram',
  'chatwoot',
  'slack',
  'gohighlevel',
  'gohighlevel-provider',
  'twilio',
  'respondio',
]);
export type DialectName = z.infer<typeof dialectNameSchema>;

export const DIALECTS: Record<DialectName, Dialect> = {
  webhook: webhookDialect,
  telegram: telegramDialect,
  chatwoot: chatwootDialect,
  slack: slackDialect,
  gohighlevel: goHighLevelDialect,
  'gohighlevel-provider': goHighLevelProviderDialect,
  twilio: twilioDialect,
  respondio: respondioDialect,
};
