import * as z from 'zod/mini';
import { createEventBridge, publishOn } from '../../shared/events/event-bus.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { PATIENCE } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { RechargeEventsDeps } from './handler.ts';

/** The parts as the stack sets them up. */
export function depsOnAws(source: NodeJS.ProcessEnv, moduleUrl: string): RechargeEventsDeps {
  const env = readEnv(envSchema, source);
  const { guard, runbookUrl } = bundledConfig(moduleUrl);
  const sqs = createSqs();
  return {
    limits: guard.limits,
    relay: { stack: env.STACK, runbookUrl },
    publish: publishOn(createEventBridge(), env.EVENT_BUS),
    tell: messagesTo(env.ALARM_TOPIC),
    async bury(letter) {
      const message = { QueueUrl: env.DEAD_LETTER_URL, MessageBody: JSON.stringify(letter) };
      await sqs.ask('SendMessage', message, z.unknown());
    },
    logger: createLogger(toStdout, { stage: env.STAGE }),
    now: Date.now,
  };
}

/** The client of SNS is loaded with the first message to a person, which most processes never send. */
function messagesTo(TopicArn: string): RechargeEventsDeps['tell'] {
  return async ({ subject: Subject, text: Message }) => {
    const { PublishCommand, SNSClient } = await import('@aws-sdk/client-sns');
    const sns = new SNSClient(PATIENCE);
    await sns.send(new PublishCommand({ TopicArn, Subject, Message }));
    sns.destroy();
  };
}
