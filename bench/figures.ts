/** What a benchmark measured. Ratios hold on any machine; other figures are of the machine they were measured on. */
export interface Figure {
  what: string;
  value: number;
  unit: string;
  goal?: { atMost: number } | { atLeast: number };
}

/** What one benchmark found, for people and for the JSON file. */
export interface Measured {
  title: string;
  figures: Figure[];
  /** How it was measured, in a sentence or two. */
  how: string;
}

const isMet = ({ value, goal }: Figure): boolean =>
  goal === undefined || ('atMost' in goal ? value <= goal.atMost : value >= goal.atLeast);

const rounded = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));

export const valueText = ({ value, unit }: Figure) => `${rounded(value)} ${unit}`;

/** The goal, and how much of it was reached: below 1 is better than the goal where less is better. */
export function goalText(figure: Figure): string {
  const { value, goal, unit } = figure;
  if (goal === undefined) return '';
  const [sign, wanted] = 'atMost' in goal ? ['≤', goal.atMost] : ['≥', goal.atLeast];
  return `${sign} ${wanted} ${unit} (${rounded(value / wanted)} of it)${isMet(figure) ? '' : ', missed'}`;
}

/** For a terminal. */
export function printed({ title, figures }: Measured): string {
  const lines = figures.map((figure) =>
    `  ${figure.what.padEnd(58)}${valueText(figure).padStart(16)}   ${goalText(figure)}`.trimEnd(),
  );
  return `\n${title}\n${lines.join('\n')}\n`;
}

/** The value that this share of all values is not above. */
export const rankOf = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

/** The lower quartile: what else a machine does only ever adds to a time, so the fast ones tell more than the median. */
export const quick = (values: number[]): number => rankOf(values, 0.25);
