import { runAsProcess } from '../child-process.ts';
import { chatOptionsSchema, createSandboxChat } from './chat.ts';

await runAsProcess((options) => createSandboxChat(chatOptionsSchema.parse(options)));
