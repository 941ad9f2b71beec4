import { resolve } from 'node:path';
import { DEMO_CHANNEL, folderOf, localFile } from '../local/state.ts';
import type { Verifier } from '../shared/incoming/verifier-settings.ts';
import { ConfigError } from '../shared/settings/config-file.ts';
import { OperateError } from './error.ts';
import { type HeldSecret, heldOf, withNew, without } from './held-secrets.ts';
import { type KnownChannels, knownChannels } from './known-channels.ts';
import { type PaymentType, paymentTypeOf } from './payment-type.ts';
import { appendPrivately } from './private-file.ts';
import { WEBHOOK_ROUTE } from './routes.ts';
import { createLocalEntries, type Entry, type SecretEntries } from './secret-entries.ts';
import { faultOf, remarkOf } from './secret-faults.ts';
import {
  type MadeSecret,
  OWN_SECRETS,
  ownSecretsFor,
  type Secret,
  secretNamed,
  secretsOfChannel,
} from './secret-names.ts';
import { readStack } from './stack.ts';
import { isProduction, type Target } from './target.ts';

const isSet = (secret: Secret, { name, values }: Entry) =>
  name === secret.entry && secret.of(values).length > 0;

type Change = { value: string; remark?: string } & (
  | { secret: Secret; made: false }
  | { secret: MadeSecret; made: true }
);

const newValue = (secret: MadeSecret): Change => ({ secret, value: secret.make(), made: true });

/** @throws an OperateError, `refused`, without the value, if it cannot be this secret. */
async function given(secret: Secret, value: string, target: Target): Promise<Change> {
  const verifiers = await verifiersFor(secret, target);
  const fault = faultOf(secret, value, { verifiers, live: isProduction(target.stack) });
  if (fault !== undefined) throw new OperateError('refused', `${secret.name} ${fault}. Nothing was changed.`);
  const remark = remarkOf(secret, value, verifiers);
  return { secret, value, made: false, ...(remark === undefined ? {} : { remark }) };
}

