import { keepingAlerts } from '../../shared/alerts.ts';
import { depsOnAws } from './deps.ts';
import { createPaymentWebhookHandler } from './handler.ts';

const deps = await depsOnAws(process.env);

export const handler = keepingAlerts(deps.logger, createPaymentWebhookHandler(deps));
