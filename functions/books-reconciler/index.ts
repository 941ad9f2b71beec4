import { keepingAlerts } from '../../shared/alerts.ts';
import { depsOnAws } from './deps.ts';
import { createBooksReconcilerHandler } from './handler.ts';

const deps = depsOnAws(process.env, import.meta.url);

export const handler = keepingAlerts(deps.logger, createBooksReconcilerHandler(deps));
