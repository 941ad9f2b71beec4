import * as z from 'zod';

/** What proves a sender to us. All the internet-facing function may read. */
export const inboundSecretsSchema = z.object({
  /** For the auto-recharge webhook: the current secret first, then the previous one while it is being changed. */
  webhook: z.array(z.string()).default([]),
  /** By channel and way, such as `support/incoming`: the current secret first, then the previous one. */
  channels: z.record(z.string(), z.array(z.string())).default({}),
});
export type InboundSecrets = z.infer<typeof inboundSecretsSchema>;

/** What proves us to others. Only the workers may read it. */
export const outboundSecretsSchema = z.object({
  platformApiKey: z.string().min(1).exactOptional(),
  /** Signs our requests to the payment hook: `whsec_` and base64, as Standard Webhooks defines it. */
  paymentHook: z.string().min(1).exactOptional(),
  /** By channel: the token of the bot, or of the API, that delivers to the chat system. */
  channelTokens: z.record(z.string(), z.string()).default({}),
});
export type OutboundSecrets = z.infer<typeof outboundSecretsSchema>;

/** A rotated secret is used at the latest after this; the previous one is accepted meanwhile. */
const CACHED_MS = 5 * 60_000;
/** A flood of forged webhooks must not become a flood of secret reads. */
const REREAD_MS = 60_000;

export interface Secrets<Values> {
  /** @throws an Error that names the secret, never its content, where it cannot be read. */
  get(): Promise<Values>;
  /**
   * Reads again before its time, at most once a minute a process: after a 401, or a webhook nobody can
   * verify. Who comes while a reading is under way gets the same one.
   *
   * @throws like `get`; what was read before stays in use.
   */
  reread(): Promise<'read' | 'too_soon'>;
}

/**
 * @param read brings the stored text; blank means that no secret was set yet.
 * @param name for errors.
 */
export function createSecrets<Values>(
  name: string,
  read: () => Promise<string>,
  schema: z.ZodType<Values>,
  now: () => number = Date.now,
): Secrets<Values> {
  let cached: { values: Promise<Values>; readAt: number } | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let rereading: Promise<'read'> | undefined;
  const readNow = () => {
    readAt = now();
    const text = read().catch((cause: unknown) => {
      throw new Error(`The secret "${name}" could not be read`, { cause });
    });
    return { values: text.then((stored) => parseSecrets(name, stored, schema)), readAt };
  };
  const get = () => {
    if (cached && now() < cached.readAt + CACHED_MS) return cached.values;
    const mine = readNow();
    cached = mine;
    // A failed read is not kept: the next caller tries again.
    mine.values.catch(() => {
      if (cached === mine) cached = undefined;
    });
    return mine.values;
  };
  return {
    get,
    async reread() {
      if (rereading) return rereading;
      if (now() < readAt + REREAD_MS) return 'too_soon';
      const mine = readNow();
      rereading = mine.values.then(() => {
        // Only now: what is known stays in use where the store gives no answer.
        cached = mine;
        return 'read';
      });
      try {
        return await rereading;
      } finally {
        rereading = undefined;
      }
    },
  };
}

/** @throws an Error that names the secret and the place, never its content. */
export function parseSecrets<Values>(name: string, text: string, schema: z.ZodType<Values>): Values {
  try {
    return schema.parse(text.trim() === '' ? {} : JSON.parse(text));
  } catch (error) {
    const places =
      error instanceof z.ZodError ? error.issues.map(({ path }) => path.join('.')).join(', ') : '';
    // Neither JSON.parse's nor zod's message: both may quote the secret.
    throw new Error(
      `The secret "${name}" is not what it should be${places && ` at ${places}`}: see docs/configuration.md.`,
    );
  }
}
