import { depsOnAws } from './deps.ts';
import { createChannelWebhookHandler } from './handler.ts';

export const handler = createChannelWebhookHandler(await depsOnAws(process.env, import.meta.url));
