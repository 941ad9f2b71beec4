import { checkConfig } from '../config-check.ts';
import { OperateError } from '../error.ts';
import { stageOf } from '../target.ts';
import { type Found, fail, ok, skipped, warn } from './finding.ts';
import type { Check, Patient } from './patient.ts';

/** Of many faults the first ones: the command that says all of them is named. */
const FAULTS_SHOWN = 3;

/** The file, as a deployment reads it. */
async function configuration({ target }: Patient): Promise<Found> {
  const { stack, env } = target;
  if (stack === undefined && env.RELAY_CONFIG === undefined) {
    return ok("npm start's own settings are in force: RELAY_CONFIG names no file.");
  }
  try {
    const { file, faults, lacks } = checkConfig(target);
    const told = faults
      .slice(0, FAULTS_SHOWN)
      .map(
        ({ line, setting, message }) =>
          `${line === undefined ? '' : `line ${line}: `}${setting || 'the file'} ${message}`,
      );
    const check = `npx relay config check ${file}`;
    if (told.length > 0) return fail(`${file} has ${faults.length} faults. ${told.join('; ')}.`, check);
    return stack === undefined || lacks.length === 0
      ? ok(`${file} has no faults.`)
      : fail(`${file} lacks ${lacks.join(', ')}.`, 'Add what is missing: docs/configuration.md');
  } catch (error) {
    if (!(error instanceof OperateError)) throw error;
    return skipped(
      `There is no relay.config.${stageOf(stack ?? '')}.json and no relay.config.json here: look where ${stack} is deployed from.`,
    );
  }
}

async function mode(patient: Patient): Promise<Found> {
  return patient.config().recharge.mode === 'live'
    ? ok('Clients are charged: recharge.mode is live.')
    : warn(
        'Nobody is charged, and nobody gets credits: recharge.mode is observe.',
        'When its recharges look right (npx relay recharges list), set recharge.mode to live, and deploy.',
      );
}

/** Whether a webhook of the platform can be understood at all. */
async function mapping(patient: Patient): Promise<Found> {
  const { credits, creditsField, keyHeader, keyFields } = patient.config().recharge;
  if (credits === undefined && creditsField === undefined) {
    return fail(
      'Nothing says how many credits a webhook asks for: genuine ones are kept in quarantine.',
      'Set recharge.creditsField, or recharge.credits. What the platform sends: npx relay capture start',
    );
  }
  const amount = credits === undefined ? `stand in ${creditsField}` : `are ${credits} each time`;
  return ok(`The key stands in ${keyHeader ?? keyFields[0]}, and the credits ${amount}.`);
}

async function clients(patient: Patient): Promise<Found> {
  if (patient.config().guard.unknownAccounts === 'allow') {
    return ok('Clients that nobody set up are charged, too: guard.unknownAccounts is allow.');
  }
  const emails = await (await patient.storage()).accounts.list();
  return emails.length > 0
    ? ok(`${emails.length} ${emails.length === 1 ? 'client is' : 'clients are'} set up.`)
    : warn(
        'No client is set up: every recharge ends blocked (account_unknown).',
        'Set your clients up: npx relay accounts add client@example.com',
      );
}

export const SETTINGS_CHECKS: Check[] = [
  { id: 'configuration', run: configuration },
  { id: 'mode', run: mode },
  { id: 'mapping', run: mapping },
  { id: 'clients', run: clients },
];
