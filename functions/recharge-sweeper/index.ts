import { depsOnAws } from './deps.ts';
import { createRechargeSweeperHandler } from './handler.ts';

export const handler = createRechargeSweeperHandler(depsOnAws(process.env));
