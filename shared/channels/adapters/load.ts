import type { Adapter } from '../adapter.ts';
import type { ChannelSettings } from '../settings.ts';

/** The adapter of a channel, of which only its own code is loaded: for functions, which start with the first message. */
export async function loadAdapter(settings: ChannelSettings): Promise<Adapter> {
  switch (settings.adapter) {
    case 'webhook': {
      const { createWebhookAdapter } = await import('./webhook.ts');
      // The numbers of the world are half as large as all the rest of a function.
      const phones = settings.incoming.phone && (await import('../../platform/phone.ts'));
      return createWebhookAdapter(settings, phones?.readPhone);
    }
    case 'telegram':
      return (await import('./telegram.ts')).createTelegramAdapter(settings);
    case 'chatwoot':
      return (await import('./chatwoot.ts')).createChatwootAdapter(settings);
    case 'slack':
      return (await import('./slack.ts')).createSlackAdapter(settings);
    case 'gohighlevel':
      return (await import('./gohighlevel.ts')).createGoHighLevelAdapter(settings);
    case 'twilio':
      return (await import('./twilio.ts')).createTwilioAdapter(settings);
    case 'respondio':
      return (await import('./respondio.ts')).createRespondioAdapter(settings);
  }
}
