import * as z from 'zod';
import { openBooks } from './books.ts';
import { DELIVERY_FAULTS } from './deliveries.ts';
import { createFaultSwitch, type FaultOrder, type FaultSwitch, REFUSE_CONNECTIONS } from './faults.ts';
import { type Account, type Accounts, clientSchema, createAccounts } from './platform-accounts.ts';
import { createPlatformApi, PLAIN_404, type PlatformApi } from './platform-api.ts';
import {
  type Contacts,
  contactRoutes,
  contactsFaults,
  createContacts,
  listSchema,
} from './platform-contacts.ts';
import { controlRoutes, type Spent, spend, tooMuch } from './platform-control.ts';
import { grantFaults, grantHandler, lookupFaults, lookupHandler } from './platform-credits.ts';
import { type PlatformEvent, platformEventSchema, type RecordEvents } from './platform-events.ts';
import { exportFaults, exportHandler } from './platform-export.ts';
import { createMessages, type Messages, messageFaults, messageRoutes } from './platform-messages.ts';
import { sandboxProfileSchema } from './platform-profile.ts';
import { createReplies, type Replies } from './platform-replies.ts';
import { createAutoRecharge } from './platform-webhooks.ts';
import { createTimers, type Routes, startServer } from './server.ts';

/** 500 credits and a threshold of 100: spending 450 starts a recharge. */
const demoEmails = ['demo@example.com'].concat(
  Array.from({ length: 100 }, (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`),
);

export const platformOptionsSchema = z.strictObject({
  /** 0 for any free port. */
  port: z.int().nonnegative().default(0),
  apiKey: z.string().min(1),
  clients: z.array(clientSchema).default(demoEmails.map((email) => clientSchema.parse({ email }))),
  lists: z.array(listSchema).default([
    { id: 'customers', name: 'Customers' },
    { id: 'newsletter', name: 'Newsletter' },
  ]),
  /** Without it no webhook is sent until `setWebhook`. */
  webhookUrl: z.url().optional(),
  webhookSecret: z.string().min(1),
  /** For webhooks and replies. */
  webhookRetryMs: z.array(z.int().nonnegative()).default([500, 1_000, 2_000, 5_000, 10_000]),
  /** Where answers to the messages of custom channels go, with `{channel}` replaced. Without it there are none. */
  replyUrl: z.url().optional(),
  /** Default: the secret of the webhooks. */
  replySecret: z.string().min(1).optional(),
  ratePerMinute: z.int().positive().default(60_000),
  booksFile: z.string().optional(),
  profile: sandboxProfileSchema.prefault({}),
});

export type SandboxPlatformOptions = z.input<typeof platformOptionsSchema>;

export interface SandboxPlatform {
  url: string;
  port: number;
  books: readonly PlatformEvent[];
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  /** @throws Error for an unknown client or more credits than there are. */
  spend(email: string, credits: number): Spent;
  setWebhook(url: string): void;
  /** Switches the bot on that answers the messages of custom channels. */
  setReplies(url: string, secret: string): void;
  /** @throws Error for an unknown client. */
  balance(email: string): number;
  close(): Promise<void>;
}

/**
 * A platform to try and test integrations against. It keeps balances, contacts, lists and messages as the
 * platform's API page says, asks for a recharge when a balance runs low, answers the messages of custom channels,
 * and fails in every way it is told to.
 *
 * Emails are compared exactly. Nobody knows whether the real platform ignores case.
 */
export async function createSandboxPlatform(options: SandboxPlatformOptions): Promise<SandboxPlatform> {
  const { port, apiKey, clients, lists, ratePerMinute, booksFile, profile, ...outgoing } =
    platformOptionsSchema.parse(options);
  const { webhookUrl, webhookSecret, webhookRetryMs: retryMs } = outgoing;
  const timers = createTimers();
  const books = openBooks(platformEventSchema, booksFile);
  const api = createPlatformApi(profile, apiKey, ratePerMinute);
  const faults = createFaultSwitch(faultNames(api), timers, (ms) => server.refuseConnections(ms));

  const apply = (event: PlatformEvent) => {
    for (const part of [accounts, contacts, messages, recharge, replies]) part.apply(event);
  };
  const record: RecordEvents = (...events) => {
    books.record(...events);
    events.forEach(apply);
  };
  const accounts = createAccounts(clients);
  const contacts = createContacts(lists);
  const messages = createMessages();
  const sending = { retryMs, record, faults, timers };
  const recharge = createAutoRecharge({ url: webhookUrl, secret: webhookSecret, ...sending });
  const { replyUrl, replySecret = webhookSecret } = outgoing;
  const replyTo = replyUrl === undefined ? undefined : { url: replyUrl, secret: replySecret };
  const replies = createReplies({ address: replyTo, ...sending });
  books.events.forEach(apply);

  const { events } = books;
  const parts = { api, accounts, contacts, messages, recharge, replies, events, record, faults };
  const server = await startServer(
    { ...apiRoutes(parts), ...controlRoutes(parts), ...faults.routes },
    port,
    timers,
  );
  recharge.resume();
  replies.resume();

  const known = (email: string): Account => {
    const account = accounts.find(email);
    if (!account) throw new Error(`no client ${email}`);
    return account;
  };
  return {
    url: server.url,
    port: server.port,
    books: books.events,
    fault: faults.add,
    spend(email, credits) {
      const spent = spend(known(email), credits, parts);
      if (spent === undefined) throw new Error(tooMuch(known(email), credits));
      return spent;
    },
    setWebhook: recharge.setUrl,
    setReplies: (url, secret) => replies.set({ url, secret }),
    balance: (email) => known(email).balance,
    async close() {
      await server.close();
      books.close();
    },
  };
}

interface Parts {
  api: PlatformApi;
  accounts: Accounts;
  contacts: Contacts;
  messages: Messages;
  replies: Replies;
  events: readonly PlatformEvent[];
  record: RecordEvents;
  faults: FaultSwitch;
}

function apiRoutes(parts: Parts): Routes {
  const { api, accounts, contacts, events, record, faults } = parts;
  const { subAccountLookup } = api.profile;
  const lookup = api.operation('subAccounts', lookupHandler(api, accounts, faults));
  return {
    'POST /v1/subaccounts/credits': api.operation('credits', grantHandler(api, accounts, record, faults)),
    'GET /v1/subaccounts': subAccountLookup ? lookup : () => PLAIN_404,
    'GET /v1/agencies/usage/export': api.operation(
      'usageExport',
      exportHandler(api, accounts, events, faults),
    ),
    ...contactRoutes(api, contacts, record, faults),
    ...messageRoutes(parts),
  };
}

function faultNames(api: PlatformApi): Record<string, string[]> {
  const requests = {
    grant: grantFaults(api),
    lookup: lookupFaults(api),
    contacts: contactsFaults(api),
    lists: contactsFaults(api),
    send: messageFaults(api),
    incoming: messageFaults(api),
    export: exportFaults(api),
  };
  return {
    ...Object.fromEntries(
      Object.entries(requests).map(([operation, table]) => [
        operation,
        [...Object.keys(table), REFUSE_CONNECTIONS],
      ]),
    ),
    webhook: [...DELIVERY_FAULTS],
    reply: [...DELIVERY_FAULTS],
  };
}
