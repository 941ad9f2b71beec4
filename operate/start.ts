import { isDeepStrictEqual } from 'node:util';
import { record } from '../shared/history.ts';
import { faultOfNote } from '../shared/recharge/answers.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
import { reserveWithoutCharge } from '../shared/recharge/reserve.ts';
import {
  againKey,
  firstKeyOf,
  STARTED_AGAIN,
  type StartedOrder,
  startedKey,
  startedRecharge,
} from '../shared/recharge/started.ts';
import { creditsSchema } from '../shared/recharge/webhook.ts';
import { shellQuoted } from '../shared/shell.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { readRecharge } from './recharges.ts';
import { timeOfStorage } from './time.ts';

type Ledgered = Pick<Connection, 'ledger' | 'now' | 'storageNow'> & Partial<Pick<Connection, 'terms'>>;

export interface Start {
  /** The email, as the platform spells it: towards the platform it is used like that. */
  client: string;
  /** Whole; of a recharge that is started again it may be left out. */
  credits?: number;
  /** The key of a recharge that ended without a payment. */
  insteadOf?: string;
  /** False: granted without a charge, by the person's word. */
  charge: boolean;
  /** Why. The same words are the same start, whoever says them. */
  note: string;
  /** Who says so, where that is known. */
  by?: string;
}

/**
 * Starts a recharge by hand: the same machine charges and grants it, once. Its key follows from what is asked for,
 * so the same request twice is one recharge, and the second one is refused.
 *
 * @returns its row. The worker does the rest.
 * @throws an OperateError, `refused`, `not_found` or `not_ready`, if it is not started.
 */
export async function startRecharge(connection: Ledgered, start: Start): Promise<Recharge> {
  const { ledger } = connection;
  const blank = start.note.trim() === '';
  const fault = faultOfNote(blank ? '' : signedNote(start), 'Say in --note why it is started.');
  if (fault !== undefined) throw new OperateError('refused', fault);
  const { insteadOf } = start;
  const order =
    insteadOf === undefined ? await newOrder(connection, start) : await again(connection, start, insteadOf);
  const row = startedRecharge(order, timeOfStorage(connection));
  if (start.charge) await checkKnown(connection, order.email);
  else {
    // Before the row, or the worker could find it without this word, and charge.
    const refused = await reserveWithoutCharge(row, connection);
    if (refused) throw new OperateError('refused', refused.refused);
  }
  const claimed = await ledger.claim(row);
  // A lost answer to our own claim looks like somebody else's.
  const own = isDeepStrictEqual(claimed.row.history[0], row.history[0]);
  if (claimed.kind === 'conflict' && !own) throw startedBefore(claimed.row);
  if (order.insteadOf !== undefined) await noteAgain(connection, order.insteadOf, row);
  return claimed.row;
}

/** As the row keeps it, which has no other place for who it was. */
const signedNote = ({ note, by }: Pick<Start, 'note' | 'by'>) =>
  by === undefined ? note : `${note} (${by})`;

/** It would end as blocked. Where the configuration is not known here, the row says that then. */
async function checkKnown({ ledger, terms }: Ledgered, email: string): Promise<void> {
  if (terms?.()?.unknownAccounts !== 'refuse') return;
  const { status } = await ledger.readAccount(email);
  if (status !== undefined) return;
  const add = `npx relay accounts add ${shellQuoted(email)}`;
  throw new OperateError('refused', `Nothing was started: nobody has set the client ${email} up. ${add}`);
}

const startedBefore = ({ key, phase, receivedAt }: Recharge) =>
  new OperateError(
    'refused',
    `Nothing was started: this was asked for at ${new Date(receivedAt).toISOString()}, and is recharge ${key}, which is ` +
      `${phase}. If another one is meant, say in --note what is different.`,
  );

async function newOrder({ ledger }: Ledgered, start: Start): Promise<StartedOrder> {
  const { client, credits, note } = start;
  const email = client.toLowerCase();
  if (credits === undefined) throw new OperateError('refused', 'Say how many credits: --credits N.');
  const { success, error } = creditsSchema.safeParse(credits);
  if (!success) throw new OperateError('refused', `The credits: ${error.issues[0]?.message}.`);
  const key = startedKey({ email, credits, note });
  const known = await ledger.read(key);
  if (known) throw startedBefore(known);
  const spelled = client === email ? {} : { grantEmail: client };
  return { key, email, credits, note: signedNote(start), ...spelled };
}

/** A key is burnt once it has ended; in its place comes the first derived key that is not. */
async function again(connection: Ledgered, start: Start, key: string): Promise<StartedOrder> {
  const { ledger } = connection;
  const named = await readRecharge(connection, key);
  const first = (await ledger.read(firstKeyOf(key))) ?? named;
  checkBurnt(first, start);
  let last = first;
  for (let n = 1; ; n += 1) {
    const next = await ledger.read(againKey(first.key, n));
    if (!next) {
      const { email, credits, grantEmail } = first;
      const spelled = grantEmail === undefined ? {} : { grantEmail };
      return {
        key: againKey(first.key, n),
        email,
        credits,
        note: signedNote(start),
        insteadOf: last.key,
        ...spelled,
      };
    }
    checkBurnt(next, start);
    last = next;
  }
}

function checkBurnt({ key, phase, email, credits, history }: Recharge, start: Start): void {
  const refuse = (why: string) => new OperateError('refused', `Nothing was started: ${why}`);
  if (phase !== 'blocked' && phase !== 'declined') {
    throw refuse(`recharge ${key} is ${phase}; only one that ended blocked or declined is started again.`);
  }
  if (email !== start.client.toLowerCase()) throw refuse(`recharge ${key} is of another client, ${email}.`);
  if (start.credits !== undefined && start.credits !== credits)
    throw refuse(`recharge ${key} is about ${credits} credits.`);
  if (start.charge && history.some(({ event }) => event === 'paid_late')) {
    throw refuse(
      `recharge ${key} was paid after its end (paid_after_end). Give that payment back first, or, where it stays, ` +
        'start with --no-charge.',
    );
  }
}

/** For whoever looks at the burnt one. The new row says it, too: that this is written does not matter. */
async function noteAgain({ ledger }: Ledgered, key: string, started: Recharge): Promise<void> {
  const row = await ledger.read(key);
  if (!row || !isFinished(row)) return;
  const now = started.receivedAt;
  await ledger.write(row, { ...row, history: record(row, { now }, STARTED_AGAIN, started.key) });
}
