import type { Command } from 'commander';
import type { Connection } from '../operate/connection.ts';
import { type StatusLine, statusLine } from '../operate/status-line.ts';
import type { Screen } from './output.ts';

/** What people read as a list. A program reads JSON. */
const LISTS = ['list', 'alerts'];

/**
 * Stands above every list on a terminal: which relay it is, and whether anything is wrong there. It never keeps a list
 * from being shown.
 */
export async function tellStatusLine(
  {
    screen,
    tell,
    connected,
  }: { screen: Screen; tell: (said: string) => void; connected: () => Promise<Connection> },
  command: Command,
): Promise<void> {
  if (!screen.isTTY || !LISTS.includes(command.name()) || command.opts().json) return;
  try {
    tell(statusLineText(await statusLine(await connected())));
  } catch {
    // The command itself says what is wrong, if it needs a relay at all.
  }
}

/** `prod eu-central-1 · charging on · 2 wait for you · 1 alert in 24 h` */
export function statusLineText({ relay, paused, reviews, alerts }: StatusLine): string {
  const { stage, region } = relay;
  return [
    region === undefined ? stage : `${stage} ${region}`,
    paused === undefined ? 'charging not known' : `charging ${paused ? 'PAUSED' : 'on'}`,
    reviews === undefined ? 'what waits not known' : waitingText(reviews),
    alerts === undefined
      ? 'alerts not known'
      : `${alerts === 0 ? 'no' : alerts} ${alerts === 1 ? 'alert' : 'alerts'} in 24 h`,
  ].join(' · ');
}

function waitingText({ count, more }: { count: number; more: boolean }): string {
  if (count === 0) return 'nothing waits for you';
  return `${count}${more ? '+' : ''} ${count === 1 ? 'waits' : 'wait'} for you`;
}
