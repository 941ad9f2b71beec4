import type { Backoff } from '../backoff.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Every wait and limit of a recharge, in milliseconds. The order of the first group is what keeps a
 * grant single: call < run < grant deadline < redelivery. By the time anyone may call a grant lost, the
 * process that could still send it has been ended by the runtime.
 */
export interface Policy {
  /** One POST to the credits endpoint, from name lookup to the last byte. */
  grantCallMs: number;
  /** One call to the payment hook. */
  chargeCallMs: number;
  /** How long one run may live: the Lambda's timeout. */
  runMs: number;
  /** A call is not begun with less than its own time and this left of the run. */
  callMarginMs: number;
  /** `granting` is not written with less left of the run: the write (3 tries of 2 s), the POST, and the result. */
  grantStepMs: number;
  /** From the write of `granting` on, nobody POSTs this grant after this time. */
  grantDeadlineMs: number;
  /** A row comes back by itself this long after the claim, and after each sweep. */
  sweepAgainMs: number;
  /** After the grant's deadline, before a person may say that nothing was granted: a stuck request can still land. */
  settleMs: number;

  /** How far the clocks of two machines may be apart. */
  clockSkewMs: number;
  /** Providers may forget a key after 24 h (Stripe's documented minimum): no charge is begun later than this. */
  chargeWindowMs: number;
  /** From here a payment that is not found does not exist: an hour after the last possible call. */
  notFoundFinalMs: number;
  /** A lookup that has not answered by then needs a person. */
  lookupSilentMs: number;
  /**
   * A pending payment is asked about every `askMs`. Once somebody has said that it has changed, it is asked about at once
   * and then at growing distances, beginning with `wokenMs`. Within that time, nobody is heard a second time.
   */
  pending: { askMs: number; wokenMs: number; clientActsMs: number; giveUpMs: number };
  /** Paid and not granted: how long we keep trying. */
  grantGiveUpMs: number;
  refund: { askMs: number; giveUpMs: number };
  reminderMs: number;
  /**
   * An unknown grant is looked for in the platform's usage export, where the profile says that grants stand there.
   * The first look comes once a line has had time to appear, and before a person may say that nothing was granted.
   * The late looks are for one grant too many. They are counted from the end of a recharge that may hold it: a day,
   * for lines that come overnight, and a week, long after anything can still land. Both are later by up to the
   * spread: a pool that was empty for hours makes hundreds of such recharges at once, and each look may read the
   * whole export.
   */
  evidence: {
    lookUp: boolean;
    firstMs: number;
    againMs: number;
    lateFirstMs: number;
    lateLastMs: number;
    lateSpreadMs: number;
  };
  backoff: Backoff;
  /**
   * Between two grants where the platform answered that it had not applied the first. Each such answer is believed,
   * and a wrong one is a grant too many, so it is believed `times` times in all, after 5 s, 30 s, 3 min … up to a day,
   * each at most halved by chance. That is 18 to 37 hours: an outage, or an empty pool, of a night.
   */
  regrant: Backoff & { times: number };
  /** How long an agency-wide fault stops new charges. */
  pauseMs: number;
  /** Clients in a row whose grant did not go through, for whatever reason, that stop new charges. */
  failedClientsToPause: number;
  /** Further attempts after a decline the provider calls retryable; 1 at most, for card networks fine more of them. */
  declineRetries: number;
  declineRetryMs: number;
  /** Refund by ourselves where a grant was refused or given up; otherwise a person decides. */
  refundAutomatically: boolean;
  /** Sweeps without progress that are worth an alert. */
  sweepsToAlert: number;
}

export const productionPolicy: Policy = {
  grantCallMs: 10 * SECOND,
  chargeCallMs: 20 * SECOND,
  runMs: 60 * SECOND,
  callMarginMs: 5 * SECOND,
  grantStepMs: 25 * SECOND,
  grantDeadlineMs: 120 * SECOND,
  sweepAgainMs: 180 * SECOND,
  settleMs: 15 * MINUTE,
  clockSkewMs: MINUTE,
  chargeWindowMs: 23 * HOUR,
  notFoundFinalMs: 24 * HOUR,
  lookupSilentMs: 48 * HOUR,
  pending: { askMs: HOUR, wokenMs: 5 * SECOND, clientActsMs: 3 * DAY, giveUpMs: 21 * DAY },
  grantGiveUpMs: 72 * HOUR,
  refund: { askMs: DAY, giveUpMs: 7 * DAY },
  reminderMs: DAY,
  evidence: {
    lookUp: false,
    firstMs: 5 * MINUTE,
    againMs: HOUR,
    lateFirstMs: DAY,
    lateLastMs: 7 * DAY,
    lateSpreadMs: 12 * HOUR,
  },
  backoff: { firstMs: 2 * SECOND, maxMs: 15 * MINUTE },
  regrant: { times: 8, firstMs: 5 * SECOND, maxMs: DAY, growth: 6 },
  pauseMs: 15 * MINUTE,
  failedClientsToPause: 3,
  declineRetries: 0,
  declineRetryMs: DAY,
  refundAutomatically: false,
  sweepsToAlert: 20,
};
