import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { DIRECTIONS, type Direction } from '../shared/channels/message.ts';
import { inboundSecretsSchema, outboundSecretsSchema } from '../shared/settings/secrets.ts';
import { shellQuoted } from '../shared/shell.ts';
import { markOf, stillRuns } from './process-start.ts';

type Env = NodeJS.ProcessEnv;

/** What `npm start` keeps on this machine, out of git. */
export const folderOf = (env: Env) => env.RELAY_LOCAL_DIR ?? '.local';
export const localFile = (env: Env, name: string) => join(folderOf(env), name);
/** Tells this folder's things from those of another, when both are in one place. */
export const folderId = (env: Env) =>
  createHash('sha256')
    .update(resolve(folderOf(env)))
    .digest('hex')
    .slice(0, 8);
/** Stands before a command that another terminal is to run, so that it finds this folder too. */
export const withFolder = (env: Env) =>
  folderOf(env) === '.local' ? '' : `RELAY_LOCAL_DIR=${shellQuoted(folderOf(env))} `;

/** What to do where no relay runs in this folder. */
export const startFirst = (env: Env) =>
  `Run ${withFolder(env)}npm start, then this command in another terminal; ` +
  'for the relay on AWS, add --stack NAME.';

const secretsSchema = z.object({
  inbound: inboundSecretsSchema,
  outbound: z.object(outboundSecretsSchema.shape).required({ platformApiKey: true, paymentHook: true }),
});
/** The channel that `npm start` demonstrates. */
export const DEMO_CHANNEL = 'demo';
export type LocalSecrets = z.infer<typeof secretsSchema>;

/** A process by its number and its start. The number alone is given to others again. */
const processSchema = z.object({ pid: z.int(), startedAt: z.string() });
const processesSchema = z.object({ relay: processSchema, engines: z.array(processSchema) });

const sandboxPartSchema = z.enum(['platform', 'payments']);
export type SandboxPart = z.infer<typeof sandboxPartSchema>;

const runtimeSchema = z.object({
  url: z.url(),
  dynamodbEndpoint: z.url(),
  table: z.string(),
  /** With its version. Absent in what an earlier version of the relay wrote. */
  platformUrl: z.url().exactOptional(),
  paymentsUrl: z.url().exactOptional(),
  /** Likewise, what follows. */
  /** Which of these two are the sandbox's. */
  sandbox: z.array(sandboxPartSchema).exactOptional(),
  sqsEndpoint: z.url().exactOptional(),
  queues: z
    .object({
      recharges: z.url(),
      rechargeDeadLetters: z.url(),
      messages: z.url(),
      messageDeadLetters: z.url(),
    })
    .exactOptional(),
  /** The whole configuration in force. */
  config: z.looseObject({ channels: z.record(z.string(), z.looseObject({})).default({}) }).prefault({}),
});
/** Where the command line finds a relay on this machine. */
export type LocalRuntime = z.infer<typeof runtimeSchema>;

/**
 * The secrets of this folder, made on the first start, so that no two installations share one. Variables overrule
 * them.
 */
export function localSecrets(env: Env): LocalSecrets {
  const { inbound, outbound } = generatedSecrets(env);
  const { STRIPE_KEY, STRIPE_WEBHOOK_SECRET } = env;
  return {
    inbound: {
      ...inbound,
      ...(STRIPE_WEBHOOK_SECRET === undefined ? {} : { stripeWebhook: [STRIPE_WEBHOOK_SECRET.trim()] }),
      webhook: env.WEBHOOK_SECRET === undefined ? inbound.webhook : [env.WEBHOOK_SECRET.trim()],
    },
    outbound: {
      ...outbound,
      platformApiKey: env.PLATFORM_API_KEY?.trim() ?? outbound.platformApiKey,
      paymentHook: env.PAYMENT_HOOK_SECRET?.trim() ?? outbound.paymentHook,
      ...(STRIPE_KEY === undefined ? {} : { stripeKey: STRIPE_KEY.trim() }),
    },
  };
}

const random = () => randomBytes(18).toString('base64url');
/** As Stripe's are. */
const alphanumeric = () => random().replace(/[-_]/g, '0');

