import { resolve } from 'node:path';
import { DEMO_CHANNEL, FOLDER, localFile } from '../local/state.ts';
import { askHidden } from './ask-hidden.ts';
import type { KnownChannels } from './known-channels.ts';
import { appendPrivately } from './private-file.ts';
import { createLocalEntries, type Entry, type SecretEntries } from './secret-entries.ts';
import { type MadeSecret, OWN_SECRETS, type Secret, secretNamed, secretsOfChannel } from './secret-names.ts';
import type { StackOutputs } from './stack.ts';

const isSet = (secret: Secret, { name, values }: Entry) =>
  name === secret.entry && secret.of(values).length > 0;

type Change = { value: string } & ({ secret: Secret; made: false } | { secret: MadeSecret; made: true });

const newValue = (secret: MadeSecret): Change => ({ secret, value: secret.make(), made: true });

/** @throws an Error, without the value, where it cannot be this secret. */
function given(secret: Secret, value: string): Change {
  const { name, form } = secret;
  if (value === '') throw new Error(`${name} is blank. Nothing was changed.`);
  // A key with an invisible character in it is refused by the platform, and looks right to everybody.
  if (!/^[!-~]+$/.test(value)) {
    throw new Error(
      `${name} holds a space, a line break, or a character that is not plain ASCII: copy it again. Nothing was changed.`,
    );
  }
  if (form && !form.fits(value)) throw new Error(`${name} ${form.sentence}. Nothing was changed.`);
  return { secret, value, made: false };
}

const headerOf = (owner: string) =>
  `# New secrets of ${owner}. Paste each one where it belongs, then delete this file.\n`;
const fileEntry = ({ secret, value }: Change & { made: true }) =>
  `\n# ${secret.name}, made ${new Date().toISOString()}, for ${secret.pasteInto}:\n${value}\n`;

const pasteText = (file: string, made: (Change & { made: true })[]) =>
  made.length === 0
    ? []
    : [
        `${file}, readable by you alone, holds what is new:`,
        ...made.map(({ secret }) => `  ${secret.name}: paste it into ${secret.pasteInto}`),
        'Then delete the file.',
      ];

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
]);
const SHARED_BY_DEMO = [`${DEMO_CHANNEL}/incoming`, `${DEMO_CHANNEL}/token`];

const ofThisFolder = (): Keeper => ({
  entries: createLocalEntries(),
  owner: `npm start in ${FOLDER}`,
  file: localFile('new.secrets'),
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

function changedText({ inUse }: Keeper, { secret }: Change, before: Entry[]): string {
  const wasSet = before.some((entry) => isSet(secret, entry));
  return `${secret.name} is set${inUse(secret)}${wasSet ? ` ${secret.replaced}` : ''}`;
}

/**
 * @param entries as they were read.
 * @param file for what is new.
 * @returns what to say of it.
 */
async function change(keeper: Keeper, file: string, entries: Entry[], changes: Change[]): Promise<string> {
  const made = changes.filter((one) => one.made);
  if (made.length > 0) appendPrivately(file, headerOf(keeper.owner), made.map(fileEntry).join(''));
  for (const entry of entries) {
    const own = changes.filter(({ secret }) => secret.entry === entry.name);
    if (own.length === 0) continue;
    try {
      const values = own.reduce((before, { secret, value }) => secret.put(before, value), entry.values);
      await keeper.entries.write({ ...entry, values });
    } catch (cause) {
      const names = own.map(({ secret }) => secret.name).join(' and ');
      const inFile = own.some((one) => one.made) ? `; do not use what ${file} holds of it` : '';
      throw new Error(`${names} could not be set${inFile}`, { cause });
    }
  }
  return [...changes.map((one) => changedText(keeper, one, entries)), ...pasteText(file, made)].join('\n');
}

/** One line of `secrets list`. */
interface Listed {
  name: string;
  state: 'set' | 'set, with a previous one' | 'not set';
  note?: string;
}

/**
 * The secrets of a relay. A new value that another party must be told is written to a file; what is said of a
 * change never holds a value.
 */
function openSecrets(keeper: Keeper, fileName = keeper.file) {
  const { read } = keeper.entries;
  const file = resolve(fileName);

  return {
    /** Asks for each of the relay's own that is not set yet. */
    async init(): Promise<string> {
      const entries = await Promise.all([read('inbound'), read('outbound')]);
      const missing = OWN_SECRETS.filter((secret) => !entries.some((entry) => isSet(secret, entry)));
      if (missing.length === 0) {
        return 'All three are set. To change one, or to set those of a channel: secrets set NAME, secrets rotate NAME.';
      }
      const answers = await askHidden(
        missing.map(
          (secret) => `${secret.question} (empty line: ${'make' in secret ? 'make a new one' : 'not now'})`,
        ),
      );
      const changes = missing.flatMap((secret, index): Change[] => {
        const answer = answers[index];
        if (answer) return [given(secret, answer)];
        return 'make' in secret ? [newValue(secret)] : [];
      });
      const left = missing.filter((secret) => !changes.some((one) => one.secret === secret));
      return [
        await change(keeper, file, entries, changes),
        ...left.map(({ name }) => `${name} is not set yet: npm run relay -- secrets set ${name}`),
      ]
        .filter((text) => text !== '')
        .join('\n');
    },

    async set(secret: Secret): Promise<string> {
      const entry = await read(secret.entry);
      const [answer = ''] = await askHidden([secret.question]);
      return change(keeper, file, [entry], [given(secret, answer)]);
    },

    async rotate(secret: MadeSecret): Promise<string> {
      return change(keeper, file, [await read(secret.entry)], [newValue(secret)]);
    },

    /** The relay's own, those of each channel, and what is set for channels that the configuration does not have. */
    async list(channels: KnownChannels): Promise<Listed[]> {
      return listed(await Promise.all([read('inbound'), read('outbound')]), channels);
    },
  };
}

function listed([inbound, outbound]: [Entry, Entry], channels: KnownChannels): Listed[] {
  const entryOf = (secret: Secret) => (secret.entry === 'inbound' ? inbound : outbound);
  const line = (secret: Secret): Listed => ({
    name: secret.name,
    state: stateOf(secret.of(entryOf(secret).values)),
  });
  const stored = [
    ...Object.keys(inbound.values.channels ?? {}),
    ...Object.keys(outbound.values.channelTokens ?? {}).map((channel) => `${channel}/token`),
  ].flatMap((name) => secretNamed(name) ?? []);
  return [
    ...OWN_SECRETS.map(line),
    ...[...channels].flatMap(([name, channel]) => secretsOfChannel(name, channel)).map(line),
    ...stored.flatMap((secret) => {
      const { channel } = secret;
      if (channel === undefined || channels.has(channel) || !isSet(secret, entryOf(secret))) return [];
      return [{ ...line(secret), note: `no configuration here has a channel ${channel}` }];
    }),
  ];
}

function stateOf(values: string[]): Listed['state'] {
  if (values.length === 0) return 'not set';
  return values.length === 1 ? 'set' : 'set, with a previous one';
}

export async function openStackSecrets(stack: string, outputs: StackOutputs, file?: string) {
  const { createStackEntries } = await import('./stack-secrets.ts');
  const entries = createStackEntries({
    inbound: outputs.InboundSecretId,
    outbound: outputs.OutboundSecretId,
  });
  return openSecrets(ofStack(stack, entries), file);
}
export const openLocalSecrets = (file?: string) => openSecrets(ofThisFolder(), file);
