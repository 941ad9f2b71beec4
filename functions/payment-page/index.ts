import { depsOnAws } from './deps.ts';
import { createPaymentPageHandler } from './handler.ts';

export const handler = createPaymentPageHandler(depsOnAws(process.env, import.meta.url));
