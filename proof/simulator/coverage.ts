import type { Part } from './simulated.ts';
import { NEEDLESS } from './watch.ts';
import { LOST, SAID } from './wrong-words.ts';

/** What happened, and how often, in lines. */
export function coverageOf({ seeds, steps, counts }: Part): string[] {
  const sum = (isMeant: (what: string) => boolean) =>
    Object.entries(counts).reduce((total, [what, times]) => (isMeant(what) ? total + times : total), 0);
  const recharges = counts['phase received'] ?? 0;
  const reviews = sum((what) => /^review \w+$/.test(what));
  const byThemselves = sum((what) => what.startsWith('review ') && what.endsWith('by the relay itself'));
  const needless = sum((what) => what.startsWith('review ') && what.endsWith(NEEDLESS));
  const share = (part: number, of: number) => `${((100 * part) / Math.max(of, 1)).toFixed(1)} %`;
  return [
    `${seeds} seeds, ${recharges} recharges, ${steps} steps`,
    `${reviews} reviews (${share(reviews, recharges)} of the recharges): ${byThemselves} were ended by the relay itself,` +
      ` ${needless} by a person who only said what the books say (needless, ${share(needless, reviews)} of the reviews)`,
    ...Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${String(times).padStart(8)} ${what}`),
  ];
}

/** What people said that was not so, and what was lost by it: a table, in lines. */
export function wrongWordsOf({ counts }: Pick<Part, 'counts'>): string[] {
  const said = Object.entries(counts).filter(([what]) => what.startsWith(SAID));
  const rows = said
    .filter(([what]) => !what.includes(LOST))
    .flatMap(([what, times]) => {
      const losses = said.filter(([other]) => other.startsWith(what + LOST));
      const words = what.slice(SAID.length);
      const lines = losses.map(
        ([loss, lost]) => `| ${words} | ${times} | ${loss.slice((what + LOST).length)} | ${lost} |`,
      );
      return lines.length > 0 ? lines : [`| ${words} | ${times} | nothing | |`];
    });
  return [
    '',
    '| a person says wrongly | times | what is lost | times |',
    '|---|---|---|---|',
    ...rows.sort(),
  ];
}
