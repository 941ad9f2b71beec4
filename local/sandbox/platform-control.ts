import * as z from 'zod';
import type { Account, Accounts } from './platform-accounts.ts';
import type { Contacts } from './platform-contacts.ts';
import type { PlatformEvent, RecordEvents } from './platform-events.ts';
import type { Messages } from './platform-messages.ts';
import type { Replies } from './platform-replies.ts';
import type { AutoRecharge } from './platform-webhooks.ts';
import { json, parseJson, type Routes } from './server.ts';

const spendSchema = z.strictObject({ email: z.string(), credits: z.number().positive() });
const webhookSchema = z.strictObject({ url: z.url() });
const addressSchema = z.strictObject({ url: z.url(), secret: z.string().min(1) });
const repliesSchema = addressSchema.extend({ channels: z.record(z.string(), addressSchema).default({}) });
const saySchema = z.strictObject({
  channel: z.string().min(1),
  contactId: z.string().min(1),
  body: z.string().min(1),
});

export interface Spent {
  email: string;
  balance: number;
  /** The webhook this spending started, delivered or not. */
  webhook: { idempotency_key: string } | null;
}

interface Dependencies {
  accounts: Accounts;
  contacts: Contacts;
  messages: Messages;
  recharge: AutoRecharge;
  replies: Replies;
  events: readonly PlatformEvent[];
  record: RecordEvents;
}

/** @returns undefined if the client has fewer credits. */
export function spend(
  account: Account,
  credits: number,
  { recharge, record }: Pick<Dependencies, 'recharge' | 'record'>,
): Spent | undefined {
  const newBalance = account.balance - credits;
  if (newBalance < 0) return undefined;
  const { email } = account;
  record({ kind: 'spend', at: new Date().toISOString(), email, amount: credits, newBalance });
  return { email, balance: newBalance, webhook: recharge.check(account) };
}

export const tooMuch = ({ email, balance }: Account, credits: number) =>
  `${email} has ${balance} credits, so ${credits} cannot be spent.`;

/** What stands behind the API: to look at, and to do what the platform's own people and clients do. */
export function controlRoutes(dependencies: Dependencies): Routes {
  return {
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /sandbox/books': () => json(200, { events: dependencies.events }),
    ...creditRoutes(dependencies),
    ...messagingRoutes(dependencies),
  };
}

function creditRoutes({ accounts, recharge, record }: Dependencies): Routes {
  const view = ({ email, subAccountId, balance, threshold, grants }: Account) => ({
    email,
    subAccountId,
    balance,
    threshold,
    grants: grants.map(({ at, amount, description, newBalance }) => ({
      at,
      amount,
      description,
      newBalance,
    })),
  });
  return {
    'GET /sandbox/accounts': () => json(200, { accounts: accounts.all().map(view) }),
    'GET /sandbox/accounts/{email}': ({ param }) => {
      const account = accounts.find(param);
      return account ? json(200, view(account)) : json(404, { error: `No client ${param}.` });
    },
    'POST /sandbox/webhook': ({ body }) => {
      const parsed = webhookSchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {url} is needed.' });
      recharge.setUrl(parsed.data.url);
      return json(200, parsed.data);
    },
    'POST /sandbox/spend': ({ body }) => {
      const parsed = spendSchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {email, credits} is needed.' });
      const account = accounts.find(parsed.data.email);
      if (!account) return json(404, { error: `No client ${parsed.data.email}.` });
      const spent = spend(account, parsed.data.credits, { recharge, record });
      return spent ? json(200, spent) : json(409, { error: tooMuch(account, parsed.data.credits) });
    },
  };
}

function messagingRoutes({ contacts, messages, replies, record }: Dependencies): Routes {
  return {
    'GET /sandbox/contacts': () => json(200, { contacts: contacts.all() }),
    'GET /sandbox/lists': () => json(200, { lists: contacts.lists() }),
    'GET /sandbox/messages': ({ query }) =>
      json(200, {
        messages: messages
          .all(query.get('fromId'))
          .map((event) =>
            event.kind === 'reply' ? { ...event, delivery: replies.state(event.messageId) } : event,
          ),
      }),
    'POST /sandbox/replies': ({ body }) => {
      const parsed = repliesSchema.safeParse(parseJson(body));
      if (!parsed.success)
        return json(400, {
          error: 'A JSON body {url, secret, channels?: {label: {url, secret}}} is needed.',
        });
      const { channels, ...address } = parsed.data;
      replies.set(address, channels);
      return json(200, { url: address.url });
    },
    'POST /sandbox/say': ({ body }) => {
      const parsed = saySchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {channel, contactId, body} is needed.' });
      if (!replies.isOn())
        return json(409, { error: 'There is no address for replies: POST /sandbox/replies.' });
      const email = contacts.byFromId(parsed.data.contactId)?.email ?? '';
      const reply = replies.write({ ...parsed.data, email });
      record(reply);
      replies.deliver(reply);
      return json(200, { messageId: reply.messageId });
    },
  };
}
