import { openChannels } from '../../shared/channels/all-channels.ts';
import { type ChannelSettings, channelSchema } from '../../shared/channels/settings.ts';
import { type Verifier, verifierSchema } from '../../shared/incoming/verifier-settings.ts';

/** How a sender proves itself, as OpenAPI has it: in one header or parameter. It has no word for signatures. */
interface Scheme {
  type: 'apiKey';
  in: 'header' | 'query';
  name: string;
  description: string;
}
type Named = [name: string, scheme: Scheme];

/** Enough of a channel of each kind to ask its adapter. The addresses are never called. */
const CHATS: { [Name in ChannelSettings['adapter']]: { adapter: Name } & Record<string, unknown> } = {
  telegram: { adapter: 'telegram' },
  chatwoot: { adapter: 'chatwoot', baseUrl: 'https://app.chatwoot.com', accountId: 1 },
  slack: { adapter: 'slack' },
  gohighlevel: { adapter: 'gohighlevel', locationId: 'GKAWb4yu7A4LSc0skQ6g' },
  twilio: {
    adapter: 'twilio',
    accountSid: `AC${'0'.repeat(32)}`,
    publicUrl: 'https://relay.example.com/channels/support/incoming',
  },
  respondio: { adapter: 'respondio', channelId: 'your-channel-id' },
  webhook: {
    adapter: 'webhook',
    incoming: {
      verifiers: [{ type: 'token' }],
      id: '/message/id',
      contact: '/sender/phone',
      text: '/message/text',
    },
    delivery: { url: 'https://chat.example.com/v2/messages' },
  },
};

const settings = Object.entries(CHATS).map(([name, chat]): [string, ChannelSettings] => [
  name,
  channelSchema.parse({ toId: 'your-user-id', ...chat }),
]);

/** The adapters by their names, as a channel with no more than the necessary settings has them. */
export const adapters = [...openChannels(Object.fromEntries(settings))].map(
  ([name, { adapter }]) => [name, adapter] as const,
);

/** The verifiers under the names that `npm start` has; in the configuration any other may be given. */
const VERIFIERS: Verifier[] = [
  verifierSchema.parse({ type: 'token' }),
  verifierSchema.parse({ type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }),
  verifierSchema.parse({ type: 'standard-webhooks' }),
];

const own = VERIFIERS.flatMap(schemesOf);

/** Under the adapter's name the one header that is the vendor's; a token in the address is so for all. */
const vendors = adapters.flatMap(([adapter, { verifiers }]) =>
  adapter === 'webhook'
    ? []
    : verifiers.flatMap(schemesOf).flatMap(([, scheme]): Named[] => {
        const description = `The adapter \`${adapter}\`. ${scheme.description}`;
        return scheme.in === 'header' ? [[adapter, { ...scheme, description }]] : [];
      }),
);

export const securitySchemes: Record<string, Scheme> = Object.fromEntries([...own, ...vendors]);

const anyOf = (schemes: Named[]) => schemes.map(([name]) => ({ [name]: [] }));

/** One is enough. */
export const ownSecurity = anyOf(own);
export const chatSecurity = anyOf([...own, ...vendors]);

function schemesOf(verifier: Verifier): Named[] {
  switch (verifier.type) {
    case 'token': {
      const { header, prefix, query } = verifier;
      const inAddress =
        'The secret itself, for senders that let you enter nothing but an address. The token of a capture stands here, too.';
      return [
        ['tokenInHeader', scheme('header', header, `The secret itself${behind(prefix)}.`)],
        ['tokenInAddress', scheme('query', query, inAddress)],
      ];
    }
    case 'hmac':
      return [['hmac', scheme('header', verifier.header, hmacInWords(verifier))]];
    case 'standard-webhooks': {
      const text =
        'https://www.standardwebhooks.com: `v1,` and the signature, with `webhook-id` and `webhook-timestamp` beside it; ' +
        'or the same under the names of Svix, `svix-…`.';
      return [['standardWebhooks', scheme('header', 'webhook-signature', text)]];
    }
  }
}

function scheme(place: Scheme['in'], name: string, description: string): Scheme {
  return { type: 'apiKey', in: place, name, description };
}

function hmacInWords(verifier: Verifier & { type: 'hmac' }): string {
  const { algorithm = 'sha256', encoding, prefix, signs, timestampHeader, toleranceSeconds } = verifier;
  const signature = `HMAC-${algorithm.toUpperCase()} over \`${signs}\`, in ${encoding}${behind(prefix)}`;
  if (timestampHeader === undefined) return `${signature}.`;
  return `${signature}; \`${timestampHeader}\` holds the time, at most ${toleranceSeconds} seconds away from ours.`;
}

function behind(prefix: string): string {
  return prefix === '' ? '' : `, behind \`${prefix}\``;
}
