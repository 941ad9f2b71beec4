import type { Random } from './random.ts';

/** How likely each way of a call is. What is left of 1 is the ordinary way. */
type Chances = Readonly<Record<string, number>>;

/** Something that goes wrong for a while. */
interface Trouble {
  /** In a story: "from … to …, …". */
  says: string;
  /** By port, what becomes of calls. `read` and `write` stand for all ports of storage. */
  ways?: Readonly<Record<string, Chances>>;
  /** How likely it is at each call that the process dies, or falls asleep. */
  dies?: number;
  sleeps?: number;
  /** How likely it is that a message waits for long, and that it is delivered twice. */
  delays?: number;
  doubles?: number;
  /** How likely it is that the index is read as it was some minutes before. */
  stale?: number;
}

const SILENT_GRANT = { 'unknown, not made': 0.3, 'unknown, made': 0.25, 'unknown, made later': 0.2 };
const SILENT_BOOKS = {
  'platform.subAccount': { 'no answer': 0.8 },
  'platform.findGrant': { 'no answer': 0.8 },
  'platform.listGrants': { 'no answer': 0.8 },
};
const NO_ANSWER = { 'unknown, not made': 0.2, 'unknown, made': 0.2, 'unknown, made later': 0.1 };

export const TROUBLES = {
  payments_down: {
    says: 'the payment endpoint hardly answers',
    ways: {
      'payments.charge': { ...NO_ANSWER, 'not attempted': 0.4 },
      'payments.lookup': { unknown: 0.9 },
      'payments.cancel': { 'unknown, not made': 0.5, 'unknown, made': 0.3 },
      'payments.refund': { ...NO_ANSWER, 'not attempted': 0.3 },
    },
  },
  answers_of_charges_lost: {
    says: 'charges are made, late or at once, and most answers are lost',
    ways: {
      'payments.charge': { 'unknown, made': 0.4, 'unknown, made later': 0.3 },
      'payments.lookup': { unknown: 0.6 },
    },
  },
  platform_down: {
    says: 'the platform hardly answers',
    ways: { 'platform.grant': { ...SILENT_GRANT, 'not applied': 0.1 }, ...SILENT_BOOKS },
  },
  storm: { says: 'the platform answers 429', ways: { 'platform.grant': { 'too many': 0.9 } } },
  empty_pool: {
    says: "the agency's pool of credits is empty",
    ways: { 'platform.grant': { 'empty pool': 0.95 } },
  },
  other_key: {
    says: 'the platform has a new key, and the relay not yet',
    ways: { 'platform.grant': { unauthorized: 0.95 }, ...SILENT_BOOKS },
  },
  redirect: {
    says: 'the platform sends everybody elsewhere',
    ways: { 'platform.grant': { 'redirected, not made': 0.8, 'redirected, made': 0.1 } },
  },
  refusals: {
    says: 'the platform refuses grants, or does something else',
    ways: { 'platform.grant': { refused: 0.4, 'differs, made': 0.15, 'differs, not made': 0.15 } },
  },
  books_blind: {
    says: "the platform's books are hours late",
    ways: {
      'platform.grant': SILENT_GRANT,
      'platform.findGrant': { 'not listed yet': 0.9 },
      'platform.listGrants': { 'not listed yet': 0.9 },
    },
  },
  secrets_unreadable: {
    says: 'the secrets cannot be read',
    ways: {
      'payments.prepareCharge': { 'throws, not made': 0.8 },
      'platform.prepareGrant': { 'throws, not made': 0.8 },
    },
  },
  throttled: {
    says: 'the table is throttled',
    ways: {
      read: { 'throws, not made': 0.3 },
      write: { 'throws, not made': 0.3, 'throws, made': 0.05, 'made twice': 0.05 },
    },
  },
  answers_of_writes_lost: {
    says: 'the table makes writes, and most answers are lost',
    ways: { write: { 'throws, made': 0.15, 'made twice': 0.25 } },
  },
  queue_down: {
    says: 'the queue hardly answers, and is late',
    ways: { 'queue.send': { 'throws, not made': 0.4, 'throws, made': 0.2 } },
    delays: 0.6,
  },
  queue_doubles: { says: 'the queue delivers twice, and late', delays: 0.3, doubles: 0.6 },
  deaths: { says: 'processes die', dies: 0.06 },
  freezes: { says: 'processes fall asleep', sleeps: 0.05, doubles: 0.2 },
  stale_index: { says: 'the index is minutes late', stale: 0.8 },
  declines: {
    says: 'banks decline',
    ways: { 'payments.charge': { declined: 0.35, retryable: 0.35 } },
  },
  slow_banks: {
    says: 'banks take days, or ask their clients',
    ways: { 'payments.charge': { processing: 0.4, acting: 0.4 } },
  },
  refunds_fail: {
    says: 'refunds are slow, or refused',
    ways: {
      'payments.refund': { pending: 0.6, refused: 0.2 },
      'platform.grant': { refused: 0.7 },
    },
  },
} as const satisfies Readonly<Record<string, Trouble>>;

