import { depsOnAws } from './deps.ts';
import { createChannelWorkerHandler } from './handler.ts';

export const handler = createChannelWorkerHandler(await depsOnAws(process.env, import.meta.url));
