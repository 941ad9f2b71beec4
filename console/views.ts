import * as z from 'zod';
import { clientJson, listAccounts, readAccount } from '../operate/accounts.ts';
import { alertJson, listAlerts } from '../operate/alerts.ts';
import { captureReport } from '../operate/capture.ts';
import { configInForce } from '../operate/config-in-force.ts';
import type { Connection } from '../operate/connection.ts';
import { findInbound } from '../operate/connection.ts';
import { dayTotals } from '../operate/day-totals.ts';
import { daySchema } from '../operate/days.ts';
import { examine } from '../operate/doctor/doctor.ts';
import { OperateError } from '../operate/error.ts';
import { FIND_DAYS, findRecharge } from '../operate/find-recharge.ts';
import { lastRechargesOf, listRecharges } from '../operate/list-recharges.ts';
import { countByChannel, listMessages, messageJson } from '../operate/messages.ts';
import { possibleDeeds, saidWith } from '../operate/possible-deeds.ts';
import { type PriceOfRecharge, priceOfRecharge, quotePrice, quoteSteps } from '../operate/price.ts';
import { configuredVerifiers } from '../operate/proofs.ts';
import { listedJson, listQuarantined, quarantinedJson, readQuarantined } from '../operate/quarantine.ts';
import { readDelivery } from '../operate/read-delivery.ts';
import type { RechargeFilter } from '../operate/recharge-filter.ts';
import { circumstancesOf, readRecharge } from '../operate/recharges.ts';
import { runbookUrlOf, runbookWordOf } from '../operate/runbook.ts';
import { chargingJson, readStatus, statusJson } from '../operate/status.ts';
import { statusLine } from '../operate/status-line.ts';
import type { Target } from '../operate/target.ts';
import { whyJson, whyNot } from '../operate/why.ts';
import { meaningOf } from '../shared/alert-words.ts';
import { grantedAtOf } from '../shared/books/money-moves.ts';
import { emailSchema } from '../shared/email.ts';
import { CAPTURED } from '../shared/incoming/quarantine.ts';
import { formatMoney } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';
import type { Circumstances } from '../shared/recharge/next-step.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import { evidenceJson, rechargeJson, shownJson } from '../shared/recharge/present.ts';
import { isFinished, PHASES, type Recharge, reservationNameOf } from '../shared/recharge/recharge.ts';
import { provedBy } from './proves.ts';
import { inConsoleWords, runbookSection } from './runbook.ts';

/** The relay that the console shows. */
export interface Shown {
  connection: Connection;
  target: Target;
  /** Only shows. */
  readOnly: boolean;
  /** Nothing of it is real. */
  isDemonstration?: boolean;
}

/** Something to look at. While a page is open it is read again and again, and sent where it has changed. */
export interface View<Data = unknown> {
  /** How long it is not read again. */
  everyMs: number;
  /** @param query of the address, not understood yet. */
  read(shown: Shown, query: Record<string, string>): Promise<Data>;
}

function view<Query, Data>(
  schema: z.ZodType<Query>,
  everyMs: number,
  read: (shown: Shown, query: Query) => Promise<Data>,
): View<Data> {
  return { everyMs, read: (shown, query) => read(shown, understood(schema, query)) };
}

/** @throws an OperateError, `refused`, that says what is wrong. */
export function understood<Value>(schema: z.ZodType<Value>, given: unknown): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(': '));
  throw new OperateError('refused', faults.join('; '));
}

/** One small query. */
const LIGHT_MS = 2_000;
/** Some twenty. */
const HEAVY_MS = 10_000;
const ONCE_MS = 60_000;
/** A look at the webhook's address is one that is refused, and counted so. */
const HEALTH_MS = 600_000;

const PAGE = 50;
const nothing = z.object({});
const keySchema = z.object({ key: z.string().min(1) });
const filterSchema = z.object({
  from: daySchema.exactOptional(),
  to: daySchema.exactOptional(),
  phase: z.enum(PHASES).exactOptional(),
  reason: z.string().exactOptional(),
  email: z.exactOptional(emailSchema),
  min: z.string().exactOptional(),
  max: z.string().exactOptional(),
  reference: z.string().exactOptional(),
  cursor: z.string().exactOptional(),
});

