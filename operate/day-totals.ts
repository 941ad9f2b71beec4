import { grantedAtOf, movesOf } from '../shared/books/money-moves.ts';
import type { Money } from '../shared/money.ts';
import { isFinished, type Phase, type Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';

/** What became of the recharges that were received within some time. */
export interface Figures {
  received: number;
  /** How many of them are at their end. */
  ended: number;
  phases: Partial<Record<Phase, number>>;
  /** Taken, by currency, in minor units; what was given back is not taken off. */
  charged: Money[];
  givenBack: Money[];
  creditsGranted: number;
  /** From the webhook to the credits: how many recharges took as many milliseconds, two digits of which count. */
  toCredits: [ms: number, count: number][];
}

export interface DayTotals extends Figures {
  /** UTC, `2026-10-31`. */
  day: string;
  /** By the hour, 0 to 23, in which they were received; an hour without any is left out. */
  hours: (Figures & { hour: number })[];
}

/** Reads the day's rows, a hundred a request. */
export async function dayTotals({ rows }: Pick<Connection, 'rows'>, day: string): Promise<DayTotals> {
  const totals = new Totals();
  const hours = new Map<number, Totals>();
  let cursor: string | undefined;
  do {
    const page = await rows.ofDay(day, cursor);
    const { found } = await rows.recharges(page.items.map(({ key }) => key));
    for (const row of found.values()) {
      totals.add(row);
      const hour = new Date(row.receivedAt).getUTCHours();
      const ofHour = hours.get(hour) ?? new Totals();
      ofHour.add(row);
      hours.set(hour, ofHour);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  const byHour = [...hours].sort(([a], [b]) => a - b).map(([hour, one]) => ({ hour, ...one.all() }));
  return { day, ...totals.all(), hours: byHour };
}

class Totals {
  #received = 0;
  #ended = 0;
  #credits = 0;
  readonly #phases = new Map<Phase, number>();
  readonly #charged = new Map<string, number>();
  readonly #givenBack = new Map<string, number>();
  readonly #toCredits = new Map<number, number>();

  add(row: Recharge): void {
    this.#received += 1;
    if (isFinished(row)) this.#ended += 1;
    count(this.#phases, row.phase);
    for (const { kind, money } of movesOf(row)) {
      if (money) count(kind === 'refund' ? this.#givenBack : this.#charged, money.currency, money.amount);
    }
    if (row.phase !== 'completed') return;
    this.#credits += row.credits;
    const grantedAt = grantedAtOf(row);
    if (grantedAt !== undefined) count(this.#toCredits, roughly(grantedAt - row.receivedAt));
  }

  all(): Figures {
    return {
      received: this.#received,
      ended: this.#ended,
      phases: Object.fromEntries(this.#phases),
      charged: moneyOf(this.#charged),
      givenBack: moneyOf(this.#givenBack),
      creditsGranted: this.#credits,
      toCredits: [...this.#toCredits].sort(([a], [b]) => a - b),
    };
  }
}

function count<Name>(counts: Map<Name, number>, name: Name, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

const moneyOf = (amounts: Map<string, number>): Money[] =>
  [...amounts].map(([currency, amount]) => ({ amount, currency }));

/** 1,234 ms are 1,200: some hundred different durations at most, however many recharges there are. */
function roughly(ms: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, ms))) - 1);
  return Math.round(Math.max(0, ms) / step) * step;
}
