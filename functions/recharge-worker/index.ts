import { depsOnAws } from './deps.ts';
import { createRechargeWorkerHandler } from './handler.ts';

export const handler = createRechargeWorkerHandler(await depsOnAws(process.env, import.meta.url));