/** By the last part of their address, `/api/recharges`. */
export const VIEWS = {
  /** What stands above every page. */
  bar: view(nothing, LIGHT_MS, async ({ connection, target, readOnly, isDemonstration = false }) => ({
    ...(await statusLine(connection)),
    charging: chargingJson(await connection.charging.paused()),
    read_only: readOnly,
    demonstration: isDemonstration,
    stripe: takesStripe(target),
  })),

  status: view(nothing, HEAVY_MS, async ({ connection, target }) =>
    statusJson(await readStatus(connection, target)),
  ),

  day: view(
    z.object({ day: daySchema, by: z.literal('hour').exactOptional() }),
    HEAVY_MS,
    async ({ connection }, { day, by }) => {
      const { hours, ...totals } = await dayTotals(connection, day);
      return { ...totals, hours: by === 'hour' ? hours : undefined };
    },
  ),

  alerts: view(nothing, HEAVY_MS, async ({ connection, target }) => {
    const alerts = await listAlerts(connection, { all: true, runbookUrl: runbookUrlOf(target) });
    return { alerts: alerts.slice(0, 200).map(alertJson) };
  }),

  recharges: view(filterSchema, LIGHT_MS, async ({ connection }, { cursor, ...filter }) => {
    const page = await listRecharges(connection, filter, pageOf(filter, cursor));
    return {
      rows: page.rows.map(listedRecharge),
      newer: page.newer,
      cursor: page.cursor,
      looked: page.looked,
      looked_back_to: page.lookedBackTo,
    };
  }),

  recharge: view(keySchema, LIGHT_MS, async ({ connection, target }, { key }) => {
    const row = await readRecharge(connection, key);
    const [at, account] = await Promise.all([
      circumstancesOf(connection),
      connection.ledger.readAccount(row.email),
    ]);
    return wholeRecharge(row, at, { account, price: priceOfRecharge(target, row, account) });
  }),

  /** What it would cost now. */
  price: view(
    z.object({ email: emailSchema, credits: z.coerce.number().pipe(z.int().positive()) }),
    ONCE_MS,
    async ({ connection, target }, { email, credits }) => {
      const quote = quotePrice(target, credits, await connection.ledger.readAccount(email));
      return { money: quote.calculation?.money, steps: quoteSteps(quote), refused: quote.refused };
    },
  ),

  find: view(z.object({ reference: z.string().min(1) }), ONCE_MS, async ({ connection }, { reference }) => {
    const { row, by } = await findRecharge(connection, reference);
    return { key: row.key, by: by.kind };
  }),

  reviews: view(nothing, LIGHT_MS, async ({ connection }) => {
    const filter = { phase: 'needs_review' } as const;
    const { rows, cursor } = await listRecharges(connection, filter, { limit: 200 });
    const at = await circumstancesOf(connection);
    return { rows: rows.map((row) => wholeRecharge(row, at)).reverse(), more: cursor !== undefined };
  }),

  runbook: view(z.object({ word: z.string() }), ONCE_MS, async (_shown, { word }) => ({
    section: runbookSection(word),
  })),

  clients: view(
    z.object({
      status: z.enum(['active', 'suspended']).exactOptional(),
      /** A part of an email. */
      search: z.exactOptional(z.string().trim().toLowerCase()),
      after: z.string().exactOptional(),
    }),
    HEAVY_MS,
    async ({ connection }, { search: containing = '', ...filter }) => {
      const { clients, more } = await listAccounts(connection, { ...filter, containing, limit: PAGE });
      return { clients: clients.map(clientJson), more };
    },
  ),

  client: view(z.object({ email: emailSchema }), HEAVY_MS, async ({ connection, target }, { email }) => {
    const [client, why, rows] = await Promise.all([
      readAccount(connection, email),
      whyNot(connection, target, email),
      lastRechargesOf(connection, email, PAGE),
    ]);
    const { next_step: next } = whyJson(why);
    return {
      ...clientJson(client),
      next_step: { ...next, what: inConsoleWords(next.what) },
      /** What there is to look at, and to answer. */
      unfinished: rows.find((row) => !isFinished(row))?.key,
      recharges: rows.map(listedRecharge),
    };
  }),

  channels: view(nothing, ONCE_MS, ({ connection }) => countByChannel(connection)),

  messages: view(
    z.object({
      channel: z.string().exactOptional(),
      contact: z.string().exactOptional(),
      after: z.string().exactOptional(),
    }),
    LIGHT_MS,
    async ({ connection }, { after, ...wanted }) => {
      const page = { limit: PAGE, ...(after === undefined ? {} : { after }) };
      const { rows, more } = await listMessages(connection, wanted, page);
      return { rows: rows.map(messageJson), more };
    },
  ),

  deliveries: view(
    z.object({ after: z.string().exactOptional() }),
    HEAVY_MS,
    async ({ connection }, query) => {
      const rows = [];
      for await (const one of listQuarantined(connection, query)) {
        if (rows.length === PAGE) return { rows, captured: await capturedOf(connection), more: true };
        rows.push(listedJson(one));
      }
      return { rows, captured: await capturedOf(connection), more: false };
    },
  ),

  delivery: view(z.object({ id: z.string().min(1) }), ONCE_MS, async ({ connection, target }, { id }) => {
    const kept = await readQuarantined(connection, id);
    const inbound = await findInbound(target);
    const configured = configuredVerifiers(kept.route, target);
    const shown = { raw: false, configured, address: inbound.url };
    const report = captureReport({ id, kept }, await inbound.secrets(), shown);
    return { ...quarantinedJson(id, kept), reading: readDelivery(target, kept), report };
  }),

  health: view(nothing, HEALTH_MS, async ({ connection, target }) => {
    const findings = [];
    for await (const finding of examine(target, { now: connection.now })) findings.push(finding);
    return { findings };
  }),
} satisfies Record<string, View>;

