const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;
/** Up to here an hour counts in minutes, and a day in hours: "90 min" says more than "1 h". */
const NEXT_UNIT_AFTER = 2;

/** How long, in the largest unit of which there are two: `45 s`, `90 min`, `30 h`, `12 d`. @param ms not negative */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < NEXT_UNIT_AFTER * MINUTE_S) return `${seconds} s`;
  if (seconds < NEXT_UNIT_AFTER * HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`;
  if (seconds < NEXT_UNIT_AFTER * DAY_S) return `${Math.round(seconds / HOUR_S)} h`;
  return `${Math.round(seconds / DAY_S)} d`;
}

/** How far a time is away: `2 h ago`, `in 5 min`. @param time and `now` in Unix milliseconds */
export const ageText = (time: number, now: number) =>
  time <= now ? `${durationText(now - time)} ago` : `in ${durationText(time - now)}`;

/** A time in UTC, to the second: `2026-11-28T09:20:11Z`. @param time in Unix milliseconds */
export const utcText = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** Both: `2026-11-28T09:20:11Z (2 h ago)`. */
export const whenText = (time: number, now: number) => `${utcText(time)} (${ageText(time, now)})`;
