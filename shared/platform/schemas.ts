import { z } from 'zod';

/** `POST /subaccounts/credits`. */
export const grantRequestSchema = z.object({
  email: z.string().min(1),
  /** Whole credits. */
  amount: z.int().positive(),
  description: z.string(),
});

/** Its answer. The API page promises no email; where one is reported, it must be the one that was asked for. */
export const grantAnswerSchema = z.object({
  success: z.boolean(),
  credits_added: z.number(),
  /** A decimal number: single actions of the platform cost fractions of a credit. */
  new_balance: z.number().optional(),
  email: z.string().optional(),
  sub_account_email: z.string().optional(),
  sub_account: z.object({ email: z.string().optional() }).optional(),
});

/** The answer to `GET /subaccounts?email=`: found, or a 200 that says it was not. */
export const subAccountAnswerSchema = z.discriminatedUnion('success', [
  z.object({
    success: z.literal(true),
    data: z.object({
      email: z.string().optional(),
      uid: z.string().optional().catch(undefined),
      usage_limits: z.object({ credits: z.number() }).optional().catch(undefined),
    }),
  }),
  z.object({ success: z.literal(false) }),
]);

const text = z.string().min(1);
const errorSchema = z.union([
  z
    .object({
      error: z
        .object({
          code: z.union([z.string(), z.number().transform(String)]).optional(),
          message: z.string().optional(),
        })
        .refine(({ code, message }) => code !== undefined || message !== undefined),
    })
    .transform(({ error }) => error),
  z.object({ error: text }).transform(({ error }) => ({ code: undefined, message: error })),
  z.object({ message: text }).transform(({ message }) => ({ code: undefined, message })),
]);

export interface PlatformError {
  code?: string;
  message?: string;
  /** False where the body is none of the platform's, and so perhaps that of a proxy or of a wrong address. */
  envelope: boolean;
}

/**
 * Reads the three shapes in which the platform has been seen to report an error: `{error: {code, message}}`
 * (the documented one), `{error: "text"}` and `{message: "text"}`. Never throws.
 */
export function readError(body: string): PlatformError {
  const read = errorSchema.safeParse(readJson(body));
  if (!read.success) return { envelope: false };
  const { code, message } = read.data;
  return {
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    envelope: true,
  };
}

/** The parsed text, or undefined (which no JSON text means) where it is no JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
