import { keepingAlerts } from '../../shared/alerts.ts';
import { depsOnAws } from './deps.ts';
import { createRechargeWebhookHandler } from './handler.ts';

const deps = await depsOnAws(process.env, import.meta.url);

export const handler = keepingAlerts(deps.logger, createRechargeWebhookHandler(deps));
