import { secretId } from '../shared/incoming/secret-use.ts';
import { OperateError } from './error.ts';
import type { Values } from './secret-entries.ts';
import type { Secret } from './secret-names.ts';

/** One value of a secret, without the value. */
export interface HeldSecret {
  /** 8 hex digits that tell it from the others. */
  id: string;
  is: 'current' | 'previous';
  /** Unix milliseconds; absent if it was set by other means than this program, or by an earlier version of it. */
  setAt?: number;
  /** From when on it was a previous one, likewise. */
  replacedAt?: number;
}

/** The current one first. */
export function heldOf({ name, of }: Secret, values: Values): HeldSecret[] {
  const ids = of(values).map((value) => secretId(name, value));
  const times = Object.hasOwn(values.setAt ?? {}, name) ? (values.setAt?.[name] ?? {}) : {};
  return ids.map((id, index) => {
    const replacedAt = index === 0 ? undefined : times[ids[index - 1] ?? ''];
    return {
      id,
      is: index === 0 ? 'current' : 'previous',
      ...(times[id] === undefined ? {} : { setAt: times[id] }),
      ...(replacedAt === undefined ? {} : { replacedAt }),
    };
  });
}

/** Each delivery is tried with each of them: a list without an end would cost every webhook. */
const MOST_HELD = 10;

/**
 * The values with a new one in front. Those before stay: whoever signs with one is let in until it is dropped.
 *
 * @throws an OperateError, `refused`, if there are too many already.
 */
export function withNew(secret: Secret, values: Values, value: string, now: number): Values {
  const before = secret.of(values).filter((other) => other !== value);
  if (secret.entry === 'inbound' && before.length >= MOST_HELD) {
    throw new OperateError(
      'refused',
      `${secret.name} has ${before.length} values that are accepted: drop some first, with npx relay secrets ` +
        `drop ${secret.name} --older-than 30d.`,
    );
  }
  return withTimes(secret, secret.with(values, [value, ...before]), { [secretId(secret.name, value)]: now });
}

export const without = (secret: Secret, values: Values, ids: readonly string[]): Values =>
  withTimes(
    secret,
    secret.with(
      values,
      secret.of(values).filter((value) => !ids.includes(secretId(secret.name, value))),
    ),
  );

/** Only of values that are there. */
function withTimes(secret: Secret, values: Values, more: Record<string, number> = {}): Values {
  const times = { ...values.setAt?.[secret.name], ...more };
  const ids = heldOf(secret, values).map(({ id }) => id);
  const own = Object.fromEntries(Object.entries(times).filter(([id]) => ids.includes(id)));
  return { ...values, setAt: { ...values.setAt, [secret.name]: own } };
}
