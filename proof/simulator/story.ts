import type { Agenda } from './agenda.ts';
import type { Plan } from './plan.ts';
import { saysOf } from './troubles.ts';

interface Told {
  at: number;
  /** Of the recharge that it is about, or nothing where it is about all of them. */
  key: string;
  text: string;
}

/** What happened, for whoever reads of a violation. */
export class Story {
  /** Telling takes time: it is done where there is something to tell. */
  readonly isTold: boolean;
  readonly #plan: Plan;
  readonly #agenda: Agenda;
  readonly #told: Told[] = [];

  constructor(plan: Plan, agenda: Agenda, isTold: boolean) {
    this.#plan = plan;
    this.#agenda = agenda;
    this.isTold = isTold;
  }

  tell(key: string, text: string): void {
    if (this.isTold) this.#told.push({ at: this.#agenda.now, key, text });
  }

  /** @param key of the recharge. @returns what happened to it and to all, in words. */
  of(key: string): string[] {
    const first = this.#told.find((told) => told.key === key)?.at ?? 0;
    const spells = this.#plan.spells
      .filter(({ from, to }) => to >= first && from <= this.#agenda.now)
      .map(
        (spell): Told => ({
          at: spell.from,
          key: '',
          text: `until ${timeOf(spell.to)}: ${saysOf(spell)}`,
        }),
      );
    return [...spells, ...this.#told.filter((told) => told.key === key || told.key === '')]
      .sort((a, b) => a.at - b.at)
      .map(({ at, text }) => `${timeOf(at)} ${text}`);
  }
}

export const timeOf = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
