import * as z from 'zod';
import { setAccount, setStatus } from '../operate/accounts.ts';
import { SETTINGS } from '../operate/client-settings.ts';
import { findInbound } from '../operate/connection.ts';
import { importAccounts, planImport } from '../operate/import-accounts.ts';
import { replayMessage } from '../operate/messages.ts';
import { saidWith } from '../operate/possible-deeds.ts';
import { readQuarantined, replayQuarantined } from '../operate/quarantine.ts';
import { refundRecharge, resolveRecharge, retryRecharge, stopRecharge } from '../operate/recharges.ts';
import { inviteClient } from '../operate/saved-means/invite.ts';
import { linkClient, suspensionText } from '../operate/saved-means/link.ts';
import { startRecharge } from '../operate/start.ts';
import { findStripe } from '../operate/stripe.ts';
import { emailSchema, spelledEmailSchema } from '../shared/email.ts';
import { meansText } from '../shared/payments/payment-method.ts';
import { ANSWERS } from '../shared/recharge/answers.ts';
import { type Shown, understood } from './views.ts';

/** Something that a person does. Whether it may be, the deed itself decides. */
export type Deed = (shown: Shown, body: unknown, who: string) => Promise<object>;

function deed<Body>(
  schema: z.ZodType<Body>,
  act: (shown: Shown, body: Body, who: string) => Promise<object>,
): Deed {
  return (shown, body, who) => act(shown, understood(schema, body), who);
}

const note = z.string().trim().min(1, 'say why');
const ofRecharge = z.strictObject({ key: z.string().min(1), note });
const ofClient = z.strictObject({ email: emailSchema, note });

/** The row has no other place for who it was. */
const signed = (said: string, who: string) => `${said} (${who})`;

/** By the last part of their address, `POST /api/resolve`. */
export const DEEDS: Record<string, Deed> = {
  pause: deed(z.strictObject({ note }), async ({ connection }, body, who) => {
    await connection.charging.pause({ reason: body.note, by: who });
    return { done: 'No new charge begins from now on (other processes: within 5 seconds).' };
  }),

  resume: deed(z.strictObject({}), async ({ connection }) => {
    await connection.charging.resume();
    return { done: 'Charges begin again; waiting recharges come back by themselves within 15 minutes.' };
  }),

  resolve: deed(
    ofRecharge.extend({
      answer: z.enum(ANSWERS),
      version: z.int(),
      payment_ref: z.string().trim().min(1).exactOptional(),
    }),
    async ({ connection }, { key, answer, version, note: said, payment_ref: ref }, who) => {
      const more = ref === undefined ? {} : { paymentRef: ref };
      await resolveRecharge(connection, key, { answer, version, note: signed(said, who), ...more });
      return { done: `"${saidWith(answer) ?? answer}" is written. The worker does the rest.` };
    },
  ),

  stop: deed(ofRecharge, async ({ connection }, { key, note: said }, who) => {
    await stopRecharge(connection, key, signed(said, who));
    return {
      done: 'No charge of it begins any more. It ends within a minute, unless a payment was under way.',
    };
  }),

  retry: deed(ofRecharge, async ({ connection }, { key, note: said }, who) => {
    await retryRecharge(connection, key, signed(said, who));
    return { done: 'Its next step is due now: the worker takes it up within a minute.' };
  }),

  refund: deed(ofRecharge, async ({ connection }, { key, note: said }, who) => {
    await refundRecharge(connection, key, signed(said, who));
    return { done: 'The money is given back: the worker asks the payment provider for it.' };
  }),

  start: deed(
    z.strictObject({
      client: spelledEmailSchema,
      note,
      credits: z.int().positive().exactOptional(),
      instead_of: z.string().exactOptional(),
      charge: z.boolean().default(true),
    }),
    async ({ connection }, { instead_of: insteadOf, note: said, ...start }, who) => {
      const more = insteadOf === undefined ? {} : { insteadOf };
      const { key } = await startRecharge(connection, { ...start, ...more, note: said, by: who });
      return { done: 'It is started.', key };
    },
  ),

  suspend: deed(ofClient, async ({ connection }, { email, note: said }, by) => {
    const { changed } = await setStatus(connection, email, { status: 'suspended', note: said, by });
    return {
      done: changed ? `${email} is suspended: nothing new is charged.` : `${email} is suspended already.`,
    };
  }),

  enable: deed(ofClient, async ({ connection }, { email, note: said }, by) => {
    const { changed } = await setStatus(connection, email, { status: 'active', note: said, by });
    return { done: changed ? `${email} is enabled.` : `${email} is enabled already.` };
  }),

  set: deed(
    z.strictObject({ email: emailSchema, settings: z.partialRecord(z.enum(SETTINGS), z.string()) }),
    async ({ connection }, { email, settings }) => {
      await setAccount(connection, email, settings);
      return { done: `The settings of ${email} are written.` };
    },
  ),

  invite: deed(z.strictObject({ email: emailSchema }), async ({ connection, target }, { email }) => {
    const { url } = await inviteClient(connection, await findStripe(target), email);
    return { done: `Send ${email} this link. It can be used once, for a day: ${url}` };
  }),

  link: deed(
    z.strictObject({
      email: emailSchema,
      customer: z.string().exactOptional(),
      payment_method: z.string().exactOptional(),
    }),
    async ({ connection, target }, { email, customer, payment_method: paymentMethod }) => {
      const wanted = {
        ...(customer === undefined ? {} : { customer }),
        ...(paymentMethod === undefined ? {} : { paymentMethod }),
      };
      const kept = await linkClient(connection, await findStripe(target), email, wanted);
      const { paymentMethod: saved } = kept.account;
      const means = saved === undefined ? '' : `: ${meansText(saved)}`;
      const suspended = suspensionText(kept);
      const more = suspended === undefined ? '' : ` ${suspended}`;
      return { done: `${email} is charged by what is saved at Stripe${means}.${more}` };
    },
  ),

  plan_import: deed(z.strictObject({ csv: z.string() }), ({ connection }, { csv }) =>
    planImport(connection, Buffer.from(csv)),
  ),

  import: deed(z.strictObject({ csv: z.string() }), async ({ connection }, { csv }) => {
    const { clients } = await importAccounts(connection, Buffer.from(csv));
    const changed = clients.filter(({ kind }) => kind !== 'unchanged').length;
    return { done: `${changed} of ${clients.length} clients are written.` };
  }),

  replay_message: deed(z.strictObject({ id: z.string() }), async ({ connection }, { id }) => {
    const { status } = await replayMessage(connection, id);
    return { done: `The message is ${status} again.` };
  }),

  replay_delivery: deed(
    z.strictObject({ id: z.string(), unverified: z.boolean().default(false) }),
    async ({ connection, target }, { id, unverified }) => {
      const kept = await readQuarantined(connection, id);
      const inbound = await findInbound(target);
      const { status, body, advice } = await replayQuarantined(kept, inbound, {
        target,
        unverified,
        now: connection.now(),
      });
      return {
        done: `The relay answers ${status}${advice === undefined ? '' : `. ${advice}`}`,
        status,
        body,
      };
    },
  ),
};
