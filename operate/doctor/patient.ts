import { localSecrets, readRuntime } from '../../local/state.ts';
import { createLogger } from '../../shared/logger.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { InboundSecrets, OutboundSecrets } from '../../shared/settings/secrets.ts';
import { configInForce } from '../config-in-force.ts';
import { type Connection, connect } from '../connection.ts';
import { readStack, type StackOutputs } from '../stack.ts';
import type { Target } from '../target.ts';
import { type Found, NotKnownError } from './finding.ts';

/** The relay that is looked at. What several checks need is read once; each of these throws a NotKnownError. */
export interface Patient {
  target: Target;
  /** Unix milliseconds. */
  now: () => number;
  config(): Config;
  /** Where the relay takes webhooks: an origin. */
  origin(): Promise<string>;
  connection(): Promise<Connection>;
  /** The same, of which the table has answered. */
  storage(): Promise<Connection>;
  secrets(): Promise<{ inbound: InboundSecrets; outbound: OutboundSecrets }>;
  /** Of a relay on AWS. */
  outputs(): Promise<StackOutputs>;
  /** The same, with the error itself: for the one check that says it. */
  readOutputs(): Promise<StackOutputs>;
}

/** One look at one thing. It changes nothing, charges nobody, and knows nothing of the others. */
export interface Check {
  id: string;
  run(patient: Patient): Promise<Found | Found[]>;
}

export function createPatient(target: Target, now: () => number): Patient {
  const { stack, env } = target;
  const readOutputs = once(async () => {
    if (stack === undefined) throw new NotKnownError('There is no stack.');
    return readStack(stack);
  });
  const connection = once(() =>
    known('The relay cannot be found.', () => connect(target, { logger: createLogger(() => {}), now })),
  );
  const outputs = () => known(`The stack ${stack} cannot be read.`, readOutputs);
  return {
    target,
    now,
    outputs,
    readOutputs,
    config: () =>
      knownNow('The configuration in force is not known here, or has faults.', () => configInForce(target)),
    async origin() {
      if (stack !== undefined) return new URL((await outputs()).WebhookUrl).origin;
      const url = readRuntime(env)?.url;
      if (url === undefined) throw new NotKnownError('No relay was started here.');
      return url;
    },
    connection,
    storage: once(async () => {
      const connected = await connection();
      await known('The table does not answer.', () => connected.charging.paused());
      return connected;
    }),
    secrets: once(async () => {
      if (stack === undefined) {
        if (readRuntime(env) === undefined) throw new NotKnownError('No relay was started here.');
        return localSecrets(env);
      }
      const { InboundSecretId, OutboundSecretId } = await outputs();
      return known('The secrets cannot be read.', () => secretsOf(InboundSecretId, OutboundSecretId));
    }),
  };
}

export async function secretsOf(inboundId: string, outboundId: string) {
  const { inboundSecrets, outboundSecrets } = await import('../../shared/settings/secrets-manager.ts');
  const [inbound, outbound] = await Promise.all([
    inboundSecrets(inboundId).get(),
    outboundSecrets(outboundId).get(),
  ]);
  return { inbound, outbound };
}

function once<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

async function known<Value>(otherwise: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    throw cause instanceof NotKnownError ? cause : new NotKnownError(otherwise);
  }
}

function knownNow<Value>(otherwise: string, read: () => Value): Value {
  try {
    return read();
  } catch {
    throw new NotKnownError(otherwise);
  }
}
