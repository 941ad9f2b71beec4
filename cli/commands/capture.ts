import {
  type CaptureReport,
  captureReport,
  MAX_CAPTURE_MINUTES,
  ofRoute,
  readCaptured,
  startCapture,
} from '../../operate/capture.ts';
import { findInbound } from '../../operate/connection.ts';
import { unknownChannel } from '../../operate/known-channels.ts';
import { configuredVerifiers } from '../../operate/proofs.ts';
import { channelOf, routeSchema, WEBHOOK_ROUTE } from '../../operate/routes.ts';
import { whenText } from '../../shared/ages.ts';
import { MAX_CAPTURED } from '../../shared/incoming/capture.ts';
import { CAPTURED } from '../../shared/incoming/quarantine.ts';
import { printableLine } from '../../shared/printable.ts';
import { confirmChange, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, checked, examples, wholeNumber } from '../program.ts';

const route = checked(routeSchema);

interface CaptureOptions {
  route: string;
  minutes: number;
  yes?: boolean;
  json?: boolean;
}

async function start(cli: Cli, { route: given, minutes, yes, json }: CaptureOptions): Promise<void> {
  const { connected, target, io, print, say, sayJson, tell } = cli;
  if (minutes < 1 || minutes > MAX_CAPTURE_MINUTES) {
    throw new UsageError(`--minutes is from 1 to ${MAX_CAPTURE_MINUTES}.`);
  }
  await confirmChange(cli, {
    question: `Keep what nobody can verify at ${given} for ${minutes} minutes?`,
    yes,
  });
  const inbound = await findInbound(target());
  const { address, until } = await startCapture(await connected(), inbound, { route: given, minutes });
  const channel = channelOf(given);
  const remark = channel && unknownChannel(channel.name, target());
  if (json) {
    if (remark !== undefined) tell(remark);
    return sayJson({ route: given, address: address.href, until: new Date(until).toISOString() });
  }
  say('Set this address at the sender. It is shown this once, and lets nothing in:\n');
  print(`  ${address}\n`);
  // An address that belongs to no channel is answered 404, and nothing is kept there.
  if (remark !== undefined) tell(remark);
  say(
    `Until ${whenText(until, io.now())} the first ${MAX_CAPTURED} deliveries there that nobody can verify are kept for ` +
      '30 days with all of their headers, and answered 202. Nothing is charged or relayed for them.\n' +
      `Then look: npx relay capture show${ofRoute(given)}`,
  );
}

async function stop(cli: Cli, { route: given, yes, json }: CaptureOptions): Promise<void> {
  await confirmChange(cli, { question: `End the capture at ${given}?`, yes });
  const stopped = await (await cli.connected()).capture.stop(given);
  if (json) return cli.sayJson({ route: given, stopped });
  cli.say(
    stopped
      ? `Nothing is captured at ${given} any more. Set the sender to the address without ?token=.`
      : `Nothing was captured at ${given}.`,
  );
}

/** A capture that is on, or a delivery that was captured. */
interface Line {
  route: string;
  state: string;
  at: number;
  id?: string;
}

async function list({ connected, io, say, sayJson, sayTable }: Cli, json?: boolean): Promise<void> {
  const { capture: captures, quarantine, now } = await connected();
  const on = await captures.list(now());
  const captured: { id: string; receivedAt: number; route: string }[] = [];
  for await (const { id, receivedAt, route: at } of quarantine.list({ of: CAPTURED })) {
    captured.push({ id, receivedAt, route: at });
  }
  if (json) {
    return sayJson({
      on: on.map(({ until, ...one }) => ({ ...one, until: new Date(until).toISOString() })),
      captured: captured.map(({ id, receivedAt, route: at }) => ({
        ...{ id, route: at, received_at: new Date(receivedAt).toISOString() },
      })),
    });
  }
  const lines: Line[] = [
    ...on.map(({ route: at, until, kept }) => ({
      ...{ route: at, state: `on, ${kept} of ${MAX_CAPTURED} captured`, at: until },
    })),
    ...captured.map(({ id, receivedAt, route: at }) => ({
      route: at,
      state: 'captured',
      at: receivedAt,
      id,
    })),
  ];
  if (lines.length > 0) sayTable(columns(io.now()), lines);
  say(`${captured.length} captured`);
}

