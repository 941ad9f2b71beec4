import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { PaymentsEvent } from '../payments-ledger.ts';
import type { Behaviour, DeclineError } from './cards.ts';
import type { KeptAnswer } from './idempotency.ts';

export interface Customer {
  id: string;
  email: string;
  created: number;
  defaultPaymentMethod?: string;
  metadata?: Record<string, string>;
  deleted?: true;
}

export interface PaymentMethod {
  id: string;
  customer: string | null;
  type: 'card' | 'sepa_debit';
  brand?: string;
  last4: string;
  expMonth: number;
  expYear: number;
  fingerprint: string;
  behaviour: Behaviour;
  created: number;
}

export interface Intent {
  id: string;
  amount: number;
  currency: string;
  customer: string;
  paymentMethod: string;
  status: 'requires_payment_method' | 'requires_action' | 'processing' | 'succeeded' | 'canceled';
  metadata: Record<string, string>;
  description?: string;
  receiptEmail?: string;
  lastError?: DeclineError;
  cancellationReason?: string;
  charge?: string;
  created: number;
  /** Where the client is sent to after the bank's page. */
  returnUrl?: string;
}

export interface Refund {
  id: string;
  intent: string;
  amount: number;
  status: 'pending' | 'succeeded' | 'failed';
  failureReason?: string;
  metadata: Record<string, string>;
  created: number;
}

/** A client's bank wants the money of a payment back. */
export interface Dispute {
  id: string;
  intent: string;
  amount: number;
  status: 'needs_response' | 'won' | 'lost' | 'warning_needs_response';
  created: number;
}

export interface Session {
  id: string;
  customer: string;
  status: 'open' | 'complete';
  setupIntent: string;
  paymentMethod?: string;
  successUrl: string;
  currency: string;
  metadata: Record<string, string>;
  created: number;
}

/** All that this Stripe knows. Times are Unix seconds, as in Stripe's objects. */
export interface StripeState {
  customers: Map<string, Customer>;
  paymentMethods: Map<string, PaymentMethod>;
  intents: Map<string, Intent>;
  refunds: Map<string, Refund>;
  disputes: Map<string, Dispute>;
  sessions: Map<string, Session>;
  keys: Map<string, KeptAnswer>;
  /** What really happened to the money, in the words of the sandbox's other payment endpoint. */
  books: PaymentsEvent[];
  /** To be called after each change. */
  save(): void;
}

const MAPS = ['customers', 'paymentMethods', 'intents', 'refunds', 'disputes', 'sessions', 'keys'] as const;

/** @param file keeps the state over the end of the process, where it is given. */
export function openState(file: string | undefined): StripeState {
  const kept = file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const state: StripeState = {
    customers: new Map(kept.customers),
    paymentMethods: new Map(kept.paymentMethods),
    intents: new Map(kept.intents),
    refunds: new Map(kept.refunds),
    disputes: new Map(kept.disputes),
    sessions: new Map(kept.sessions),
    keys: new Map(kept.keys),
    books: kept.books ?? [],
    save() {
      if (file === undefined) return;
      const lists = Object.fromEntries(MAPS.map((name) => [name, [...state[name]]]));
      writeFileSync(`${file}.new`, JSON.stringify({ ...lists, books: state.books }));
      renameSync(`${file}.new`, file);
    },
  };
  return state;
}

export const newId = (prefix: string) =>
  `${prefix}_${randomBytes(12).toString('base64url').replace(/[-_]/g, '0')}`;
