import { Option } from 'commander';
import {
  countDeadLetters,
  DEAD_LETTER_QUEUES,
  type DeadLetter,
  type DeadLetterQueue,
  deadLetterJson,
  listDeadLetters,
  type ReplayedLetters,
  replayDeadLetters,
} from '../../operate/dead-letters.ts';
import { confirmChange, YES } from '../confirm.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, examples, wholeNumber } from '../program.ts';

const queueOption = () =>
  new Option('--queue <name>', 'only those of this queue; of both unless given').choices(DEAD_LETTER_QUEUES);

interface ListOptions {
  queue?: DeadLetterQueue;
  limit: number;
  json?: boolean;
}

interface ReplayOptions {
  queue?: DeadLetterQueue;
  dropUnreadable?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addDeadLetterCommands(cli: Cli): void {
  const deadLetters = cli.program
    .command('deadletters')
    .description('what the queues gave up: no recharge is lost by it, and of a message it is a copy');

  deadLetters
    .command('list')
    .description('each with the phase or status of the row it names, and what a replay does with it')
    .addOption(queueOption())
    .option('--limit <n>', 'how many of each queue', wholeNumber, 100)
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('deadletters list', 'deadletters list --queue recharges --json'))
    .action((options: ListOptions) => list(cli, options));

  deadLetters
    .command('replay')
    .description(
      'brings each on its way again by its key or id, and takes it out of the queue: counts them, and asks',
    )
    .addOption(queueOption())
    .option('--drop-unreadable', 'takes out, for good, also what names no recharge or message')
    .option('--dry-run', 'only says what would be done with each of the first thousand')
    .option(...YES)
    .option('--json', 'as a JSON object, at the end')
    .addHelpText(
      'after',
      examples('deadletters replay --dry-run', 'deadletters replay --queue messages --yes'),
    )
    .action((options: ReplayOptions) => replay(cli, options));
}

const queuesOf = (queue: DeadLetterQueue | undefined) => (queue === undefined ? DEAD_LETTER_QUEUES : [queue]);

async function list({ connected, say, sayJson, sayTable, io }: Cli, options: ListOptions): Promise<void> {
  const connection = await connected();
  const counts = await countDeadLetters(connection);
  const found = await Promise.all(
    queuesOf(options.queue).map((queue) => listDeadLetters(connection, queue, options.limit)),
  );
  const letters = found.flat();
  if (options.json) return sayJson(letters.map(deadLetterJson));
  if (letters.length > 0) sayTable(columns(io.now()), letters);
  for (const queue of queuesOf(options.queue)) {
    const shown = letters.filter((letter) => letter.queue === queue).length;
    const hidden = counts[queue] - shown;
    say(`${shown} of ${queue}${hidden > 0 ? `, and ${hidden} more that were not looked at` : ''}`);
  }
}

const columns = (now: number): Column<DeadLetter>[] => [
  { title: 'queue', value: ({ queue }) => queue },
  ...timeColumns<DeadLetter>('queued', ({ sentAt }) => sentAt, now),
  { title: 'names', value: ({ names }) => names ?? '(cannot be read)' },
  { title: 'is', value: ({ state }) => state ?? 'not stored' },
  {
    title: 'replay',
    value: ({ plan }) => plan,
    colour: ({ plan }) => (plan === 'leave' ? 'yellow' : undefined),
  },
  { title: 'because', value: ({ why }) => why, cut: true },
];

/** More rows than this help nobody. */
const DRY_RUN_LIMIT = 1_000;

async function replay(cli: Cli, options: ReplayOptions): Promise<void> {
  const { connected, say, sayJson, tell, tellProgress, fail } = cli;
  const { queue: only, dropUnreadable = false, dryRun, yes, json } = options;
  const connection = await connected();
  if (dryRun) return list(cli, { ...options, limit: DRY_RUN_LIMIT });
  const counts = await countDeadLetters(connection);
  const total = queuesOf(only).reduce((sum, queue) => sum + counts[queue], 0);
  const each = queuesOf(only)
    .map((queue) => `${counts[queue]} of ${queue}`)
    .join(' and ');
  const sums: ReplayedLetters = { queued: 0, forgotten: 0, dropped: 0, left: 0 };
  if (total > 0) {
    const dropped = dropUnreadable ? ' What cannot be read is lost then.' : '';
    await confirmChange(cli, {
      question: `Bring the dead letters (${each}) on their way again?${dropped}`,
      yes,
      always: true,
    });
  }
  let done = 0;
  for (const queue of total === 0 ? [] : queuesOf(only)) {
    const own = await replayDeadLetters(connection, queue, { dropUnreadable }, (letter) => {
      done += 1;
      tellProgress(`${done} of about ${total}`);
      if (letter.done === 'left' && !json) tell(`${letter.names ?? letter.id} is left: ${letter.why}.`);
    });
    for (const word of WORDS) sums[word] += own[word];
  }
  if (sums.left > 0) fail();
  if (json) return sayJson(sums);
  if (total === 0) return say('The dead-letter queues are empty.');
  say(`${sums.queued} on their way again, ${sums.forgotten} taken out that needed nothing${restText(sums)}`);
}

const WORDS = ['queued', 'forgotten', 'dropped', 'left'] as const;

function restText({ dropped, left }: ReplayedLetters): string {
  const rest = [
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    ...(left > 0 ? [`${left} left: npx relay deadletters list`] : []),
  ];
  return rest.map((text) => `, ${text}`).join('');
}
