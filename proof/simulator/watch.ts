import { grantMarkPrefixOf, isFinished, type Phase, type Recharge } from '../../shared/recharge/recharge.ts';
import { ofRecharge } from '../invariants.ts';
import { SECRET } from '../programs.ts';
import type { Around } from '../world.ts';
import type { Agenda } from './agenda.ts';
import { chargedThoughBarred, overLimits, wronglySpent } from './client-checks.ts';
import { DAY, HOUR, LOCAL_PART, MINUTE, NEXT_SECRET, type Plan } from './plan.ts';
import { isNeedless } from './reviews.ts';
import type { Running, Step } from './running.ts';
import { Story, timeOf } from './story.ts';
import { WrongWords } from './wrong-words.ts';

type Rows = ReadonlyMap<string, { row: Recharge }>;
type OnChange = (row: Recharge) => void;

/** Looks at the world after each step: counts what happened, tells it where it is asked to, and checks what must hold. */
export class Watch {
  readonly counts = new Map<string, number>();
  steps = 0;
  /** The first thing that did not hold, and the recharge concerned. */
  found: { what: string; key: string } | undefined;
  readonly #plan: Plan;
  readonly #world: Around;
  readonly #agenda: Agenda;
  readonly #story: Story;
  readonly #wrongWords: WrongWords;
  /** By what the marks of its grants begin with. */
  readonly #keys = new Map<string, string>();
  /** Since when each row is in its phase. */
  readonly #since = new Map<string, number>();
  readonly #onChange: OnChange;
  #rows: Rows = new Map();
  #books: Around['books'];
  /** Of which a person has spoken. */
  readonly #spoken = new Set<string>();

  constructor(
    plan: Plan,
    world: Around,
    agenda: Agenda,
    { isTold, onChange }: { isTold: boolean; onChange: OnChange },
  ) {
    this.#plan = plan;
    this.#world = world;
    this.#agenda = agenda;
    this.#story = new Story(plan, agenda, isTold);
    this.#wrongWords = new WrongWords((what) => this.count(what));
    this.#onChange = onChange;
    this.#books = world.books;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** @param key of the recharge that it is about, or nothing where it is about all of them. */
  tell(key: string, text: string): void {
    this.#story.tell(key, text);
  }

  storyOf(key: string): string[] {
    return this.#story.of(key);
  }

  wrote({ about, name }: Running, line: string): void {
    if (line.includes(LOCAL_PART) || line.includes(SECRET) || line.includes(NEXT_SECRET))
      this.violated(`I9: the log of ${name} says ${line}`, about.key);
    if (line.includes('"level":"alert"')) this.count(`alert ${/"message":"(\w+)"/.exec(line)?.[1]}`);
  }

  /** What does not hold of a recharge of which a person has said what is not so, is lost by that, and no violation. */
  violated(what: string, key: string): void {
    if (!this.#wrongWords.explain(what, key)) this.found ??= { what, key };
  }

  made(step: Step): void {
    const { running, port, given, way } = step;
    this.steps += 1;
    this.count(`${port}: ${way}`);
    if (this.#story.isTold) this.tell(keyOf(running, given), `${running.name}: ${port}, ${way}`);
    this.#wrongWords.made(step, this.#world);
    const isSpoken = running.about.kind === 'person' && port === 'ledger.write';
    if (isSpoken) this.#spoken.add(running.about.key);
    this.look(isSpoken ? running : undefined);
  }

  /** @param spokenBy the person who has just written. */
  look(spokenBy?: Running): void {
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
        const barred = before.books.charges[name]
          ? undefined
          : chargedThoughBarred(this.#world, charge, this.#agenda.now);
        if (barred !== undefined) this.violated(barred, charge.rechargeKey);
      }
      for (const { mark } of books.grants.slice(before.books.grants.length))
        touched.add(this.#keys.get(mark.slice(0, mark.lastIndexOf('-') + 1)) ?? '');
    }
    for (const [key, { row }] of rows) {
      const was = before.rows.get(key)?.row;
      if (was === row) continue;
      touched.add(key);
      if (spokenBy) this.#wrongWords.spoke(spokenBy);
      this.#changed(row, was, spokenBy !== undefined);
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
    if (phase !== before?.phase || review !== before?.review)
      this.tell(key, `  the row is ${phase}${review === undefined ? '' : ` (${review})`}`);
    this.#onChange(row);
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
    const { backoff, pending } = this.#plan.setups[0].policy;
    // A payment that a bank has not decided is asked for more rarely than anything else.
    const longestWaitMs = Math.max(backoff.maxMs, pending.askMs);
    if (most !== undefined && this.#agenda.now > from + most + longestWaitMs + LATE_MS)
      this.violated(`I5: it was ${phase} from ${timeOf(from)} on`, key);
  }

  #check(key: string): void {
    const row = this.#rows.get(key)?.row;
    const { sendings, setups } = this.#plan;
    const orders = sendings.flatMap(({ order }) => (order.key === key ? [order] : []));
    const email = row?.email ?? orders[0]?.email ?? '';
    const broken =
      ofRecharge(this.#world, { orders, setups }, { key, email }) ??
      overLimits(this.#world, this.#plan, email) ??
      (row && isFinished(row) ? wronglySpent(this.#world, email, this.#spoken) : undefined);
    if (broken !== undefined) this.violated(broken, key);
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
