import { depsOnAws } from './deps.ts';
import { createRechargeEventsHandler } from './handler.ts';

export const handler = createRechargeEventsHandler(depsOnAws(process.env, import.meta.url));
