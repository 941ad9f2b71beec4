import type { PaymentHook } from '../shared/payments/payment-hook.ts';
import type { Charging } from '../shared/recharge/charging.ts';
import { type Counterparties, idOf as partyOf } from '../shared/recharge/counterparty.ts';
import type { Consistency, Ledger } from '../shared/recharge/ledger.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import type { RechargeQueue } from '../shared/recharge/queue.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import type { RunDeps } from '../shared/recharge/run-recharge.ts';
import { chargingVerbs } from './memory-charging.ts';
import { before, EMPTY_TABLE, ledgerVerbs } from './memory-ledger.ts';
import * as parties from './parties.ts';
import type { Host } from './process.ts';
import { type Around, falsehoods, landsBy, type Statement, truths } from './world.ts';

export interface Ports {
  ledger: Ledger;
  charging: Charging;
  queue: RechargeQueue;
  payments: PaymentHook;
  platform: RunDeps['platform'];
  sleep: RunDeps['sleep'];
  look(row: Recharge): Promise<Statement | undefined>;
}

const MADE = ['made'];
/** What a person may have to say. */
const TRUE_WORDS = ['one answer', 'another answer'];
const WRONG_WORDS = ['one wrong answer', 'another wrong answer', 'a third wrong answer'];
/** Of storage, and of the queue: nobody knows whether it was made. */
const THROWS = ['throws, not made', 'throws, made'];
/** An eventual read of what has only just come to be: nothing is there yet. */
const OLD = 'old';
/** …and of what was only just written: it is as it was before. */
const ONE_WRITE_OLD = 'one write old';
/** The client of the table hears no answer, and makes the write again by itself. */
const REPEATED = 'made twice';

/** Whoever asks for all that is due until then counts the reviews for the log, and does nothing with them. */
const TO_COUNT = Number.MAX_SAFE_INTEGER;

