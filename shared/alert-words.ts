import type { Alert } from './logger.ts';

/** What each alert means, in one sentence, the worst first; the whole story is in the runbook. */
export const MEANING_OF: Record<Alert, string> = {
  // Nobody is charged, or nobody gets credits.
  charging_paused: 'No client is charged: grants cannot be made now.',
  payment_hook_misconfigured: 'The payment endpoint refuses our requests: no client can be charged.',
  secret_unreadable:
    'A secret cannot be read: its last known values are used, and a function that starts anew has none.',
  webhook_quarantined: 'A genuine webhook was not understood; its client gets no credits.',
  // Money is lost, or may be.
  granted_twice: 'A client may hold credits twice: a loss for the agency.',
  granted_after_refund: 'A client holds credits although the money went back: a loss for the agency.',
  paid_after_end: 'A client was charged for a recharge that had ended without a payment.',
  payment_disputed: 'A client takes a payment back at their bank: they are charged no more.',
  refunded_elsewhere:
    'A payment was given back at the provider, and not by the relay: the client may hold its credits.',
  grant_unknown: 'A client has paid, and it is not known whether the credits were granted.',
  grant_differs: 'A client has paid, and something else was granted than was asked for.',
  grant_refused: 'A client has paid, and the platform refuses the credits.',
  grant_expired: 'A client has paid, and no grant went through for three days.',
  refund_failed: 'A client is owed a refund, and the provider refused it.',
  refund_unknown: 'A client is owed a refund, and it is not known whether it was made.',
  charge_unknown: 'It is not known whether a client was charged; nothing was granted.',
  review_waiting: 'A recharge has waited for a person for another day.',
  // One client, or one recharge, does not go on.
  other_counterparty:
    'A recharge began with another payment endpoint or platform than is configured now, and waits.',
  newer_row: 'A recharge or message is left alone: it was written by a later version than the one running.',
  no_progress: 'A recharge keeps coming back without getting any further.',
  recharge_blocked:
    'A client asked for credits and was refused before anything was charged: its AI will stop.',
  recharge_expired:
    'A client could not be charged within a day, and gets no credits unless it is started again.',
  key_reused: 'The platform sent other content under a known key; nothing was done for it.',
  client_suspended:
    'The payments of a client were declined in a row, and it is not charged any more: its AI will stop.',
  client_must_act: 'A client gets no credits until it has confirmed its payment itself.',
  monthly_cap_reached:
    'A client has used its monthly amount, or a recharge would have gone over it: such a recharge is refused.',
  message_failed: 'A chat message was given up: whoever it was for did not get it.',
  message_parked: 'It is not known whether a chat message was delivered; it is not sent again by itself.',
  message_quarantined: 'A genuine chat message was not understood, and not relayed.',
  books_differ: "The ledger's books differ from the payment provider's, or from the platform's grants.",
  // Nothing is wrong yet.
  monthly_cap_near: 'A client has used 80 % of its monthly amount.',
};

const WORST_FIRST = Object.keys(MEANING_OF);

/** For sorting: 0 is the worst. A word that only a later version knows comes first, since nobody here can judge it. */
export const rankOf = (word: string) => WORST_FIRST.indexOf(word);

/** What an alert means; a word that only a later version knows has no sentence here. */
export const meaningOf = (word: string): string | undefined => new Map(Object.entries(MEANING_OF)).get(word);

/** The runbook where nobody has said at which address it can be read. */
const RUNBOOK = 'RUNBOOK.md';

/**
 * The section of the runbook about an alert or an alarm.
 *
 * @param url the address of the runbook, as the configuration says it.
 */
export const runbookSection = (name: string, url = RUNBOOK) => `${url}#${anchorOf(name)}`;

/** The anchor GitHub gives a heading. */
export const anchorOf = (heading: string) => heading.toLowerCase().replaceAll('`', '').replaceAll(' ', '-');
