import { standardWebhooksKey } from '../shared/incoming/standard-webhooks.ts';
import type { Verifier } from '../shared/incoming/verifier-settings.ts';
import type { Secret } from './secret-names.ts';

/** 12 letters and digits, drawn at random, are 71 bits. What people make up is guessed at this length, too. */
const MIN_LENGTH = 12;

/**
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme asks
 * for 24.
 */
const MIN_KEY_BYTES = 16;

/**
 * What is wrong with a value that somebody gives, as the end of a sentence that begins with the name of the secret.
 * The value is not in it.
 *
 * @param where.verifiers those that the configuration has for what the secret proves; none: not known here.
 * @param where.live whether the relay is in production.
 * @returns undefined if nothing is wrong that can be seen.
 */
export function faultOf(
  { entry, fault: ownFault }: Secret,
  value: string,
  { verifiers, live }: { verifiers: Verifier[]; live: boolean },
): string | undefined {
  if (value === '') return 'is blank';
  // A key with an invisible character in it is refused by the platform, and looks right to everybody.
  if (!/^[!-~]+$/.test(value))
    return 'holds a space, a line break, or a character that is not plain ASCII: copy it again';
  if (/^(["'`]).*\1$/.test(value)) return 'stands in quotes: give it without them';
  if (/^https?:\/\//i.test(value)) return 'is an address: give the secret alone';
  if (/^v\d\w*,whsec_/.test(value))
    return 'begins with a version, as some dashboards show it: give it from whsec_ on';
  const fault = ownFault?.(value, live);
  if (fault !== undefined) return fault;
  if (entry === 'outbound') return undefined;
  if (value.length < MIN_LENGTH) {
    return `has ${value.length} characters, so it can be guessed: at least ${MIN_LENGTH} are needed. secrets rotate makes one`;
  }
  const [first] = verifiers;
  return first && verifiers.every(({ type }) => type === 'standard-webhooks') ? keyFault(value) : undefined;
}

/** What to know of a value that is taken all the same; undefined: nothing. */
export function remarkOf({ entry }: Secret, value: string, verifiers: Verifier[]): string | undefined {
  if (entry === 'outbound') return undefined;
  const fault = verifiers.some(({ type }) => type === 'standard-webhooks') ? keyFault(value) : undefined;
  if (fault !== undefined) return `It ${fault}. The other verifiers take it.`;
  const inAddress = verifiers.some(({ type }) => type === 'token') && /[&#%]/.test(value);
  return inAddress
    ? 'In an address (?token=), write %26 for its &, %23 for its #, and %25 for its %.'
    : undefined;
}

function keyFault(value: string): string | undefined {
  const key = standardWebhooksKey(value);
  if (!key) return 'is no secret of the configured standard-webhooks: theirs are whsec_ and base64';
  return key.length < MIN_KEY_BYTES
    ? `stands for ${key.length} bytes, so it can be guessed: at least ${MIN_KEY_BYTES} are needed`
    : undefined;
}