const columns = (now: number): Column<Line>[] => [
  ...timeColumns<Line>('until, or received', ({ at }) => at, now),
  { title: 'route', value: ({ route: at }) => at },
  { title: 'state', value: ({ state }) => state },
  { title: 'id', value: ({ id }) => id },
];

export function addCaptureCommands(cli: Cli): void {
  const { program, connected, target, say, sayJson } = cli;
  const capture = program
    .command('capture')
    .description('finds out what an undocumented sender sends: fields, and how it proves itself');
  const routeOption = ['--route <path>', `or /channels/NAME/incoming, outgoing, send`] as const;

  capture
    .command('start')
    .description(
      'for a limited time, keeps what comes to a secret address whole, also where nobody can verify it',
    )
    .option(...routeOption, route, WEBHOOK_ROUTE)
    .option('--minutes <n>', 'for how long, at most a day', wholeNumber, 60)
    .option(...YES)
    .option('--json', 'the address, as a JSON object')
    .addHelpText(
      'after',
      examples('capture start', 'capture start --route /channels/support/incoming --minutes 120'),
    )
    .action((given: CaptureOptions) => start(cli, given));

  capture
    .command('stop')
    .description('ends it before its time')
    .option(...routeOption, route, WEBHOOK_ROUTE)
    .option(...YES)
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('capture stop'))
    .action((given: CaptureOptions) => stop(cli, given));

  capture
    .command('list')
    .description('what is switched on, and what was captured in the last 30 days, the newest first')
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('capture list'))
    .action(({ json }: { json?: boolean }) => list(cli, json));

  capture
    .command('show')
    .description('one delivery, which verifier would have let it in, and the mapping it suggests')
    .argument('[id]', 'as the list names it; the newest one of the route unless given')
    .option(...routeOption, route, WEBHOOK_ROUTE)
    .option('--raw', 'with the values of headers that look secret')
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('capture show', 'capture show ID --raw'))
    .action(async (given: string | undefined, options: { route: string; raw?: boolean; json?: boolean }) => {
      const captured = await readCaptured(await connected(), { id: given, route: options.route });
      const { secrets, url } = await findInbound(target());
      const configured = configuredVerifiers(captured.kept.route, target());
      const report = captureReport(captured, await secrets(), {
        raw: options.raw ?? false,
        configured,
        address: url,
      });
      if (options.json) return sayJson(captureJson(report));
      say(captureText(report));
    });
}

/** The same for programs. What stands in `matching` and `config` is written as in a configuration. */
const captureJson = ({ receivedAt, lookedAt, ...report }: CaptureReport) => ({
  ...report,
  received_at: receivedAt,
  looked_at: lookedAt,
});

/** What is known of a captured delivery, for people. */
export function captureText(report: CaptureReport): string {
  const {
    id,
    route: at,
    receivedAt,
    headers,
    query,
    body,
    matching,
    nearest,
    lookedAt,
    config,
    notes,
  } = report;
  const [best, ...others] = matching.map((verifier) => JSON.stringify(verifier));
  const lines = [
    `Captured ${receivedAt} at ${at}: nobody verified it.`,
    ...(report.configured === undefined
      ? []
      : [`The verifiers of the configuration here say: ${report.configured}.`]),
    '',
    ...Object.entries(headers).map(([name, value]) => printableLine(`${name}: ${value}`)),
    ...Object.entries(query).map(([name, value]) => printableLine(`?${name}=${value}`)),
    '',
    body,
    '',
    best ? `${agreement(nearest)} the verifier ${best}` : 'No verifier matches.',
    ...others.map((other) => `also by ${other}`),
    ...(best ? [] : ['Looked at:', ...lookedAt.map((line) => `  ${line}`)]),
    '',
    'For relay.config.json:',
    '',
    JSON.stringify(config, null, 2),
    ...(notes.length === 0 ? [] : ['', 'To decide:', ...notes.map((note) => `  ${note}`)]),
    '',
    `Once that is in force: npx relay quarantine replay ${id}`,
  ];
  return lines.join('\n');
}

/** How near the delivery is to being let in. */
const agreement = (nearest: string[]) =>
  nearest.length === 0 ? 'With the secret that is set, it is let in by' : `It ${nearest.join(', and ')}:`;
