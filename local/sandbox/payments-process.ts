import { runAsProcess } from '../child-process.ts';
import { createSandboxPayments, paymentsOptionsSchema } from './payments.ts';

await runAsProcess((options) => createSandboxPayments(paymentsOptionsSchema.parse(options)));
