import * as z from 'zod/mini';
import { readJson } from '../http.ts';
import { describeError, type Logger } from '../logger.ts';

/** A pasted secret often has blanks and a line feed around it, which are not part of it. */
const secret = z.string().check(z.trim());

/** What proves a sender to us. All the internet-facing function may read. */
export const inboundSecretsSchema = z.object({
  /** For the auto-recharge webhook: the current secret first, then the previous one while it is being changed. */
  webhook: z._default(z.array(secret), []),
  /** By channel and way, such as `support/incoming`: the current secret first, then the previous one. */
  channels: z._default(z.record(z.string(), z.array(secret)), {}),
  /** With which Stripe signs its events, `whsec_…`: the current secret first, then the previous one. */
  stripeWebhook: z.exactOptional(z.array(secret)),
});
export type InboundSecrets = z.infer<typeof inboundSecretsSchema>;

/** What proves us to others. Only the workers may read it. */
export const outboundSecretsSchema = z.object({
  platformApiKey: z.exactOptional(secret.check(z.minLength(1))),
  /** Signs our requests to the payment hook: `whsec_` and base64, as Standard Webhooks defines it. */
  paymentHook: z.exactOptional(secret.check(z.minLength(1))),
  /** A restricted key of Stripe, `rk_live_…` or `rk_test_…`. */
  stripeKey: z.exactOptional(secret.check(z.minLength(1))),
  /** By channel: the token of the bot, or of the API, that delivers to the chat system. */
  channelTokens: z._default(z.record(z.string(), secret), {}),
});
export type OutboundSecrets = z.infer<typeof outboundSecretsSchema>;

/** A rotated secret is used at the latest after this; the previous one is accepted meanwhile. */
const CACHED_MS = 5 * 60_000;
/** A flood of forged webhooks, or an outage of the store, must not become a flood of reads. */
const READ_AGAIN_MS = 60_000;

export interface Secrets<Values> {
  /**
   * Reads the secret again if it is five minutes old or was doubted. If reading fails, the last value stays in use,
   * however old: an outage of the store is no reason to turn genuine senders away. Reading is tried again at most once
   * a minute in each process, and each failure raises the alert `secret_unreadable`.
   *
   * @throws an Error that names the secret, never its content, where nothing has been read yet.
   */
  get(): Promise<Values>;
  /**
   * Reads the secret early, after a webhook that no known secret verifies; at most once a minute in each process. Calls
   * during a reading share its result.
   *
   * @returns `kept` if it was too soon to read, or the store did not answer; the known value stays in use.
   * @throws like `get`.
   */
  reread(): Promise<'read' | 'kept'>;
  /** The other side refused what is known: the next `get` reads before its time, at most once a minute a process. */
  doubt(): void;
}

/**
 * Every caller awaits its reading. So no reading outlives its handler, where Lambda could freeze it half done.
 *
 * @param read brings the stored text; blank means that no secret was set yet.
 * @param name for errors and alerts.
 * @param options.logger who hears that old values are in use; a command that reads once needs none.
 */
export function createSecrets<Values>(
  name: string,
  read: () => Promise<string>,
  schema: z.ZodMiniType<Values>,
  { logger, now = Date.now }: { logger?: Pick<Logger, 'alert'>; now?: () => number } = {},
): Secrets<Values> {
  let known: { values: Values; readAt: number } | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let doubted = false;
  let reading: Promise<Values> | undefined;

  const readNow = async (): Promise<Values> => {
    triedAt = now();
    const startedAt = triedAt;
    const text = await read().catch((cause: unknown) => {
      throw new Error(`The secret "${name}" could not be read`, { cause });
    });
    const values = parseSecrets(name, text, schema);
    known = { values, readAt: startedAt };
    doubted = false;
    return values;
  };
  const readTogether = () => {
    reading ??= readNow().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  /** Undefined where there was no answer, or it is too soon to ask for one. */
  const readUnlessTooSoon = async (): Promise<Values | undefined> => {
    if (reading === undefined && now() < triedAt + READ_AGAIN_MS) return undefined;
    const isFirst = reading === undefined;
    try {
      return await readTogether();
    } catch (error) {
      if (isFirst) logger?.alert('secret_unreadable', { secret: name, detail: describeError(error) });
      return undefined;
    }
  };
  return {
    async get() {
      if (known === undefined) return readTogether();
      const isOld = doubted || now() >= known.readAt + CACHED_MS;
      return (isOld ? await readUnlessTooSoon() : undefined) ?? known.values;
    },
    async reread() {
      if (known === undefined) await readTogether();
      return (await readUnlessTooSoon()) === undefined ? 'kept' : 'read';
    },
    doubt() {
      doubted = true;
    },
  };
}

/** @throws an Error that names the secret and the place, never its content. */
export function parseSecrets<Values>(name: string, text: string, schema: z.ZodMiniType<Values>): Values {
  const { data, error } = schema.safeParse(text.trim() === '' ? {} : readJson(text));
  if (error === undefined) return data;
  const places = error.issues.map(({ path }) => path.join('.')).join(', ');
  // Neither JSON.parse's nor zod's message: both may quote the secret.
  throw new Error(
    `The secret "${name}" is not what it should be${places && ` at ${places}`}: see docs/configuration.md.`,
  );
}
