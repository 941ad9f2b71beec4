import * as z from 'zod';
import { ALGORITHMS, PLACEHOLDERS, piecesOf } from './signature.ts';
import { DEFAULT_TOLERANCE_SECONDS } from './standard-webhooks.ts';

/** Headers reach us under lower-case names, so configured names are lowered once, here. */
export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .toLowerCase();

/** The secret itself, in a header or in the URL. */
const tokenVerifierSchema = z.strictObject({
  type: z.literal('token'),
  header: headerName.default('x-webhook-token'),
  /** What stands before it in the header, for example `Bearer `, in capital letters or small ones. */
  prefix: z.string().default(''),
  query: z.string().min(1).default('token'),
});

/** What is signed: a text with placeholders. A text without the body's placeholder would let any body in. */
const signedText = z
  .string()
  .max(200)
  .refine(
    (text) => /\{body\}|\{form\}/.test(text),
    'must hold {body}, or {form}: what is not signed proves nothing',
  )
  .refine(
    (text) =>
      piecesOf(text).every((piece) => !piece.startsWith('{') || PLACEHOLDERS.some((one) => one === piece)),
    `has other placeholders than ${PLACEHOLDERS.join(', ')}`,
  );

/** Which setting brings what a placeholder stands for. */
const SOURCES = [
  ['{timestamp}', 'timestampHeader'],
  ['{id}', 'idHeader'],
  ['{url}', 'url'],
] as const;

/** HMAC with the secret as its key, over the raw body and what else of the request the sender signs. */
const hmacVerifierSchema = z
  .strictObject({
    type: z.literal('hmac'),
    header: headerName,
    algorithm: z.enum(ALGORITHMS).exactOptional(),
    encoding: z.enum(['hex', 'base64']).default('hex'),
    /** What stands before a signature in the header, for example `sha256=`, or `v1=` where it has several parts. */
    prefix: z.string().default(''),
    signs: signedText.default('{body}'),
    /** May be the header of the signature: `t=1800000000,v1=…`. */
    timestampHeader: headerName.optional(),
    timestampPrefix: z.string().exactOptional(),
    toleranceSeconds: z.int().positive().default(DEFAULT_TOLERANCE_SECONDS),
    idHeader: headerName.exactOptional(),
    /** Never the Host header: that is the sender's to choose. */
    url: z.url().exactOptional(),
  })
  .superRefine((verifier, context) => {
    for (const [placeholder, setting] of SOURCES) {
      if (verifier.signs.includes(placeholder) === (verifier[setting] !== undefined)) continue;
      const message = `belongs to what signs ${placeholder}, and only there: what is not signed proves nothing`;
      context.addIssue({ code: 'custom', path: [setting], message });
    }
    if (verifier.timestampPrefix !== undefined && verifier.timestampHeader === undefined)
      context.addIssue({
        code: 'custom',
        path: ['timestampPrefix'],
        message: 'belongs to a timestampHeader',
      });
  });

/** https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`; secret `whsec_…`. */
const standardWebhooksVerifierSchema = z.strictObject({
  type: z.literal('standard-webhooks'),
  /** What the three names begin with, where a sender has renamed them. */
  headerPrefix: headerName.exactOptional(),
  toleranceSeconds: z.int().positive().exactOptional(),
});

/** One way in which a sender may prove itself. */
export const verifierSchema = z.discriminatedUnion('type', [
  tokenVerifierSchema,
  hmacVerifierSchema,
  standardWebhooksVerifierSchema,
]);

export type Verifier = z.infer<typeof verifierSchema>;
export type HmacVerifier = z.infer<typeof hmacVerifierSchema>;
