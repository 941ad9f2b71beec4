import { depsOnAws } from './deps.ts';
import { createRechargeWebhookHandler } from './handler.ts';

export const handler = createRechargeWebhookHandler(await depsOnAws(process.env, import.meta.url));
