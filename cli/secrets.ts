import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import * as z from 'zod';
import { askHidden } from './ask-hidden.ts';
import { appendPrivately } from './private-file.ts';
import { createSecretEntries, type Entry } from './secret-entries.ts';
import type { StackOutputs } from './stack.ts';

export const SECRET_NAMES = ['webhook', 'platformApiKey', 'paymentHook'] as const;
export type SecretName = (typeof SECRET_NAMES)[number];
/** Those that are ours to make. */
export const MADE_NAMES = ['webhook', 'paymentHook'] as const;
export type MadeName = (typeof MADE_NAMES)[number];
const isMade = (name: SecretName): name is MadeName => name !== 'platformApiKey';

const ENTRIES = {
  webhook: 'InboundSecretId',
  platformApiKey: 'OutboundSecretId',
  paymentHook: 'OutboundSecretId',
} as const satisfies Record<SecretName, keyof StackOutputs>;

const QUESTIONS: Record<SecretName, string> = {
  webhook: "The platform's webhook secret",
  platformApiKey: "The platform's API key",
  paymentHook: "The payment endpoint's signing secret, whsec_…",
};

/** What becomes of the value before. */
const REPLACED: Record<SecretName, string> = {
  webhook: 'The one before stays valid beside it, until the next change.',
  platformApiKey: 'Let the platform accept the one before until then.',
  paymentHook: 'Your payment endpoint must accept the one before and this one for five minutes.',
};

const MAKE: Record<MadeName, () => string> = {
  // Hex digits are base64 too, and need no escape in an address: every verifier takes them.
  webhook: () => `whsec_${randomBytes(24).toString('hex')}`,
  paymentHook: () => `whsec_${randomBytes(24).toString('base64')}`,
};

const PASTE_INTO: Record<MadeName, string> = {
  webhook: "the platform's settings for the auto-recharge webhook",
  paymentHook: 'the settings of your payment endpoint',
};

const isSet = ({ values }: Entry, name: SecretName) =>
  [values[name] ?? []].flat().some((value) => value.trim() !== '');

type Change = { value: string } & ({ name: SecretName; made: false } | { name: MadeName; made: true });

const newValue = (name: MadeName): Change => ({ name, value: MAKE[name](), made: true });

function withChange(values: Entry['values'], { name, value }: Change): Entry['values'] {
  if (name !== 'webhook') return { ...values, [name]: value };
  const others = values.webhook?.filter((other) => other.trim() !== '' && other !== value) ?? [];
  return { ...values, webhook: [value, ...others].slice(0, 2) };
}

const headerOf = (stack: string) =>
  `# New secrets of ${stack}. Paste each one where it belongs, then delete this file.\n`;
const fileEntry = ({ name, value }: Change & { made: true }) =>
  `\n# ${name}, made ${new Date().toISOString()}, for ${PASTE_INTO[name]}:\n${value}\n`;

const isStandardWebhooksSecret = (value: string) =>
  value.startsWith('whsec_') && z.base64().min(1).safeParse(value.slice('whsec_'.length)).success;

/** @throws an Error, without the value, where it cannot be this secret. */
function checked(name: SecretName, value: string): string {
  if (value === '') throw new Error(`${name} is blank. Nothing was changed.`);
  // A key with an invisible character in it is refused by the platform, and looks right to everybody.
  if (!/^[!-~]+$/.test(value)) {
    throw new Error(
      `${name} holds a space, a line break, or a character that is not plain ASCII: copy it again. Nothing was changed.`,
    );
  }
  if (name === 'paymentHook' && !isStandardWebhooksSecret(value)) {
    throw new Error(
      'paymentHook is whsec_ and base64, as Standard Webhooks defines it. Nothing was changed.',
    );
  }
  return value;
}

const changedText = ({ name }: Change, before: Entry[]) =>
  `${name} is set, and in use within five minutes.${before.some((entry) => isSet(entry, name)) ? ` ${REPLACED[name]}` : ''}`;

const pasteText = (file: string, made: (Change & { made: true })[]) =>
  made.length === 0
    ? []
    : [
        `${file}, readable by you alone, holds what is new:`,
        ...made.map(({ name }) => `  ${name}: paste it into ${PASTE_INTO[name]}`),
        'Then delete the file.',
      ];

/**
 * The secrets of a deployed stack. A new value that another party must be told is written to `file`; what is
 * said of a change never holds a value.
 */
export function createStackSecrets(stack: string, outputs: StackOutputs, fileName = `${stack}.secrets`) {
  const { read, write } = createSecretEntries();
  const file = resolve(fileName);
  const readFor = (name: SecretName) => read(outputs[ENTRIES[name]]);

  /** @returns what to say of it. */
  const change = async (entries: Entry[], changes: Change[]): Promise<string> => {
    const made = changes.filter((one) => one.made);
    if (made.length > 0) appendPrivately(file, headerOf(stack), made.map(fileEntry).join(''));
    for (const entry of entries) {
      const own = changes.filter(({ name }) => outputs[ENTRIES[name]] === entry.id);
      if (own.length === 0) continue;
      try {
        await write({ ...entry, values: own.reduce(withChange, entry.values) });
      } catch (cause) {
        const names = own.map(({ name }) => name).join(' and ');
        const inFile = own.some((one) => one.made) ? `; do not use what ${file} holds of it` : '';
        throw new Error(`${names} could not be set${inFile}`, { cause });
      }
    }
    return [...changes.map((one) => changedText(one, entries)), ...pasteText(file, made)].join('\n');
  };

  return {
    /** Asks for each one that is not set yet. */
    async init(): Promise<string> {
      const entries = await Promise.all([readFor('webhook'), readFor('platformApiKey')]);
      const missing = SECRET_NAMES.filter((name) => !entries.some((entry) => isSet(entry, name)));
      if (missing.length === 0) return 'All are set. To change one: secrets set NAME, secrets rotate NAME.';
      const answers = await askHidden(
        missing.map(
          (name) => `${QUESTIONS[name]} (empty line: ${isMade(name) ? 'make a new one' : 'not now'})`,
        ),
      );
      const changes = missing.flatMap((name, index): Change[] => {
        const answer = answers[index];
        if (answer) return [{ name, value: checked(name, answer), made: false }];
        return isMade(name) ? [newValue(name)] : [];
      });
      const left = missing.filter((name) => !changes.some((one) => one.name === name));
      return [
        await change(entries, changes),
        ...left.map((name) => `${name} is not set yet: npm run relay -- secrets set ${name}`),
      ]
        .filter((text) => text !== '')
        .join('\n');
    },

    async set(name: SecretName): Promise<string> {
      const entry = await readFor(name);
      const [answer = ''] = await askHidden([QUESTIONS[name]]);
      return change([entry], [{ name, value: checked(name, answer), made: false }]);
    },

    async rotate(name: MadeName): Promise<string> {
      return change([await readFor(name)], [newValue(name)]);
    },
  };
}
