import { readPhone } from '../../platform/phone.ts';
import type { Adapter } from '../adapter.ts';
import type { ChannelSettings } from '../settings.ts';
import { createChatwootAdapter } from './chatwoot.ts';
import { createGoHighLevelAdapter } from './gohighlevel.ts';
import { createRespondioAdapter } from './respondio.ts';
import { createSlackAdapter } from './slack.ts';
import { createTelegramAdapter } from './telegram.ts';
import { createTwilioAdapter } from './twilio.ts';
import { createWebhookAdapter } from './webhook.ts';

/** The adapter of a channel, as its settings say: for commands, which look at all channels. A function loads one alone. */
export function createAdapter(settings: ChannelSettings): Adapter {
  switch (settings.adapter) {
    case 'webhook':
      return createWebhookAdapter(settings, readPhone);
    case 'telegram':
      return createTelegramAdapter(settings);
    case 'chatwoot':
      return createChatwootAdapter(settings);
    case 'slack':
      return createSlackAdapter(settings);
    case 'gohighlevel':
      return createGoHighLevelAdapter(settings);
    case 'twilio':
      return createTwilioAdapter(settings);
    case 'respondio':
      return createRespondioAdapter(settings);
  }
}
