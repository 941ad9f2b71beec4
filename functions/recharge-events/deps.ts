import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { createEventBridgeClient, publishOn } from '../../shared/events/event-bus.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { createSqsClient, PATIENCE } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { RechargeEventsDeps } from './handler.ts';

/** The parts as the stack sets them up. */
export function depsOnAws(source: NodeJS.ProcessEnv, moduleUrl: string): RechargeEventsDeps {
  const env = readEnv(envSchema, source);
  const { guard, runbookUrl } = bundledConfig(moduleUrl);
  const sns = new SNSClient(PATIENCE);
  const sqs = createSqsClient();
  return {
    limits: guard.limits,
    relay: { stack: env.STACK, runbookUrl },
    publish: publishOn(createEventBridgeClient(), env.EVENT_BUS),
    async tell({ subject, text }) {
      await sns.send(new PublishCommand({ TopicArn: env.ALARM_TOPIC, Subject: subject, Message: text }));
    },
    async bury(letter) {
      await sqs.send(
        new SendMessageCommand({ QueueUrl: env.DEAD_LETTER_URL, MessageBody: JSON.stringify(letter) }),
      );
    },
    logger: createLogger(toStdout, { stage: env.STAGE }),
    now: Date.now,
  };
}
