import * as z from 'zod';
import { DIRECTIONS, MESSAGE_STATUSES } from '../shared/channels/message.ts';
import { PHASES } from '../shared/recharge/recharge.ts';
import { FAILURE_CODES } from './failure.ts';

const time = z.iso.datetime().describe('ISO 8601, in UTC');
const history = z.array(
  z.strictObject({
    at: time,
    event: z.string(),
    detail: z.string().optional(),
    times: z.int().optional().describe('how often in a row, where more than once'),
  }),
);

const failure = z
  .strictObject({ error: z.strictObject({ code: z.enum(FAILURE_CODES), message: z.string() }) })
  .describe('printed in the place of a result; docs/commands.md lists the exit codes');

const recharge = z
  .strictObject({
    key: z.string().describe("the platform's idempotency key"),
    phase: z.enum(PHASES),
    reason: z.string().optional().describe('why it is blocked, declined, or in review'),
    email: z.string(),
    credits: z.int(),
    amount: z.int().optional().describe('in minor units of the currency'),
    currency: z.string().optional(),
    prepaid: z.literal(true).optional().describe('a person said that nothing is charged'),
    payment_ref: z.string().optional(),
    paid_at: time.optional(),
    goodwill_refund: z.enum(['under_way', 'refunded']).optional(),
    refund_ref: z.string().optional(),
    refunded_at: time.optional(),
    charge_id: z.string().optional(),
    grant_mark: z.string().optional().describe("names the grant in the platform's credit history"),
    balance_before: z.number().optional(),
    new_balance: z.number().optional(),
    action_url: z.string().optional().describe('where the client must act'),
    received_at: time,
    next_attempt_at: time.optional(),
    grant_deadline: time.optional(),
    attempt: z.int(),
    version: z.int().describe('what "recharges resolve --version" wants'),
    history,
    next_step: z
      .looseObject({ who: z.string(), what: z.string() })
      .optional()
      .describe('who must do what now'),
  })
  .describe('recharges show, resolve, stop, retry, refund, start; an array of them: recharges list');

const message = z
  .strictObject({
    id: z.string(),
    status: z.enum(MESSAGE_STATUSES),
    channel: z.string(),
    direction: z.enum(DIRECTIONS),
    sender_id: z.string(),
    contact: z.string(),
    type: z.string(),
    text: z.string(),
    attachments: z.array(z.string()),
    first_name: z.string().optional(),
    last_name: z.string().optional(),
    email: z.string().optional(),
    reply_to: z.string().optional(),
    campaign_id: z.string().optional(),
    parts_delivered: z.int(),
    external_ids: z.array(z.string()),
    not_before: time.optional(),
    cuts: z.array(z.strictObject({ from_part: z.int(), max_length: z.int() })).optional(),
    waits: z.unknown().optional(),
    received_at: time,
    queued_at: time,
    queued_no: z.int(),
    version: z.int(),
    history,
    known: z.unknown().optional(),
  })
  .describe('messages show, replay, and channels test; an array of them: messages list');

/** What `--json` prints of the things that scripts read. Nothing is taken away or renamed without a new major version. */
export const OUTPUTS = { failure, recharge, message };

/** docs/cli.schema.json. */
export const outputSchemaDocument = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'What the commands of the relay print with --json',
  $defs: Object.fromEntries(
    Object.entries(OUTPUTS).map(([name, schema]) => {
      const { $schema: _, ...document } = z.toJSONSchema(schema);
      return [name, document];
    }),
  ),
});