export type Views = typeof VIEWS;

/** Whether a client's card is saved at Stripe; not where the configuration is not known here. */
function takesStripe(target: Target): boolean {
  try {
    return configInForce(target).payment.type === 'stripe';
  } catch {
    return false;
  }
}

const pageOf = (filter: RechargeFilter, cursor: string | undefined) => ({
  limit: PAGE,
  ...(cursor === undefined ? {} : { cursor }),
  ...(filter.reference === undefined ? {} : { recentDays: FIND_DAYS }),
});

/** A list shows no history, but how long it took. */
function listedRecharge(row: Recharge) {
  const { history: _, ...rest } = rechargeJson(row);
  const grantedAt = grantedAtOf(row);
  return { ...rest, granted_at: grantedAt === undefined ? undefined : new Date(grantedAt).toISOString() };
}

/** @param known what was read beside the row: of its client the guard's word, as long as it is kept, and the price list. */
function wholeRecharge(
  row: Recharge,
  at: Circumstances & { policy: Policy },
  { account, price }: { account?: Account; price?: PriceOfRecharge | undefined } = {},
) {
  const deeds = possibleDeeds(row, at).map(({ notBefore, ...deed }) => ({
    ...deed,
    not_before: notBefore === undefined ? undefined : new Date(notBefore).toISOString(),
  }));
  const { meaning, timeline, ...evidence } = evidenceJson(row, at.policy);
  const { next_step: next, ...shown } = shownJson(row, at);
  return {
    ...shown,
    ...evidence,
    next_step: { ...next, what: inConsoleWords(next.what) },
    meaning: (row.review === undefined ? undefined : meaningOf(row.review)) ?? meaning,
    timeline: [...timeline, ...letThrough(row, account)]
      .sort((a, b) => a.at.localeCompare(b.at))
      .map((entry) => {
        const said = saidWith(entry.event);
        return said === undefined
          ? { ...entry, proves: provedBy(entry.event) }
          : { ...entry, words: `a person answered: ${said}`, proves: undefined };
      }),
    grant_email: row.grantEmail,
    platform_id: row.platformId,
    runbook: runbookWordOf(row),
    price,
    deeds,
  };
}

/** The guard's word on the attempt of now is on the account's row, and not in the history. */
function letThrough(
  row: Recharge,
  account: Account | undefined,
): ReturnType<typeof evidenceJson>['timeline'] {
  const entry = account?.reservations[reservationNameOf(row)];
  if (entry === undefined || entry.state === 'refused') return [];
  const at = new Date(entry.at).toISOString();
  const told = { at, event: 'reserved', words: 'let through by the guard' };
  return [entry.money === undefined ? told : { ...told, detail: formatMoney(entry.money) }];
}

async function capturedOf({ capture, quarantine, now }: Connection) {
  const rows = [];
  for await (const one of quarantine.list({ of: CAPTURED })) {
    rows.push(listedJson(one));
    if (rows.length === PAGE) break;
  }
  const on = await capture.list(now());
  return { rows, on: on.map((one) => ({ ...one, until: new Date(one.until).toISOString() })) };
}
