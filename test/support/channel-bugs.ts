import type { Bug } from '../../proof/plants.ts';

const RELAY = 'shared/channels/relay.ts';
const ACCEPT = 'shared/channels/accept.ts';
const WORKER = 'functions/channel-worker/handler.ts';

/** A bug of the channels. */
interface ChannelBug extends Bug {
  /** The courses that are drawn from this seed show it soon. Others do later, mostly within some hundreds. */
  seed: number;
}

/** Each is one line, and one of the rules that `relay.ts` and `accept.ts` name. */
export const CHANNEL_BUGS: readonly ChannelBug[] = [
  {
    name: 'a request is made without an intent on disk',
    file: RELAY,
    line: "if (this.#unknown === 'park') {",
    instead: "if (this.#unknown !== 'park' && this.#unknown !== 'repeat') {",
    seed: 1,
  },
  {
    name: 'an intent can be told beforehand',
    file: RELAY,
    line: "const intent = randomBytes(9).toString('base64url');",
    instead: 'const intent = String(randomBytes(1).length);',
    seed: 2,
  },
  {
    name: 'the clock is not looked at before the request',
    file: RELAY,
    line: "if (!this.#hasTimeFor(policy.callMs + policy.callMarginMs)) return this.#settle({ kind: 'held' }, about);",
    instead: '',
    seed: 33,
  },
  {
    name: 'an outcome is not decided again on the row that won',
    file: RELAY,
    line: 'if (next !== before && !(await this.#write(next, outcome))) continue;',
    instead: 'if (next !== before && !(await this.#write(next, outcome))) return waitMs;',
    seed: 8,
  },
  {
    name: 'an outcome of another part counts for this one',
    file: RELAY,
    line: 'if (!isDeepStrictEqual(aboutOf(before), about)) {',
    instead: 'if (before.queuedNo !== about.queuedNo) {',
    seed: 10,
  },
  {
    name: 'only the message itself waits, and not those behind it',
    file: WORKER,
    line: 'const waiting = group.slice(index);',
    instead: 'const waiting = [record];',
    seed: 1,
  },
  {
    name: 'a mark that was never queued counts as a duplicate',
    file: ACCEPT,
    line: "if (row.status !== 'received') return { kind: 'duplicate', row };",
    instead: "if (!isNew) return { kind: 'duplicate', row };",
    seed: 1,
  },
  {
    name: 'what failed is not buried',
    file: WORKER,
    line: "if (left === undefined || left.status === 'failed') await queue.bury(record);",
    instead: 'if (left === undefined) await queue.bury(record);',
    seed: 1,
  },
];
