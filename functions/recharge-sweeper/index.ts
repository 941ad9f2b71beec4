import { keepingAlerts } from '../../shared/alerts.ts';
import { depsOnAws } from './deps.ts';
import { createRechargeSweeperHandler } from './handler.ts';

const deps = depsOnAws(process.env);

export const handler = keepingAlerts(deps.logger, createRechargeSweeperHandler(deps));
