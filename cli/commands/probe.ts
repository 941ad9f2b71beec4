import { OperateError } from '../../operate/error.ts';
import { findPlatform } from '../../operate/platform.ts';
import { openConfigFile } from '../../operate/probe/file.ts';
import { findingLine } from '../../operate/probe/finding.ts';
import { type ProbeReport, probe } from '../../operate/probe/probe.ts';
import { isTyped, nameRelay } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, examples, text, wholeNumber } from '../program.ts';
import { e164, typedEmail } from './platform.ts';

interface ProbeFlags {
  baseUrl?: string;
  email?: string;
  phone?: string;
  write?: string;
  readsOnly?: boolean;
  grantOneCredit?: string;
  yes?: boolean;
  wait: number;
  json?: boolean;
}

export function addProbeCommand(cli: Cli): void {
  cli.program
    .command('probe')
    .description('asks the live platform what the section "platform" of your configuration should say')
    .option('--base-url <url>', 'the address of its API, with the version; else as configured', text)
    .option(
      '--email <email>',
      'of a sub-account that is there: is it found, and in other letters too',
      typedEmail,
    )
    .option('--phone <number>', 'of a contact, with + and the country code: is it found')
    .option(
      '--write <file>',
      'writes the section into this configuration, and leaves the rest as it is',
      text,
    )
    .option('--reads-only', 'leaves out the empty requests to addresses that write, so learns less')
    .option(
      '--grant-one-credit <email>',
      'grants ONE credit, once, to this sub-account, and looks for it in the usage export',
      typedEmail,
    )
    .option('--yes', 'with --grant-one-credit: does not ask you to type the email again')
    .option('--wait <seconds>', 'how long to look for that grant', wholeNumber, 120)
    .option('--json', 'as a JSON object')
    .addHelpText(
      'after',
      examples(
        'probe --email client@example.com --write relay.config.json',
        'probe --grant-one-credit test@example.com',
      ),
    )
    .action((flags: ProbeFlags) => runProbe(cli, flags));
}

async function runProbe(cli: Cli, { json = false, write, ...flags }: ProbeFlags): Promise<void> {
  const { target, io, say, sayJson, tell, fail } = cli;
  const { readsOnly = false, grantOneCredit, wait } = flags;
  // The sub-account that is to get a credit exists, too.
  const email = flags.email ?? grantOneCredit;
  const phone = flags.phone === undefined ? undefined : e164(flags.phone, undefined);
  if (readsOnly && grantOneCredit !== undefined) {
    throw new UsageError('--reads-only and --grant-one-credit exclude each other.');
  }
  const file = write === undefined ? undefined : openConfigFile(write);
  // What the file says already counts, because it is the file in which a word changes here and there.
  const platform = await findPlatform(target(), {
    baseUrl: flags.baseUrl,
    section: file?.section,
  });
  if (grantOneCredit !== undefined) nameRelay(cli);
  if (grantOneCredit !== undefined && !flags.yes) await confirmGrant(cli, grantOneCredit);

  const report = await probe({
    ...platform,
    readsOnly,
    ...(email === undefined ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
    ...(grantOneCredit === undefined ? {} : { grant: { email: grantOneCredit, waitMs: wait * 1000 } }),
    tell: (finding) => {
      if (!json) say(findingLine(finding));
    },
    tellWait: tell,
    now: io.now,
    sleep: io.sleep,
  });
  const usable = report.reached && report.keyWorks;
  const changes = usable ? file?.write(report.section) : undefined;
  if (!usable) fail();
  if (json) return sayJson(probeJson(report, changes));
  say(`\n${closingText(report, write, changes)}`);
}

/** @throws an Error if the email that is typed is another one, or none; nothing was sent then. */
async function confirmGrant(cli: Cli, email: string): Promise<void> {
  const question = 'This grants one credit, for good, to the sub-account you named. Type its email again:';
  if (!(await isTyped(cli, email, question)))
    throw new OperateError('refused', 'That is another email. Nothing was sent.');
}

/** @param changes undefined if nothing was to be written, or there is nothing to write. */
function closingText(
  { reached, keyWorks, section }: ProbeReport,
  write: string | undefined,
  changes: string[] | undefined,
): string {
  const nothing = write === undefined ? '' : ` Nothing was written to ${write}.`;
  if (!reached) return `The platform's API could not be reached.${nothing}`;
  if (!keyWorks) return `The key opened no address: is it the right one, and an agency's?${nothing}`;
  if (changes === undefined) {
    return `The section "platform" of your configuration (--write FILE puts it there):\n${JSON.stringify({ platform: section }, null, 2)}`;
  }
  if (changes.length === 0) return `${write} says all this already.`;
  return [`Written to ${write}:`, ...changes.map((change) => `  ${change}`)].join('\n');
}

/** For programs. The section is written as in a configuration. */
const probeJson = ({ keyWorks, ...report }: ProbeReport, changes: string[] | undefined) => ({
  ...report,
  key_works: keyWorks,
  changes,
});
