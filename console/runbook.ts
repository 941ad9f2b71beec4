import { WISH_WORDS } from '../operate/possible-deeds.ts';
import { runbookText } from '../operate/runbook.ts';
import { ANSWER_WORDS, ANSWERS } from '../shared/recharge/answers.ts';
import { CHARGING_DEEDS, CLIENT_DEEDS } from './words.ts';

/** A section of RUNBOOK.md in the order in which it is needed, in the words of the console. */
export interface RunbookSection {
  /** What to look at, what to do, and what it is. */
  investigation: string;
  resolution: string;
  description: string;
}

/** @returns undefined where the runbook has no section of this name. */
export function runbookSection(word: string): RunbookSection | undefined {
  const text = runbookText(word);
  if (text === undefined) return undefined;
  const [before = '', investigation = '', resolution = ''] = inConsoleWords(text).split(
    /^\*\*(?:Investigation|Resolution)\.\*\*\s*/m,
  );
  const description = before.replace(/^\*\*Description\.\*\*\s*/, '');
  return {
    investigation: investigation.trim(),
    resolution: resolution.trim(),
    description: description.trim(),
  };
}

const ofClient = (label: string) => `**${label}** on the client's page`;

/** What is done here instead of a command, which the runbook writes with `npx relay` before it or without. */
const INSTEAD: [command: RegExp, words: string][] = [
  ...ANSWERS.map((answer): [RegExp, string] => [
    new RegExp(`^(recharges resolve KEY )?${answer}( --payment-ref REF)?$`),
    `**${ANSWER_WORDS[answer]}**`,
  ]),
  [/^recharges retry KEY/, `**${WISH_WORDS.retry}**`],
  [/^recharges stop KEY/, `**${WISH_WORDS.stop}**`],
  [/^recharges refund KEY/, `**${WISH_WORDS.refund}**`],
  [/^recharges start EMAIL --for KEY/, `**${WISH_WORDS.start_again}**`],
  [/^(recharges )?show( KEY)?$/, 'this page'],
  [/^recharges list/, '**Recharges**'],
  [/^accounts enable/, ofClient(CLIENT_DEEDS.enable)],
  [/^accounts set/, ofClient(CLIENT_DEEDS.set)],
  [/^accounts invite/, ofClient(CLIENT_DEEDS.invite)],
  [/^accounts (show|list)/, "the client's page"],
  [/^--grant-email$/, ofClient(CLIENT_DEEDS.set)],
  [/^pause/, `**${CHARGING_DEEDS.pause}** on Overview`],
  [/^resume/, `**${CHARGING_DEEDS.resume}** on Overview`],
  [/^(alerts|status)/, '**Overview**'],
  [/^doctor$/, '**Health**'],
  [/^quarantine (list|show)/, '**Deliveries**'],
  [/^quarantine replay ID/, '**Send it to the relay again** on Deliveries'],
  [/^messages (list|show)/, '**Messages**'],
  [/^messages replay ID/, '**Send it again** on Messages'],
  [/^export$/, '**Usage export**'],
  [/^next look$/, '**Next look**'],
];

const isCommand = (code: string) =>
  /^(npx\s+relay|accounts|recharges|quarantine|messages|secrets) /.test(code);

/** What stands between backticks, and may be broken over two lines. */
const CODE = /`([^`]+)`/g;

/**
 * A text of the runbook, or of a next step, for somebody who has the console before them: its buttons and pages stand
 * where the text names commands. A command that the console has no button for is said to be one.
 */
export function inConsoleWords(text: string): string {
  return text
    .replaceAll(/ \(RUNBOOK\.md, [^)]*\)/g, '')
    .replaceAll(/"([a-z-]+)"/g, (quoted, word: string) => {
      const answer = ANSWERS.find((one) => one === word);
      return answer === undefined ? quoted : `"${ANSWER_WORDS[answer]}"`;
    })
    .replaceAll(CODE, (code, inner: string, at: number) => {
      const command = inner.replaceAll(/\s+/g, ' ').replace(/^npx relay /, '');
      const words = INSTEAD.find(([pattern]) => pattern.test(command))?.[1];
      if (words === undefined) return isCommand(inner) ? `${code} (on the command line)` : code;
      return /(^|\.\s)$/.test(text.slice(0, at)) ? words.charAt(0).toUpperCase() + words.slice(1) : words;
    });
}