export type TroubleName = keyof typeof TROUBLES;

/** What happens now and then in the best of times. */
const ORDINARY: Trouble = {
  says: '',
  ways: {
    'payments.charge': {
      'unknown, made': 0.005,
      'unknown, made later': 0.005,
      'unknown, not made': 0.005,
      'not attempted': 0.01,
      declined: 0.03,
      retryable: 0.02,
      processing: 0.02,
      acting: 0.02,
    },
    'payments.lookup': { unknown: 0.02 },
    'payments.refund': { pending: 0.1, refused: 0.03, 'unknown, made': 0.03 },
    'platform.grant': {
      'unknown, made': 0.01,
      'unknown, not made': 0.01,
      'unknown, made later': 0.01,
      'not applied': 0.02,
      'too many': 0.02,
      refused: 0.01,
    },
    'platform.subAccount': { 'no answer': 0.02, 'not found': 0.02 },
    'platform.findGrant': { 'no answer': 0.05, 'not listed yet': 0.1 },
    'platform.listGrants': { 'no answer': 0.05, 'not listed yet': 0.1 },
    read: { 'throws, not made': 0.001 },
    write: { 'throws, not made': 0.001, 'throws, made': 0.001, 'made twice': 0.002 },
  },
  dies: 0.001,
  sleeps: 0.001,
  delays: 0.01,
  doubles: 0.03,
  stale: 0.02,
};

/** A trouble, and how long it lasts. */
export interface Spell {
  trouble: TroubleName;
  from: number;
  to: number;
}

export const saysOf = ({ trouble }: Spell) => TROUBLES[trouble].says;

/** What is to go wrong, as far as that is drawn where it happens. */
export class Troubles {
  readonly #random: Random;
  readonly #spells: readonly Spell[];
  readonly #quietAt: number;

  /** @param quietAt from then on nothing goes wrong any more. */
  constructor(random: Random, spells: readonly Spell[], quietAt: number) {
    this.#random = random;
    this.#spells = spells;
    this.#quietAt = quietAt;
  }

  #at(now: number): Trouble[] {
    if (now >= this.#quietAt) return [];
    const lasting = this.#spells.filter(({ from, to }) => from <= now && now < to);
    return [...lasting.map(({ trouble }) => TROUBLES[trouble]), ORDINARY];
  }

  /** @param port or `read`, or `write`. @returns undefined for the ordinary way. */
  wayOf(port: string, now: number): string | undefined {
    for (const { ways } of this.#at(now)) {
      const chances = ways?.[port];
      if (chances === undefined) continue;
      let left = this.#random.next();
      for (const way in chances) {
        left -= chances[way] ?? 0;
        if (left < 0) return way;
      }
    }
    return undefined;
  }

  happens(what: 'dies' | 'sleeps' | 'delays' | 'doubles' | 'stale', now: number): boolean {
    return this.#at(now).some((trouble) => {
      const probability = trouble[what];
      return probability !== undefined && this.#random.chance(probability);
    });
  }
}