function generatedSecrets(env: Env): LocalSecrets {
  mkdirSync(folderOf(env), { recursive: true });
  const file = localFile(env, 'secrets.json');
  if (!existsSync(file)) {
    const fresh: LocalSecrets = {
      inbound: { webhook: [random()], channels: {} },
      outbound: {
        platformApiKey: random(),
        paymentHook: `whsec_${randomBytes(24).toString('base64')}`,
        channelTokens: {},
      },
    };
    write(file, fresh);
  }
  return withDemoChannel(read(file, secretsSchema), file);
}

/**
 * As they are stored. Members that are not known here are kept, because another version of the relay may know them.
 */
const storedSecretsSchema = z.looseObject({ inbound: z.looseObject({}), outbound: z.looseObject({}) });
type StoredSecrets = z.infer<typeof storedSecretsSchema>;

/**
 * The secrets of this folder, for a command that changes them. None is made, and variables do not count.
 *
 * @returns undefined if no relay was started in this folder yet.
 */
export function readStoredSecrets(env: Env): { secrets: StoredSecrets; version: string } | undefined {
  const file = localFile(env, 'secrets.json');
  if (!existsSync(file)) return undefined;
  const version = versionOf(file);
  read(file, secretsSchema);
  return { secrets: read(file, storedSecretsSchema), version };
}

/**
 * Puts changed secrets in the place of those that were read as `version`. The next start uses them.
 *
 * @throws an Error if another command is writing.
 */