/** Those of the configuration here; none if it names none, or has faults, which are judged elsewhere. */
async function verifiersFor({ name, entry, channel, payment }: Secret, target: Target): Promise<Verifier[]> {
  if (entry === 'outbound' || payment !== undefined) return [];
  const { configuredVerifiers } = await import('./proofs.ts');
  try {
    return configuredVerifiers(channel === undefined ? WEBHOOK_ROUTE : `/channels/${name}`, target);
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

const headerOf = (owner: string) =>
  `# New secrets of ${owner}. Paste each one where it belongs, then delete this file.\n`;
const fileEntry = ({ secret, value }: Change & { made: true }) =>
  `\n# ${secret.name}, made ${new Date().toISOString()}, for ${secret.pasteInto}:\n${value}\n`;

/** Whose secrets they are, and where they are kept. */
interface Keeper {
  entries: SecretEntries;
  owner: string;
  /** For what is new. */
  file: string;
  /** From when on a value is used: follows "is set". */
  inUse(secret: Secret): string;
}

/** As long as a process keeps what it has read: `CACHED_MS` in shared/settings/secrets.ts. */
const ofStack = (stack: string, entries: SecretEntries): Keeper => ({
  entries,
  owner: stack,
  file: `${stack}.secrets`,
  inUse: () => ', and in use within five minutes.',
});

const VARIABLES = new Map([
  ['webhook', 'WEBHOOK_SECRET'],
  ['platformApiKey', 'PLATFORM_API_KEY'],
  ['paymentHook', 'PAYMENT_HOOK_SECRET'],
  ['stripeKey', 'STRIPE_KEY'],
  ['stripeWebhook', 'STRIPE_WEBHOOK_SECRET'],
]);
const SHARED_BY_DEMO = [`${DEMO_CHANNEL}/incoming`, `${DEMO_CHANNEL}/token`];

const ofThisFolder = (env: NodeJS.ProcessEnv): Keeper => ({
  entries: createLocalEntries(env),
  owner: `npm start in ${folderOf(env)}`,
  file: localFile(env, 'new.secrets'),
  inUse({ name }) {
    const variable = VARIABLES.get(name);
    const unless = variable === undefined ? '' : `, unless ${variable} is set`;
    // One value is both, as localSecrets makes it.
    const demo = SHARED_BY_DEMO.includes(name)
      ? ` The sandbox's chat signs with ${DEMO_CHANNEL}/token: set ${SHARED_BY_DEMO.join(' and ')} to the same.`
      : '';
    return `; a running npm start reads it at its next start${unless}.${demo}`;
  },
});

/** A secret that has another value now. */
interface ChangedSecret {
  name: string;
  /** From when on it is used: follows "is set". */
  inUse: string;
  /** What happens to the value before, if there was one. */
  replaced?: string;
  /** For a value that was made here: who must be told. */
  pasteInto?: string;
  /** What to know of it. */
  remark?: string;
}

/** The result of a change. No value is in it. */
export interface SecretChanges {
  changed: ChangedSecret[];
  /** Readable by this user alone: holds the values that were made here. Absent if none was. */
  file?: string;
  /** Of those that were asked for: they have no value yet. */
  notSet: string[];
}

/** A value that somebody may still sign with. */
export interface UsedSecret extends HeldSecret {
  /** Of a previous one. */
  lastUse?: LastUse;
}

/** When a value last let a sender in, in Unix milliseconds. */
export type LastUse = { at: number } | 'never_seen' | 'not_known';

/** What `secrets list` says of one secret. */
export interface ListedSecret {
  name: string;
  state: string;
  note?: string;
  /** The current one first; none where it is not set. */
  held: UsedSecret[];
}

export type LastUsed = (name: string, id: string) => Promise<LastUse>;

/** Which of the previous values are dropped. */
export type DropWhich = 'all-previous' | { id: string } | { olderThanMs: number };

/** @returns whether a person wants these dropped, having seen what they are. */
export type ConfirmDrop = (dropped: UsedSecret[]) => Promise<boolean>;

/**
 * Asks a person.
 *
 * @returns an answer to each question, trimmed.
 */
export type Ask = (questions: string[]) => Promise<string[]>;

/**
 * The secrets of a relay. A new value that another party must be told is written to a file. What is returned never
 * holds a value. Of two changes at once the second is refused, because it was read before the person was asked.
 */
export interface RelaySecrets {
  /** Asks for each of the relay's own that is not set yet. If all are set, none is changed. */
  init(ask: Ask): Promise<SecretChanges>;
  set(secret: Secret, ask: Ask): Promise<SecretChanges>;
  rotate(secret: MadeSecret): Promise<SecretChanges>;
  /** The relay's own, those of each channel, and what is set for channels that the configuration does not have. */
  list(channels: KnownChannels, lastUsed: LastUsed): Promise<ListedSecret[]>;
  /**
   * Drops previous values: who still signs with one is refused as soon as the change is in use.
   *
   * @returns what was dropped; nothing where the person did not want it.
   * @throws an OperateError, `refused` or `not_found`, if there is nothing to drop.
   */
  drop(
    secret: Secret,
    which: DropWhich,
    given: { lastUsed: LastUsed; confirm: ConfirmDrop; now: number },
  ): Promise<{ dropped: UsedSecret[]; inUse: string }>;
}

/**
 * @param fileName where new values are written; relative to the working directory.
 * @throws an OperateError, `not_ready`, if there is no such stack.
 */
export async function openSecrets(target: Target, fileName?: string): Promise<RelaySecrets> {
  const { stack, env } = target;
  const keeper = stack === undefined ? ofThisFolder(env) : ofStack(stack, await entriesOf(stack));
  const { read } = keeper.entries;
  const file = resolve(fileName ?? keeper.file);
  return {
    async init(ask) {
      if (stack === undefined) {
        throw new OperateError(
          'refused',
          'secrets init is for a relay on AWS: npx relay --stack NAME secrets init. npm start makes its own ' +
            `in ${localFile(env, 'secrets.json')}; secrets set and secrets rotate change them.`,
        );
      }
      const entries = await Promise.all([read('inbound'), read('outbound')]);
      const missing = ownSecretsFor(paymentTypeOf(target)).filter(
        (secret) => !entries.some((entry) => isSet(secret, entry)),
      );
      if (missing.length === 0) return { changed: [], notSet: [] };
      const answers = await ask(
        missing.map(
          (secret) => `${secret.question} (empty line: ${'make' in secret ? 'make a new one' : 'not now'})`,
        ),
      );
      const changes: Change[] = [];
      for (const [index, secret] of missing.entries()) {
        const answer = answers[index];
        if (answer) changes.push(await given(secret, answer, target));
        else if ('make' in secret) changes.push(newValue(secret));
      }
      const left = missing.filter((secret) => !changes.some((one) => one.secret === secret));
      return { ...(await change(keeper, file, entries, changes)), notSet: left.map(({ name }) => name) };
    },

    async set(secret, ask) {
      const entry = await read(secret.entry);
      const [answer = ''] = await ask([secret.question]);
      return change(keeper, file, [entry], [await given(secret, answer, target)]);
    },

    async rotate(secret) {
      return change(keeper, file, [await read(secret.entry)], [newValue(secret)]);
    },

    async list(channels, lastUsed) {
      const entries = await Promise.all([read('inbound'), read('outbound')]);
      const all = listed(entries, channels, paymentTypeOf(target));
      return Promise.all(
        all.map(async (one) => ({ ...one, held: await withUses(one.name, one.held, lastUsed) })),
      );
    },

    async drop(secret, which, { lastUsed, confirm, now }) {
      const entry = await read(secret.entry);
      const chosen = chooseDropped(secret, heldOf(secret, entry.values), which, now);
      const dropped = await withUses(secret.name, chosen, lastUsed);
      if (!(await confirm(dropped))) return { dropped: [], inUse: '' };
      const ids = dropped.map(({ id }) => id);
      await keeper.entries.write({ ...entry, values: without(secret, entry.values, ids) });
      return { dropped, inUse: keeper.inUse(secret) };
    },
  };
}

async function entriesOf(stack: string): Promise<SecretEntries> {
  const { InboundSecretId, OutboundSecretId } = await readStack(stack);
  const { createStackEntries } = await import('./stack-secrets.ts');
  return createStackEntries({ inbound: InboundSecretId, outbound: OutboundSecretId });
}

/**
 * @param entries as they were read.
 * @param file for what is new.
 */
async function change(
  keeper: Keeper,
  file: string,
  entries: Entry[],
  changes: Change[],
): Promise<SecretChanges> {
  const now = Date.now();
  const next = entries.flatMap((entry): (Entry & { own: Change[] })[] => {
    const own = changes.filter(({ secret }) => secret.entry === entry.name);
    const values = own.reduce(
      (before, { secret, value }) => withNew(secret, before, value, now),
      entry.values,
    );
    return own.length === 0 ? [] : [{ ...entry, values, own }];
  });
  const made = changes.filter((one) => one.made);
  if (made.length > 0) appendPrivately(file, headerOf(keeper.owner), made.map(fileEntry).join(''));
  for (const { own, ...entry } of next) {
    try {
      await keeper.entries.write(entry);
    } catch (cause) {
      const names = own.map(({ secret }) => secret.name).join(' and ');
      const inFile = own.some((one) => one.made) ? `; do not use what ${file} holds of it` : '';
      const message = `${names} could not be set${inFile}`;
      if (cause instanceof OperateError) throw new OperateError(cause.kind, message, { cause });
      throw new Error(message, { cause });
    }
  }
  return {
    changed: changes.map(({ secret, made: isMade, remark }) => ({
      name: secret.name,
      inUse: keeper.inUse(secret),
      ...(entries.some((entry) => isSet(secret, entry)) ? { replaced: secret.replaced } : {}),
      ...(isMade && 'pasteInto' in secret ? { pasteInto: secret.pasteInto } : {}),
      ...(remark === undefined ? {} : { remark }),
    })),
    ...(made.length > 0 ? { file } : {}),
    notSet: [],
  };
}

function listed(
  [inbound, outbound]: [Entry, Entry],
  channels: KnownChannels,
  type: PaymentType,
): ListedSecret[] {
  const entryOf = (secret: Secret) => (secret.entry === 'inbound' ? inbound : outbound);
  const line = (secret: Secret): ListedSecret => {
    const held = heldOf(secret, entryOf(secret).values);
    return { name: secret.name, state: stateOf(held.length), held };
  };
  const stored = [
    ...Object.keys(inbound.values.channels ?? {}),
    ...Object.keys(outbound.values.channelTokens ?? {}).map((channel) => `${channel}/token`),
  ].flatMap((name) => secretNamed(name) ?? []);
  return [
    ...ownSecretsFor(type).map(line),
    ...OWN_SECRETS.flatMap((secret) =>
      (secret.payment ?? type) !== type && isSet(secret, entryOf(secret))
        ? [{ ...line(secret), note: `not used: payment.type is ${type}` }]
        : [],
    ),
    ...[...channels].flatMap(([name, channel]) => secretsOfChannel(name, channel)).map(line),
    ...stored.flatMap((secret) => {
      const { channel } = secret;
      if (channel === undefined || channels.has(channel) || !isSet(secret, entryOf(secret))) return [];
      return [{ ...line(secret), note: `no configuration here has a channel ${channel}` }];
    }),
  ];
}

function stateOf(count: number): string {
  if (count === 0) return 'not set';
  if (count === 1) return 'set';
  return count === 2 ? 'set, with a previous one' : `set, with ${count - 1} previous ones`;
}

/** A secret that is replaced with each change has no previous one, and nothing is asked for it. */
const withUses = (name: string, held: HeldSecret[], lastUsed: LastUsed): Promise<UsedSecret[]> =>
  Promise.all(
    held.map(async (one) => {
      return one.is === 'previous' ? { ...one, lastUse: await lastUsed(name, one.id) } : one;
    }),
  );

function chooseDropped(secret: Secret, held: HeldSecret[], which: DropWhich, now: number): HeldSecret[] {
  const { name } = secret;
  const refused = (why: string) => new OperateError('refused', `${why} Nothing was dropped.`);
  if (secret.entry === 'outbound')
    throw refused(`A new ${name} replaces the one before: there is no previous one.`);
  const previous = held.filter(({ is }) => is === 'previous');
  if (which === 'all-previous') {
    if (previous.length === 0) throw refused(`${name} has no previous value.`);
    return previous;
  }
  if ('id' in which) {
    const found = held.find(({ id }) => id === which.id);
    if (!found)
      throw new OperateError('not_found', `${name} has no value ${which.id}: npx relay secrets list`);
    if (found.is === 'previous') return [found];
    throw refused(
      `${which.id} is the current value of ${name}. Give it another one first (secrets set, secrets rotate), then ` +
        'drop this one.',
    );
  }
  const old = previous.filter(
    ({ replacedAt }) => replacedAt !== undefined && replacedAt <= now - which.olderThanMs,
  );
  if (old.length > 0) return old;
  const unknown = previous.filter(({ replacedAt }) => replacedAt === undefined).length;
  throw refused(
    `No previous value of ${name} was replaced so long ago.` +
      (unknown === 0 ? '' : ` Of ${unknown} it is not known when: name them with --which.`),
  );
}

/**
 * @returns the secret of this name, and whether the configuration here has its channel; it may be configured
 *   elsewhere.
 * @throws an OperateError, `not_found`, that does not repeat the name: it may be a secret, pasted at the wrong
 *   place.
 */
export function findSecret(name: string, target: Target): { secret: Secret; isConfigured: boolean } {
  // The relay's own secrets have nothing to do with the configuration or its faults.
  const own = secretNamed(name);
  if (own && own.channel === undefined) return { secret: own, isConfigured: true };
  const channels = own && knownChannels(target);
  const secret = own && secretNamed(name, channels);
  if (secret?.channel === undefined) {
    throw new OperateError(
      'not_found',
      'A secret is called webhook, platformApiKey, paymentHook, stripeKey, stripeWebhook or, with the name of a channel (small letters, ' +
        'digits and -, at most 40): CHANNEL/incoming, CHANNEL/outgoing, CHANNEL/send, CHANNEL/token.',
    );
  }
  return { secret, isConfigured: channels?.has(secret.channel) ?? false };
}
