import { runAsProcess } from './child-process.ts';
import { startSqs } from './sqs.ts';

await runAsProcess(async () => ({ port: Number(new URL((await startSqs()).endpoint).port) }));
