import * as z from 'zod/mini';
import { emailSchema } from '../email.ts';
import type { Parsed } from './adapter.ts';
import { NOT_JSON, readId, readPayload } from './adapters/reading.ts';

const printable = z
  .string('must be text')
  .check(z.refine((text) => readId(text) !== undefined, 'must be 1 to 255 printable characters'));

const name = z
  .string('must be text')
  .check(z.trim(), z.minLength(1, 'must not be blank'), z.maxLength(255, 'is longer than 255'));

/** The body of `POST /channels/{channel}/send`, with the names of the platform's own endpoint. */
export const sendSchema = z.strictObject({
  /** The sender's own: the same id on the same channel is the same message. */
  id: printable,
  /** The contact's id in the external system. */
  fromId: printable,
  body: z.pipe(
    z.string('must be text').check(z.refine((text) => text.trim() !== '', 'must not be blank')),
    z.transform((text) => text.toWellFormed()),
  ),
  campaignId: z.exactOptional(printable),
  firstName: z.exactOptional(name),
  lastName: z.exactOptional(name),
  email: z.exactOptional(emailSchema),
});

const FIELDS = Object.keys(sendSchema.shape).join(', ');

/** A message of the agency's own systems. A fault names all that is wrong, and quotes nothing. */
export function parseSend(body: Buffer): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const read = sendSchema.safeParse(payload);
  if (!read.success) {
    const faults = read.error.issues.map(({ code, path, message }) =>
      code === 'unrecognized_keys' ? `only ${FIELDS} are known` : `${path.join('.')} ${message}`,
    );
    return { kind: 'fault', fault: faults.join('; ') };
  }
  const { fromId: contact, body: text, ...more } = read.data;
  return { kind: 'messages', messages: [{ contact, text, type: 'text', attachments: [], ...more }] };
}