/** What a process can ask for: each call is one step of it, which the world makes. */
export function portsOf(host: Host<Around>, { payment }: Counterparties, policy: Policy): Ports {
  const party = partyOf(payment);
  /** A call of storage: made as it is, or disturbed as any storage may be. */
  const stored = <Value>(port: string, given: unknown[], make: (draft: Around) => Value, isWrite = false) =>
    host.ask({
      port,
      given,
      ways: MADE,
      faults: isWrite ? [...THROWS, REPEATED] : THROWS.slice(0, 1),
      make(draft, way) {
        if (way === 'throws, not made') throw new Error('no answer from storage');
        const answer = make(draft);
        if (way === 'throws, made') throw new Error('no answer from storage');
        return way === REPEATED ? make(draft) : answer;
      },
    });
  /** A read that may be eventual. */
  const read = <Value>(
    port: string,
    given: string,
    consistency: Consistency | undefined,
    make: (draft: Around) => Value,
  ) =>
    host.ask({
      port,
      given: [given],
      ways: MADE,
      faults: [...THROWS.slice(0, 1), ...(consistency === 'eventual' ? [OLD, ONE_WRITE_OLD] : [])],
      make(draft, way) {
        if (way === 'throws, not made') throw new Error('no answer from storage');
        if (way === ONE_WRITE_OLD) return make({ ...draft, table: before(draft.table) });
        return make(way === OLD ? { ...draft, table: EMPTY_TABLE } : draft);
      },
    });
  const preparing = <Value>(port: string, given: unknown, prepared: Value) =>
    host.ask({
      port,
      given: [given],
      ways: MADE,
      faults: ['throws, not made'],
      make(_draft, way) {
        if (way !== 'made') throw new Error('the secret could not be read');
        return prepared;
      },
    });

  return {
    ledger: {
      claim: (row) => stored('ledger.claim', [row], (draft) => ledgerVerbs(draft).claim(row), true),
      read: (key, consistency) =>
        read('ledger.read', key, consistency, (draft) => ledgerVerbs(draft).read(key)),
      write: (read, next) =>
        stored('ledger.write', [read, next], (draft) => ledgerVerbs(draft).write(read, next), true),
      readAccount: (email, consistency) =>
        read('ledger.readAccount', email, consistency, (draft) => ledgerVerbs(draft).readAccount(email)),
      writeAccount: (read, next) =>
        stored(
          'ledger.writeAccount',
          [read, next],
          (draft) => ledgerVerbs(draft).writeAccount(read, next),
          true,
        ),
      due: async (waitsFor, until, cursor) =>
        until === TO_COUNT
          ? { items: [] }
          : stored('ledger.due', [waitsFor, until, cursor], (draft) =>
              ledgerVerbs(draft).due(waitsFor, until, cursor),
            ),
      postpone: (due, to) =>
        stored('ledger.postpone', [due, to], (draft) => ledgerVerbs(draft).postpone(due, to), true),
    },
    charging: {
      paused: () => stored('charging.paused', [], (draft) => chargingVerbs(draft, () => draft.now).paused()),
      pause: (pause) =>
        stored(
          'charging.pause',
          [pause],
          (draft) => chargingVerbs(draft, () => draft.now).pause(pause),
          true,
        ),
      resume: () =>
        stored('charging.resume', [], (draft) => chargingVerbs(draft, () => draft.now).resume(), true),
      grantFailed: (email) =>
        stored(
          'charging.grantFailed',
          [email],
          (draft) => chargingVerbs(draft, () => draft.now).grantFailed(email),
          true,
        ),
      grantWentThrough: () =>
        stored(
          'charging.grantWentThrough',
          [],
          (draft) => chargingVerbs(draft, () => draft.now).grantWentThrough(),
          true,
        ),
    },
    queue: {
      send: (keys) =>
        stored(
          'queue.send',
          [keys],
          (draft) => {
            draft.queue = [...draft.queue, ...keys].sort();
          },
          true,
        ),
    },
    payments: {
      async prepareCharge(request) {
        await preparing('payments.prepareCharge', request.chargeId, true);
        return {
          send: () =>
            host.ask({
              port: 'payments.charge',
              given: [request.chargeId],
              ways: ['paid'],
              faults: parties.CHARGE_FAULTS,
              make: (draft, way) => parties.charge(draft, party, request, way),
            }),
        };
      },
      lookup: (reference) =>
        host.ask({
          port: 'payments.lookup',
          given: [reference.chargeId],
          ways: MADE,
          faults: ['unknown'],
          make: (draft, way) => parties.lookUp(draft, party, reference, way),
        }),
      cancel: (reference) =>
        host.ask({
          port: 'payments.cancel',
          given: [reference.chargeId],
          ways: MADE,
          faults: ['unknown, not made', 'unknown, made'],
          make: (draft, way) => parties.cancel(draft, party, reference, way),
        }),
      refund: (request) =>
        host.ask({
          port: 'payments.refund',
          given: [request.refundId],
          ways: MADE,
          faults: parties.REFUND_FAULTS,
          make: (draft, way) => parties.refund(draft, party, request, way),
        }),
    },
    platform: {
      async prepareGrant(grant) {
        await preparing('platform.prepareGrant', grant.description, true);
        return {
          send: () =>
            host.ask({
              port: 'platform.grant',
              given: [parties.markOf(grant)],
              ways: ['granted'],
              faults: parties.GRANT_FAULTS,
              make: (draft, way) =>
                parties.grant(draft, grant, way, () => landsBy(draft, parties.markOf(grant), policy)),
            }),
        };
      },
      subAccount: (email) =>
        host.ask({
          port: 'platform.subAccount',
          given: [email],
          ways: ['found'],
          faults: ['no answer', 'not found'],
          make: (_draft, way) => {
            if (way === 'not found') return { kind: 'not_found' };
            return way === 'found' ? { kind: 'found' } : { kind: 'no_answer', detail: 'no answer' };
          },
        }),
      findGrant: (asked) =>
        host.ask({
          port: 'platform.findGrant',
          given: [asked.mark],
          ways: MADE,
          faults: ['no answer', 'not listed yet'],
          make: (draft, way) => parties.findGrant(draft, asked, way),
        }),
      listGrants: ({ markPrefix }) =>
        host.ask({
          port: 'platform.listGrants',
          given: [markPrefix],
          ways: MADE,
          faults: ['no answer', 'not listed yet'],
          make: (draft, way) => parties.listGrants(draft, markPrefix, way),
        }),
    },
    sleep: (ms) => host.ask({ port: 'sleep', given: [ms], ways: MADE, faults: [], make: () => undefined }),
    look: (row) =>
      host.ask({
        port: 'person.look',
        given: [row],
        ways: TRUE_WORDS,
        faults: WRONG_WORDS,
        make: (draft, way) =>
          TRUE_WORDS.includes(way)
            ? truths(draft, row)[TRUE_WORDS.indexOf(way)]
            : falsehoods(draft, row)[WRONG_WORDS.indexOf(way)],
      }),
  };
}
