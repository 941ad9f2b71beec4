import * as z from 'zod';
import { verifierSchema } from '../incoming/verifier-settings.ts';
import {
  chatwootSettings,
  goHighLevelSettings,
  respondioSettings,
  slackSettings,
  telegramSettings,
  twilioSettings,
  webhookSettings,
} from './adapters/settings.ts';
import { channelNameSchema } from './message.ts';
import { conditionSchema, pointersSchema } from './pointer-settings.ts';

const NAME_FAULT = 'a channel is named with small letters, digits and -, at most 40';

/** What an outcome that nobody knows means: `repeat` may deliver twice, `park` leaves it to a person. */
const unknownPolicy = z.enum(['repeat', 'park']);

/**
 * The platform's replies. Their form is in no documentation, so where their fields stand must be said;
 * until then replies are kept in quarantine.
 */
const outgoingSettings = z.strictObject({
  verifiers: z.array(verifierSchema).default([]),
  /** Without an id in the payload every delivery is a message of its own: two equal replies are legitimate. */
  id: pointersSchema.exactOptional(),
  contact: pointersSchema.exactOptional(),
  text: pointersSchema.exactOptional(),
  /** Lists of addresses, or one. */
  attachments: pointersSchema.exactOptional(),
  /** What a 0 in a pointer stands for, where the list has more: each element, or the first one alone. */
  lists: z.enum(['each', 'first']).default('each'),
  /** Only what fulfils all of these is relayed… */
  only: z.array(conditionSchema).default([]),
  /** …and nothing that fulfils one of these. */
  ignore: z.array(conditionSchema).default([]),
  /** Default: `repeat` where the chat system dedupes by our id, else `park`. */
  unknown: unknownPolicy.exactOptional(),
});

/** Messages of the agency's own systems to a contact, through `send_custom_channel_message`. */
const sendSettings = z.strictObject({
  verifiers: z.array(verifierSchema).default([]),
  /** That endpoint has no key against a second message. */
  unknown: unknownPolicy.default('park'),
});

/** What every channel has, whatever its adapter. */
const commonSettings = {
  /** `customData.toId` of every incoming message: the agency's identifier at the platform. */
  toId: z.string().min(1).max(255),
  /** `customData.channel`, a label. Default: the channel's name. */
  label: z.string().min(1).max(255).exactOptional(),
  /** `customData.customChannel` of `send`: the channel's name at the platform. Default: its name here. */
  customChannel: z.string().min(1).max(255).exactOptional(),
  /** Routes new conversations to a campaign, where the message names none. */
  campaignId: z.string().min(1).max(255).exactOptional(),
  outgoing: outgoingSettings.prefault({}),
  send: sendSettings.prefault({}),
};

/** One external chat system behind one name. */
export const channelSchema = z.discriminatedUnion('adapter', [
  z.strictObject({ adapter: z.literal('webhook'), ...commonSettings, ...webhookSettings }),
  z.strictObject({ adapter: z.literal('telegram'), ...commonSettings, ...telegramSettings }),
  z.strictObject({ adapter: z.literal('chatwoot'), ...commonSettings, ...chatwootSettings }),
  z.strictObject({ adapter: z.literal('slack'), ...commonSettings, ...slackSettings }),
  z.strictObject({ adapter: z.literal('gohighlevel'), ...commonSettings, ...goHighLevelSettings }),
  z.strictObject({ adapter: z.literal('twilio'), ...commonSettings, ...twilioSettings }),
  z.strictObject({ adapter: z.literal('respondio'), ...commonSettings, ...respondioSettings }),
]);
export type ChannelSettings = z.infer<typeof channelSchema>;

export const channelsSchema = z
  .record(channelNameSchema, channelSchema, {
    error: ({ code }) => (code === 'invalid_key' ? NAME_FAULT : undefined),
  })
  .default({});
export type Channels = z.infer<typeof channelsSchema>;
