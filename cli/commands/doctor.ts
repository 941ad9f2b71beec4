import { examine, mustBeMended } from '../../operate/doctor/doctor.ts';
import type { HealthFinding, HealthState } from '../../operate/doctor/finding.ts';
import { printableLine } from '../../shared/printable.ts';
import { type Colour, isColoured, painted } from '../output.ts';
import { type Cli, examples } from '../program.ts';

export function addDoctorCommand({ program, target, io, say, sayJson, fail }: Cli): void {
  program
    .command('doctor')
    .description(
      'looks at all that the relay needs, and says what to mend; it changes nothing and charges nobody',
    )
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('doctor', 'doctor --stack recharge-relay-prod --json'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const findings: HealthFinding[] = [];
      for await (const finding of examine(target(), { now: io.now })) {
        findings.push(finding);
        if (!json) for (const line of findingLines(finding, isColoured(io.stdout, io.env))) say(line);
      }
      const mend = mustBeMended(findings);
      if (mend) fail();
      if (json) return sayJson({ ok: !mend, findings });
      say(`\n${closingLine(findings)}`);
    });
}

const WORDS: Record<HealthState, string> = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skipped: '-' };

const COLOURS: Record<HealthState, Colour> = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' };

function findingLines({ id, state, found, todo }: HealthFinding, coloured: boolean): string[] {
  const word = painted(coloured ? COLOURS[state] : undefined, WORDS[state].padEnd(6));
  const line = `${word}${id.padEnd(20)}${printableLine(found)}`;
  return todo === undefined ? [line] : [line, `${' '.repeat(26)}do: ${printableLine(todo)}`];
}

function closingLine(findings: HealthFinding[]): string {
  const count = (wanted: HealthState) => findings.filter(({ state }) => state === wanted).length;
  const parts = [
    [count('fail'), 'to mend'],
    [count('warn'), 'to know'],
    [count('skipped'), 'not looked at'],
  ].flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]));
  return [`${count('ok')} fine`, ...parts].join(', ');
}
