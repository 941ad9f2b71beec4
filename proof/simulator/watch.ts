import { dayOf } from '../../shared/recharge/account.ts';
import { grantMarkPrefixOf, isFinished, type Phase, type Recharge } from '../../shared/recharge/recharge.ts';
import { ofRecharge } from '../invariants.ts';
import type { Charge } from '../parties.ts';
import { SECRET } from '../programs.ts';
import type { Around } from '../world.ts';
import type { Agenda } from './agenda.ts';
import { DAY, HOUR, LOCAL_PART, MINUTE, MONTH, NEXT_SECRET, type Plan, SPENT_BEFORE } from './plan.ts';
import { isNeedless } from './reviews.ts';
import type { Running, Step } from './running.ts';
import { saysOf } from './troubles.ts';

type Rows = ReadonlyMap<string, { row: Recharge }>;

/** Looks at the world after each step: counts what happened, tells it where it is asked to, and checks what must hold. */
export class Watch {
  readonly counts = new Map<string, number>();
  steps = 0;
  /** The first thing that did not hold, and the recharge concerned. */
  found: { what: string; key: string } | undefined;
  readonly #plan: Plan;
  readonly #world: Around;
  readonly #agenda: Agenda;
  readonly #tells: boolean;
  readonly #story: { at: number; key: string; text: string }[] = [];
  /** By what the marks of its grants begin with. */
  readonly #keys = new Map<string, string>();
  /** Since when each row is in its phase. */
  readonly #since = new Map<string, number>();
  readonly #onChange: (row: Recharge, before: Recharge | undefined) => void;
  #rows: Rows = new Map();
  #books: Around['books'];
  /** Of which a person has spoken: their word gives nothing back to a month. */
  readonly #spoken = new Set<string>();

