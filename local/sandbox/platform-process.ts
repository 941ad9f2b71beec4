import { runAsProcess } from '../child-process.ts';
import { createSandboxPlatform, platformOptionsSchema } from './platform.ts';

await runAsProcess((options) => createSandboxPlatform(platformOptionsSchema.parse(options)));
