/** What each event of a timeline proves, or does not, for somebody who must decide by it. */
const PROVES: Record<string, string> = {
  received: 'Its sender was verified. From here on it is kept, and counts once.',
  started: 'A person asked for it. No webhook did.',
  reserved: 'The client may be charged this: within the limits, and counted for the month.',
  paid: 'The provider said that it took the money, under this reference.',
  granted: 'The platform said that it granted the credits.',
  declined: 'The provider said that it took nothing.',
  declined_will_retry: 'The provider said that it took nothing.',
  blocked: 'Nothing was charged.',
  waiting: 'This try settled nothing.',
  charge_unknown: 'Proves neither that money was taken, nor that none was.',
  grant_unknown: 'Proves neither that credits were granted, nor that none were.',
  grant_differs: 'The platform did something, and not what was asked for.',
  grant_refused: 'The platform said that it granted nothing, and will not.',
  grant_expired: 'No try so far was applied.',
  refunding: 'It is to be given back. Proves not yet that it was.',
  refunded: 'The provider said that the money went back.',
  refund_failed: 'The provider said that it gave nothing back.',
  refund_unknown: 'Proves neither that the money went back, nor that it did not.',
};

/** @returns undefined for what proves nothing by itself, such as a reminder. */
export const provedBy = (event: string): string | undefined => new Map(Object.entries(PROVES)).get(event);
