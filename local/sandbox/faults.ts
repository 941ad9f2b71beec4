import * as z from 'zod';
import { type Answer, json, parseJson, type Routes, type Timers } from './server.ts';

const faultSchema = z.strictObject({
  operation: z.string(),
  fault: z.string(),
  /** How many requests it hits. */
  times: z.union([z.int().positive(), z.literal('always')]).default(1),
  /** How long a fault takes. Each has a default of its own. */
  ms: z.int().nonnegative().max(3_600_000).optional(),
  /** Hits this share of the requests, at random: a party that fails now and then, for as long as it is set. */
  share: z.number().min(0).max(1).optional(),
  /** Hits the requests of this client only. */
  email: z.string().optional(),
  /** Hits the messages of this contact only. */
  contact: z.string().optional(),
});

/** An order to the switch. `times` is 1 unless given. */
export type FaultOrder = z.input<typeof faultSchema>;
type Fault = z.output<typeof faultSchema>;

/** One request that is about to be worked on. `Variant` is what the work can be told to do differently. */
interface Call<Variant> {
  /** Does the operation for real and gives its true answer. */
  work(variant?: Variant): Answer;
  ms: number | undefined;
  sleep: Timers['sleep'];
}

/** What a fault makes of a call: whether and when the work is done, and what the caller gets to hear. */
type Effect<Variant> = (call: Call<Variant>) => Answer | Promise<Answer>;
export type FaultTable<Variant> = Record<string, Effect<Variant>>;

/** Longer than any deadline of a caller here (20 s for a charge). */
const HANG_MS = 30_000;
const DELAY_MS = 1_000;
const RATE_LIMITED_MS = 2_000;
const OUTAGE_MS = 1_000;

/** No request takes this fault: a refused connection never becomes a request. */
export const REFUSE_CONNECTIONS = 'refuse_connections';

/** The work is not done. */
export function instead<Variant>(answer: Answer): Effect<Variant> {
  return () => answer;
}

/** The work is done, and the caller hears something else. */
export function afterwards<Variant>(answer: Answer): Effect<Variant> {
  return ({ work }) => {
    work();
    return answer;
  };
}

export function worked<Variant>(variant: Variant): Effect<Variant> {
  return ({ work }) => work(variant);
}

const hang = (ms: number | undefined): Answer => ({ kind: 'hang', ms: ms ?? HANG_MS });

export function hangBefore<Variant>({ ms }: Call<Variant>): Answer {
  return hang(ms);
}

export function hangAfter<Variant>({ work, ms }: Call<Variant>): Answer {
  work();
  return hang(ms);
}

/** The work is done `ms` later, and the caller never hears of it. */
export async function late<Variant>({ work, ms, sleep }: Call<Variant>): Promise<Answer> {
  await sleep(ms ?? DELAY_MS);
  work();
  return hang(undefined);
}

/** The work takes `ms`, and is done even if the caller does not wait for it. */
export async function slow<Variant>({ work, ms, sleep }: Call<Variant>): Promise<Answer> {
  await sleep(ms ?? DELAY_MS);
  return work();
}

/** @param answer is told the ms to wait. */
export function rateLimitedBy<Variant>(answer: (waitMs: number) => Answer): Effect<Variant> {
  return ({ ms }) => answer(ms ?? RATE_LIMITED_MS);
}

/** Status 429, `Retry-After` in whole seconds, rounded up from `ms`. */
export function rateLimited<Variant>(payload: unknown): Effect<Variant> {
  return rateLimitedBy((waitMs) => json(429, payload, { 'retry-after': String(Math.ceil(waitMs / 1000)) }));
}

export interface FaultSwitch {
  /** @throws Error with the valid names, if the order is not understood. */
  add(order: FaultOrder): void;
  /**
   * Takes the first fault that is meant for this request. @param who the email or contact that the request is
   * about.
   */
  take(operation: string, who: string | undefined): Fault | undefined;
  /** Works on one request under the first fault meant for it, if any. */
  run<Variant>(
    operation: string,
    table: FaultTable<Variant>,
    who: string | undefined,
    work: Call<Variant>['work'],
  ): Promise<Answer>;
  /** `POST`, `GET` and `DELETE /sandbox/faults`. */
  routes: Routes;
}

/**
 * Queues of faults per operation. A request takes a fault once it is authenticated and understood, so that a
 * malformed one cannot use up the fault that a test has set for another. A fault that changes an outcome (a
 * decline) has no effect on the repetition of a request whose outcome stands, and is used up by it.
 *
 * @param names the faults of each operation.
 * @param refuseConnections begins an outage of so many ms. `refuse_connections` is not queued. It begins as soon as
 *   it is set, for every operation at once, whatever its `times` and `email` say.
 */
export function createFaultSwitch(
  names: Record<string, readonly string[]>,
  timers: Timers,
  refuseConnections: (ms: number) => void,
): FaultSwitch {
  const known = faultSchema
    .refine(({ operation, fault }) => names[operation]?.includes(fault))
    .refine(({ share, times }) => share === undefined || times === 'always');
  const valid = Object.entries(names).map(([operation, faults]) => `${operation}: ${faults.join(', ')}`);
  const sentence = `A fault is {operation, fault, times?, ms?, share?, email?, contact?}, share with times "always" only. Valid names are ${valid.join('; ')}.`;
  const queue: Fault[] = [];

  const begin = (fault: Fault) => {
    if (fault.fault === REFUSE_CONNECTIONS) refuseConnections(fault.ms ?? OUTAGE_MS);
    else queue.push(fault);
  };
  const take: FaultSwitch['take'] = (operation, who) => {
    const fault = queue.find(
      ({ share = 1, ...one }) =>
        one.operation === operation &&
        [one.email, one.contact].every((only) => only === undefined || only === who) &&
        Math.random() < share,
    );
    if (fault === undefined || fault.times === 'always') return fault;
    if (fault.times > 1) fault.times -= 1;
    else queue.splice(queue.indexOf(fault), 1);
    return fault;
  };
  const list = () => json(200, { faults: queue });

  return {
    add(order) {
      const parsed = known.safeParse(order);
      if (!parsed.success) throw new Error(sentence);
      begin(parsed.data);
    },
    take,
    async run(operation, table, who, work) {
      const fault = take(operation, who);
      const effect = fault && table[fault.fault];
      return effect ? effect({ work, ms: fault.ms, sleep: timers.sleep }) : work();
    },
    routes: {
      'POST /sandbox/faults': ({ body }) => {
        const parsed = known.safeParse(parseJson(body));
        if (!parsed.success) return json(400, { error: sentence });
        if (parsed.data.fault !== REFUSE_CONNECTIONS) {
          begin(parsed.data);
          return list();
        }
        // The answer goes first: the outage destroys the connection it is written on.
        return { ...list(), afterwards: () => begin(parsed.data) };
      },
      'GET /sandbox/faults': list,
      'DELETE /sandbox/faults': () => {
        queue.length = 0;
        return list();
      },
    },
  };
}
