import { runAsProcess } from '../child-process.ts';
import { createSandboxStripe, stripeOptionsSchema } from './stripe/sandbox.ts';

await runAsProcess((options) => createSandboxStripe(stripeOptionsSchema.parse(options)));
