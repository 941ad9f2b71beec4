import { MAX_CAPTURED } from '../../shared/incoming/capture.ts';
import { CAPTURED } from '../../shared/incoming/quarantine.ts';
import { channelOf, routeSchema, secretsOf, WEBHOOK_ROUTE } from '../capture.ts';
import { captureJson, captureText } from '../capture-report.ts';
import { findInbound } from '../connection.ts';
import { unknownChannel } from '../known-channels.ts';
import { checked, connected, print, program, say, sayJson, stack, tell, wholeNumber } from '../program.ts';

const route = checked(routeSchema);
/** A day: what is captured is not verified, so it is not left on. */
const MAX_MINUTES = 1_440;

/** Which one, in a command that is printed. */
const ofRoute = (given: string) => (given === WEBHOOK_ROUTE ? '' : ` --route ${given}`);

export function addCaptureCommands(): void {
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
    .action(async ({ route: given, minutes }: { route: string; minutes: number }) => {
      if (minutes < 1 || minutes > MAX_MINUTES) throw new Error(`--minutes is from 1 to ${MAX_MINUTES}.`);
      const { url } = await findInbound(process.env, stack());
      const { capture: captures, now } = await connected();
      const until = now() + minutes * 60_000;
      const token = await captures.start(given, until);
      const address = new URL(given, url);
      address.searchParams.set('token', token);
      say('Set this address at the sender. It is shown this once, and lets nothing in:\n');
      print(`  ${address}\n`);
      const channel = channelOf(given);
      const remark = channel && unknownChannel(channel.name, stack());
      // An address of no channel is answered 404, and nothing is kept there.
      if (remark !== undefined) tell(remark);
      say(
        `Until ${new Date(until).toISOString()} the first ${MAX_CAPTURED} deliveries there that nobody can verify are kept for ` +
          '30 days with all of their headers, and answered 202. Nothing is charged or relayed for them.\n' +
          `Then look: npm run relay -- capture show${ofRoute(given)}`,
      );
    });

  capture
    .command('stop')
    .description('ends it before its time')
    .option(...routeOption, route, WEBHOOK_ROUTE)
    .action(async ({ route: given }: { route: string }) => {
      const stopped = await (await connected()).capture.stop(given);
      say(
        stopped
          ? `Nothing is captured at ${given} any more. Set the sender to the address without ?token=.`
          : `Nothing was captured at ${given}.`,
      );
    });

  capture
    .command('list')
    .description('what is switched on, and what was captured in the last 30 days, the newest first')
    .action(async () => {
      const { capture: captures, quarantine, now } = await connected();
      for (const { route: on, until, kept } of await captures.list(now())) {
        say(`on until ${new Date(until).toISOString()}  ${on}  ${kept} of ${MAX_CAPTURED} captured`);
      }
      const deliveries = await quarantine.list(CAPTURED);
      for (const { id, receivedAt, route: at } of deliveries) {
        say(`${new Date(receivedAt).toISOString()}  ${at}  ${id}`);
      }
      say(`${deliveries.length} captured`);
    });

  capture
    .command('show')
    .description('one delivery, which verifier would have let it in, and the mapping it suggests')
    .argument('[id]', 'as the list names it; the newest one of the route unless given')
    .option(...routeOption, route, WEBHOOK_ROUTE)
    .option('--raw', 'with the values of headers that look secret')
    .option('--json', 'as a JSON object')
    .action(async (given: string | undefined, options: { route: string; raw?: boolean; json?: boolean }) => {
      const { quarantine } = await connected();
      const newest = (await quarantine.list(CAPTURED)).find((one) => one.route === options.route);
      const id = given ?? newest?.id;
      const kept = id === undefined ? undefined : await quarantine.show(id);
      if (id === undefined || kept?.reason !== CAPTURED) {
        throw new Error(
          given === undefined
            ? `Nothing was captured at ${options.route}: npm run relay -- capture start${ofRoute(options.route)}`
            : `Nothing captured is kept under ${given}: npm run relay -- capture list`,
        );
      }
      const { secrets } = await findInbound(process.env, stack());
      const report = { id, kept, secrets: secretsOf(kept.route, await secrets()), raw: options.raw ?? false };
      if (options.json) return sayJson(captureJson(report));
      say(captureText(report));
    });
}