  constructor(
    plan: Plan,
    world: Around,
    agenda: Agenda,
    { tells, onChange }: { tells: boolean; onChange(row: Recharge, before: Recharge | undefined): void },
  ) {
    this.#plan = plan;
    this.#world = world;
    this.#agenda = agenda;
    this.#tells = tells;
    this.#onChange = onChange;
    this.#books = world.books;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** @param key of the recharge that it is about, or nothing where it is about all of them. */
  tell(key: string, text: string): void {
    if (this.#tells) this.#story.push({ at: this.#agenda.now, key, text });
  }

  /** @param key of the recharge. @returns what happened to it and to all, in words. */
  storyOf(key: string): string[] {
    const first = this.#story.find((told) => told.key === key)?.at ?? 0;
    const spells = this.#plan.spells
      .filter(({ from, to }) => to >= first && from <= this.#agenda.now)
      .map((spell) => ({ at: spell.from, key: '', text: `until ${timeOf(spell.to)}: ${saysOf(spell)}` }));
    return [...spells, ...this.#story.filter((told) => told.key === key || told.key === '')]
      .sort((a, b) => a.at - b.at)
      .map(({ at, text }) => `${timeOf(at)} ${text}`);
  }

  wrote({ about, name }: Running, line: string): void {
    if (line.includes(LOCAL_PART) || line.includes(SECRET) || line.includes(NEXT_SECRET))
      this.violated(`I9: the log of ${name} says ${line}`, about.key);
    if (line.includes('"level":"alert"')) this.count(`alert ${/"message":"(\w+)"/.exec(line)?.[1]}`);
  }

  violated(what: string, key: string): void {
    this.found ??= { what, key };
  }

  made({ running, port, given, way }: Step): void {
    this.steps += 1;
    this.count(`${port}: ${way}`);
    if (this.#tells) this.tell(keyOf(running, given), `${running.name}: ${port}, ${way}`);
    const isSpoken = running.about.kind === 'person' && port === 'ledger.write';
    if (isSpoken) this.#spoken.add(running.about.key);
    this.look(isSpoken);
  }

  /** @param isSpoken a person has just written. */
  look(isSpoken = false): void {
    const { table, books } = this.#world;
    const rows: Rows = table.recharges;
    if (rows === this.#rows && books === this.#books) return;
    const before = { rows: this.#rows, books: this.#books };
    this.#rows = rows;
    this.#books = books;
    const touched = new Set<string>();
    if (books !== before.books) {
      for (const [name, charge] of Object.entries(books.charges)) {
        if (before.books.charges[name] === charge) continue;
        touched.add(charge.rechargeKey);
        if (!before.books.charges[name]) this.#checkBarred(charge);
      }
      for (const { mark } of books.grants.slice(before.books.grants.length))
        touched.add(this.#keys.get(mark.slice(0, mark.lastIndexOf('-') + 1)) ?? '');
    }
    for (const [key, { row }] of rows) {
      const was = before.rows.get(key)?.row;
      if (was === row) continue;
      touched.add(key);
      this.#changed(row, was, isSpoken);
    }
    for (const key of touched) this.#check(key);
  }

  #changed(row: Recharge, before: Recharge | undefined, isSpoken: boolean): void {
    const { key, phase, review } = row;
    if (!before) this.#keys.set(grantMarkPrefixOf(row), key);
    if (before && (before.credits !== row.credits || before.email !== row.email))
      this.violated('I7: the row asks for something else than before', key);
    if (before && isFinished(before) && before.phase !== phase)
      this.violated(`I4: the row was ${before.phase}, and is ${phase}`, key);
    // A person who says "try again" in the phase that it is in gives it its time anew.
    const isAnew = isSpoken && row.phaseDeadline !== before?.phaseDeadline;
    if (phase !== before?.phase || isAnew) {
      if (before) this.#checkStay(before);
      this.#since.set(key, this.#agenda.now);
    }
    if (phase !== before?.phase) {
      this.count(`phase ${phase}`);
      if (phase === 'blocked') this.count(`blocked ${row.reason}`);
    }
    if (review !== undefined && review !== before?.review) this.count(`review ${review}`);
    if (before?.review !== undefined && before.review !== review) {
      const by = isSpoken ? (isNeedless(this.#world, before) ? NEEDLESS : 'a person') : 'the relay itself';
      this.count(`review ${before.review} is ended by ${by}`);
    }
    if (this.#tells && (phase !== before?.phase || review !== before?.review))
      this.tell(key, `  the row is ${phase}${review === undefined ? '' : ` (${review})`}`);
    this.#onChange(row, before);
  }

  /**
   * At the end: every row has ended, or a person is asked.
   *
   * @param isLast nothing more will happen.
   */
  rest(isLast: boolean): void {
    for (const { row } of this.#rows.values()) {
      this.#checkStay(row);
      if (isLast && !isFinished(row) && row.review === undefined)
        this.violated(`I5: it is ${row.phase}, and nothing brings it on`, row.key);
    }
  }

  /** I5: counted from when nothing goes wrong any more, no phase lasts longer than its own deadline. */
  #checkStay({ key, phase }: Recharge): void {
    const from = Math.max(this.#since.get(key) ?? 0, this.#plan.quietAt);
    const most = MOST_MS[phase];
    const longestWaitMs = this.#plan.setups[0].policy.backoff.maxMs;
    if (most !== undefined && this.#agenda.now > from + most + longestWaitMs + LATE_MS)
      this.violated(`I5: it was ${phase} from ${timeOf(from)} on`, key);
  }

  /** I8: who was suspended is not charged any more, once what was begun before has landed. */
  #checkBarred({ rechargeKey }: Charge): void {
    const email = this.#rows.get(rechargeKey)?.row.email ?? '';
    const { status, statusChange } = this.#world.table.accounts.get(email) ?? {};
    const since = status === 'suspended' ? statusChange?.at : undefined;
    if (since !== undefined && this.#agenda.now > since + BEGUN_LANDS_MS)
      this.violated(`I8: charged, and the client is suspended since ${timeOf(since)}`, rechargeKey);
  }

  #check(key: string): void {
    const row = this.#rows.get(key)?.row;
    const { sendings, setups } = this.#plan;
    const orders = sendings.flatMap(({ order }) => (order.key === key ? [order] : []));
    const email = row?.email ?? orders[0]?.email ?? '';
    const broken =
      ofRecharge(this.#world, { orders, setups }, { key, email }) ??
      this.#overLimits(email) ??
      (row && isFinished(row) ? this.#wronglySpent(email) : undefined);
    if (broken !== undefined) this.violated(broken, key);
  }

  /** The charges of a client, each with the time when its recharge was received. */
  #chargesOf(email: string): { charge: Charge; receivedAt: number }[] {
    return Object.values(this.#books.charges).flatMap((charge) => {
      const row = this.#rows.get(charge.rechargeKey)?.row;
      return row?.email === email ? [{ charge, receivedAt: row.receivedAt }] : [];
    });
  }

  /**
   * An amount belongs to the day and the month of its reservation, which is up to a day older than the charge. Only what
   * certainly belongs to a day or a month is counted.
   */
  #overLimits(email: string): string | undefined {
    const limits = this.#plan.accounts.find((account) => account.email === email)?.limits ?? {};
    if (limits.monthlyAmount === undefined && limits.dailyCount === undefined) return undefined;
    const amounts = new Map([[MONTH.slice(0, 7), SPENT_BEFORE]]);
    const times = new Map<string, number>();
    for (const { charge, receivedAt } of this.#chargesOf(email)) {
      const reserved = [dayOf(Math.max(receivedAt, charge.at - DAY)), dayOf(charge.at)] as const;
      const [month, latest] = [reserved[0].slice(0, 7), reserved[1].slice(0, 7)];
      const taken = charge.amount * (charge.captures - charge.refunds);
      if (month === latest) amounts.set(month, (amounts.get(month) ?? 0) + taken);
      if (reserved[0] === reserved[1]) times.set(reserved[0], (times.get(reserved[0]) ?? 0) + 1);
    }
    const most = Math.max(0, ...amounts.values());
    if (limits.monthlyAmount !== undefined && most > limits.monthlyAmount)
      return `I6: ${most} was taken in a month of a client whose cap is ${limits.monthlyAmount}`;
    const mostTimes = Math.max(0, ...times.values());
    if (limits.dailyCount !== undefined && mostTimes > limits.dailyCount)
      return `I6: ${mostTimes} charges a day of a client who may have ${limits.dailyCount}`;
    return undefined;
  }

  /** Where all recharges of a client have ended without a person's word, their account row says what was taken. */
  #wronglySpent(email: string): string | undefined {
    const account = this.#world.table.accounts.get(email);
    // A month is kept for 32 days.
    if (account?.status === undefined || account.spent[MONTH] === undefined) return undefined;
    const own = [...this.#rows.values()].flatMap(({ row }) => (row.email === email ? [row] : []));
    if (!own.every((row) => isFinished(row) && !this.#spoken.has(row.key))) return undefined;
    const said = Object.values(account.spent).reduce((sum, amount) => sum + amount, -SPENT_BEFORE);
    const taken = this.#chargesOf(email).reduce(
      (sum, { charge: { amount, captures, refunds } }) => sum + amount * (captures - refunds),
      0,
    );
    return said === taken ? undefined : `the account row says ${said} was spent, and it was ${taken}`;
  }
}

/** How long a phase may last: a decline is tried again once, after a day, and each attempt may be silent for two. */
const MOST_MS: Partial<Record<Phase, number>> = {
  received: 5 * DAY,
  charge_pending: 21 * DAY,
  granting: 2 * MINUTE,
  charged: 3 * DAY,
  refunding: 7 * DAY,
};
/** A row that was queued and not answered is queued again after up to an hour and a half, and messages may be an hour late. */
const LATE_MS = 3 * HOUR;

/** A charge is sent within an hour of the last look at the client, by a process that slept, and lands an hour later. */
const BEGUN_LANDS_MS = 2 * HOUR + MINUTE;

/** See `isNeedless`. */
export const NEEDLESS = 'a person, needlessly';

/** Of a sweeper's step: the row it moves. */
function keyOf({ about }: Running, [first]: readonly unknown[]): string {
  if (about.kind !== 'sweeper') return about.key;
  const of = typeof first === 'object' && first !== null && 'key' in first ? first.key : undefined;
  return typeof of === 'string' ? of : NOBODY;
}

/** No recharge has this key. */
const NOBODY = '-';

export const timeOf = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
