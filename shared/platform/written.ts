// Apart from what reads the numbers: that takes ninety files, and settings are read at each start.

/** How a system writes phone numbers: with `+` and code, with the code and no `+`, or as its own country does. */
export const WRITTEN = ['e164', 'international', 'national'] as const;
export type Written = (typeof WRITTEN)[number];