export function writeStoredSecrets(env: Env, secrets: StoredSecrets, version: string): 'written' | 'changed' {
  const file = localFile(env, 'secrets.json');
  const changing = `${file}.changing`;
  try {
    // Fails if the file exists: of two commands at once, one goes on.
    writeFileSync(changing, `${JSON.stringify(secrets, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new Error(`Another command is changing ${file}. If none is, delete ${changing}.`);
  }
  if (versionOf(file) !== version) {
    rmSync(changing);
    return 'changed';
  }
  renameSync(changing, file);
  return 'written';
}

const versionOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/**
 * Secrets for the sandbox's Stripe, which commands find too. Made once, where there are none.
 */
export function makeStripeSecrets(env: Env): void {
  const { inbound, outbound } = generatedSecrets(env);
  if (outbound.stripeKey !== undefined && inbound.stripeWebhook?.[0] !== undefined) return;
  write(localFile(env, 'secrets.json'), {
    inbound: { ...inbound, stripeWebhook: inbound.stripeWebhook ?? [`whsec_${alphanumeric()}`] },
    outbound: { ...outbound, stripeKey: outbound.stripeKey ?? `rk_test_${alphanumeric()}` },
  });
}

/** Also for a folder that was made before there were channels. */
function withDemoChannel(secrets: LocalSecrets, file: string): LocalSecrets {
  const { inbound, outbound } = secrets;
  if (outbound.channelTokens[DEMO_CHANNEL] !== undefined) return secrets;
  const token = random();
  // The sandbox chat signs with what it asks us for.
  const secretOf = (direction: Direction) => (direction === 'incoming' ? token : random());
  const ways = DIRECTIONS.map((direction) => [`${DEMO_CHANNEL}/${direction}`, [secretOf(direction)]]);
  const more: LocalSecrets = {
    inbound: { ...inbound, channels: { ...inbound.channels, ...Object.fromEntries(ways) } },
    outbound: { ...outbound, channelTokens: { ...outbound.channelTokens, [DEMO_CHANNEL]: token } },
  };
  write(file, more);
  return more;
}

/**
 * With a secret for the replies of every channel. Where none is set, it is made for this start alone: the sandbox's
 * platform is told it, and nobody else replies.
 */
export function withReplySecrets({ inbound, outbound }: LocalSecrets, channels: string[]): LocalSecrets {
  const made = channels
    .map((name) => `${name}/outgoing`)
    .filter((way) => !inbound.channels[way]?.[0])
    .map((way) => [way, [random()]]);
  return {
    inbound: { ...inbound, channels: { ...inbound.channels, ...Object.fromEntries(made) } },
    outbound,
  };
}

export function writeRuntime(env: Env, runtime: LocalRuntime): void {
  write(localFile(env, 'runtime.json'), runtime);
}

/** Undefined if no relay was started in this folder yet. */
export function readRuntime(env: Env): LocalRuntime | undefined {
  const file = localFile(env, 'runtime.json');
  return existsSync(file) ? read(file, runtimeSchema) : undefined;
}

/**
 * How another terminal speaks to the relay of this folder, to be followed by a command. `--local` goes before what the
 * shell or `relay use` names, so that a line that is pasted from here does not reach production.
 */
export const relayCommand = (env: Env) =>
  `${withFolder(env)}npx relay${env.RELAY_STACK || rememberedStack(env) ? ' --local' : ''}`;

const STACK_FILE = 'stack';

/** The stack that commands speak to where none is named: `relay use` remembers it. */
export function rememberedStack(env: Env): string | undefined {
  const file = localFile(env, STACK_FILE);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || undefined : undefined;
}

/** @param stack undefined: from now on the relay that `npm start` runs here. @returns the file. */
export function rememberStack(env: Env, stack: string | undefined): string {
  const file = localFile(env, STACK_FILE);
  if (stack === undefined) rmSync(file, { force: true });
  else {
    mkdirSync(folderOf(env), { recursive: true });
    writeFileSync(file, `${stack}\n`);
  }
  return file;
}

/** Whether the relay of this folder runs. What it wrote of itself stays when it ends. */
export function isRunning(env: Env): boolean {
  const { data } = processesSchema.safeParse(readJson(localFile(env, 'processes.json')));
  return data !== undefined && stillRuns(data.relay) !== 'no';
}

/**
 * Takes this folder for this process. It ends the engines that a killed start left behind, and only processes that
 * this folder's own record names.
 *
 * @param options.fresh forgets all data of earlier starts (the secrets stay).
 * @throws an Error if another start is running here, or has just begun.
 */
export function takeFolder(
  env: Env,
  { fresh }: { fresh: boolean },
): {
  record(enginePids: number[]): void;
  release(): void;
} {
  const folder = folderOf(env);
  inFolder(env, () => mkdirSync(folder, { recursive: true }));
  const file = localFile(env, 'processes.json');
  const earlier = processesSchema.safeParse(readJson(file)).data;
  const relay = earlier ? stillRuns(earlier.relay) : 'no';
  if (earlier && relay !== 'no') {
    const otherwise = relay === 'yes' ? '' : ` If process ${earlier.relay.pid} is none, delete ${file}.`;
    throw new Error(
      `Another npm start (process ${earlier.relay.pid}) is running in ${folder}. Stop it first, or set RELAY_LOCAL_DIR to another folder.${otherwise}`,
    );
  }
  for (const engine of earlier?.engines ?? []) {
    // One that may be a stranger's is left alone. Ours end by themselves once the relay that started them is gone.
    if (stillRuns(engine) === 'yes') process.kill(engine.pid, 'SIGKILL');
  }
  if (earlier) rmSync(file, { force: true });
  const described = (enginePids: number[]) => ({
    relay: markOf(process.pid),
    engines: enginePids.map((pid) => markOf(pid)),
  });
  inFolder(env, () => {
    try {
      // Fails if the file exists: of two starts at once, one goes on.
      writeFileSync(file, JSON.stringify(described([])), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      throw new Error(`Another npm start has just begun in ${folder}. If none has, delete ${file}.`);
    }
  });
  if (fresh) {
    for (const name of [
      'dynamodb.sqlite',
      'dynamodb.sqlite-wal',
      'dynamodb.sqlite-shm',
      'platform.jsonl',
      'payments.jsonl',
      'stripe.json',
      'chat.jsonl',
      'events.json',
    ]) {
      rmSync(localFile(env, name), { force: true });
    }
  }
  return {
    record: (enginePids) => write(file, described(enginePids)),
    release: () => rmSync(file, { force: true }),
  };
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

/** @throws an Error that says what is wrong with the folder, where the system refuses the work. */
function inFolder(env: Env, work: () => void): void {
  try {
    work();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw new Error(
      `npm start keeps its data in ${resolve(folderOf(env))}, which cannot be used (${code}). ` +
        'Make it a folder that you may write to, or name another one in RELAY_LOCAL_DIR.',
    );
  }
}

/** Written beside and renamed: a reader never finds half a file. Readable by this user alone. */
function write(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function read<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  throw new Error(`${file} is not what npm start wrote: delete it, and start again.`);
}

/** Undefined if the file is missing, or is not JSON: the error of JSON.parse would quote it, secrets and all. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
