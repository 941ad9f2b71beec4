import type { Answer } from '../server.ts';
import { failed } from './requests.ts';

/** Stripe may forget a key once it is this old; this one does. Source: docs.stripe.com/api/idempotent_requests. */
const KEPT_MS = 24 * 3_600_000;

export interface KeptAnswer {
  at: number;
  request: string;
  /** Absent while the first request is still being worked on. */
  answer?: { status: number; headers: Record<string, string>; body: string };
}

/**
 * The same key and request get the first answer again, declines and errors of the server included. Another request
 * under the key is an error, and so is one beside the first. What was refused before it was executed is not kept.
 */
export class Keys {
  readonly #kept: Map<string, KeptAnswer>;
  readonly #now: () => number;

  constructor(kept: Map<string, KeptAnswer>, now: () => number) {
    this.#kept = kept;
    this.#now = now;
  }

  /** @returns the answer that the key already has, or undefined where the request is to be worked on. */
  begin(key: string, request: string): Answer | undefined {
    const kept = this.#kept.get(key);
    if (!kept || this.#now() >= kept.at + KEPT_MS) {
      this.#kept.set(key, { at: this.#now(), request });
      return undefined;
    }
    if (kept.request !== request) {
      return failed(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with.`,
      });
    }
    if (!kept.answer) {
      return failed(409, {
        type: 'invalid_request_error',
        code: 'idempotency_key_in_use',
        message: 'There is currently another in-progress request using this Idempotent Key.',
      });
    }
    const { status, headers, body } = kept.answer;
    return { kind: 'answer', status, body, headers: { ...headers, 'idempotent-replayed': 'true' } };
  }

  keep(key: string, answer: Answer): void {
    const kept = this.#kept.get(key);
    if (!kept || answer.kind !== 'answer') return;
    const { status, headers, body } = answer;
    if (status === 400 || status === 404) this.#kept.delete(key);
    else kept.answer = { status, headers, body };
  }

  /** The request was not executed. */
  forget(key: string): void {
    if (this.#kept.get(key)?.answer === undefined) this.#kept.delete(key);
  }
}
