import { readRuntime } from '../../local/state.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { describeError } from '../../shared/logger.ts';
import { digestOf } from '../../shared/settings/config-in-use.ts';
import { countDeadLetters } from '../dead-letters.ts';
import { OperateError } from '../error.ts';
import { countUnsentEvents, readQueueDepths } from '../queues.ts';
import { STRIPE_ROUTE, WEBHOOK_ROUTE } from '../routes.ts';
import { notStarted, stageOf } from '../target.ts';
import { APART_MS, aheadOfStorageMs } from '../time.ts';
import { type Found, fail, NotKnownError, ok, skipped, warn } from './finding.ts';
import { type Check, type Patient, secretsOf } from './patient.ts';

/** Is there a relay at all? */
async function relay(patient: Patient): Promise<Found> {
  const { stack } = patient.target;
  if (stack !== undefined) {
    const { Version } = await patient.readOutputs();
    return ok(`The stack ${stack} is there${Version === undefined ? '' : `, version ${Version}`}.`);
  }
  if (readRuntime(patient.target.env) === undefined) throw notStarted(patient.target.env);
  const origin = await patient.origin();
  const answer = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  return answer?.status === 200
    ? ok(`npm start listens on ${origin}.`)
    : fail(`Nothing answers at ${origin}/health.`, 'Run npm start, and leave it running.');
}

/** What AWS calls a right that is missing, in the services that are asked here. */
const DENIED = /AccessDenied|NotAuthorized|AuthorizationError|UnauthorizedOperation/;

interface Right {
  action: string;
  on: string;
  run: () => Promise<unknown>;
}

/** The reads that a person's commands make. Writes are not tried: they would change something. */
async function access(patient: Patient): Promise<Found> {
  const connection = await patient.connection();
  const rights: Right[] = [
    { action: 'dynamodb:GetItem', on: 'the table', run: () => connection.charging.paused() },
    { action: 'dynamodb:Query', on: 'its indexes', run: () => connection.ledger.due('person', 0) },
    {
      action: 'sqs:GetQueueAttributes',
      on: 'the four queues',
      run: async () => readQueueDepths(await connection.queues()),
    },
    ...(patient.target.stack === undefined
      ? []
      : [
          {
            action: 'secretsmanager:GetSecretValue',
            on: 'both secrets',
            run: async () => {
              const { InboundSecretId, OutboundSecretId } = await patient.outputs();
              return secretsOf(InboundSecretId, OutboundSecretId);
            },
          },
        ]),
  ];
  const faults = (await Promise.all(rights.map(faultOfRight))).filter((fault) => fault !== undefined);
  if (faults.length === 0)
    return ok(`All that commands read can be read: ${rights.map(({ on }) => on).join(', ')}.`);
  const denied = faults.some((fault) => fault.denied);
  return fail(
    `Not all can be read: ${faults.map(({ sentence }) => sentence.replace(/\.$/, '')).join('; ')}.`,
    denied
      ? 'Give your AWS user or role what docs/deploy.md lists, or sign in as another one (AWS_PROFILE).'
      : patient.target.stack === undefined
        ? 'Run npm start, and leave it running.'
        : 'Is AWS reachable from here, and is the stack whole? Deploy it anew if a part is gone.',
  );
}

async function faultOfRight({ action, on, run }: Right) {
  try {
    await run();
    return undefined;
  } catch (error) {
    const words = describeError(error);
    return DENIED.test(words)
      ? { denied: true, sentence: `you may not ${action} on ${on}` }
      : { denied: false, sentence: `${on}: ${error instanceof OperateError ? error.message : words}` };
  }
}

async function clock(patient: Patient): Promise<Found> {
  const connection = await patient.storage();
  const aheadMs = aheadOfStorageMs(connection);
  if (aheadMs === undefined) return skipped('The answers of the table carry no date.');
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(0);
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  return Math.abs(aheadMs) <= APART_MS
    ? ok(`This computer's clock and the table's are ${seconds} s apart.`)
    : fail(
        `This computer's clock is ${seconds} s ${side} the table's: answers and starts are refused.`,
        'Set the clock of this computer (let the network set it).',
      );
}

const webhook = (patient: Patient) => refusesUnsigned(patient, WEBHOOK_ROUTE, 'The platform');

/** Where Stripe takes the money. */
async function stripeWebhook(patient: Patient): Promise<Found | Found[]> {
  return patient.config().payment.type === 'stripe' ? refusesUnsigned(patient, STRIPE_ROUTE, 'Stripe') : [];
}

/** Nobody proved anything, so nothing may come of it. */
async function refusesUnsigned(patient: Patient, route: string, sender: string): Promise<Found> {
  const url = `${await patient.origin()}${route}`;
  let status: number;
  try {
    const { status: answered } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
      redirect: 'manual',
      signal: AbortSignal.timeout(8_000),
    });
    status = answered;
  } catch (error) {
    return fail(
      `${url} is not reached (${describeError(error)}).`,
      patient.target.stack === undefined
        ? 'Run npm start, and leave it running.'
        : `Is its host name right, and does this computer reach it? ${sender} must reach it, too.`,
    );
  }
  if (status === 401) return ok(`${url} answers, and refuses what is not signed.`);
  if (status < 300) {
    return fail(
      `${url} takes a webhook that nobody signed (${status}).`,
      'Somebody else answers there, or the verifiers let everybody in: npx relay pause --note "…", then look.',
    );
  }
  return fail(`${url} answers ${status} where 401 is agreed.`, WHAT_ANSWERS[status] ?? WHAT_FAILS);
}

const WHAT_FAILS =
  "Look into the function's log: a configuration or secret that cannot be read is told there in full.";
const WHAT_ANSWERS: Record<number, string> = {
  403: "AWS's own address may be switched off (domain.only): is the host name of yours set up?",
  404: 'Another program answers there, or the address has moved: deploy, or start, the relay anew.',
  429: 'It has too many requests now. Try again in a minute.',
};

async function charging(patient: Patient): Promise<Found> {
  const pause = await (await patient.storage()).charging.paused();
  if (pause === undefined) return ok('Charging is on.');
  const until =
    pause.until === undefined ? 'until somebody resumes' : `until ${new Date(pause.until).toISOString()}`;
  return warn(`Charging is paused ${until}: ${pause.reason}.`, 'Mend the cause, then: npx relay resume');
}

/** More are not counted: a page of the index. */
const COUNTED = 100;
const QUARANTINE_DAYS = 7;

async function quarantine(patient: Patient): Promise<Found> {
  const { quarantine: kept } = await patient.storage();
  const since = patient.now() - QUARANTINE_DAYS * 86_400_000;
  const reasons: string[] = [];
  for await (const { receivedAt, reason } of kept.list()) {
    if (receivedAt < since || reasons.length === COUNTED) break;
    reasons.push(reason);
  }
  const [newest] = reasons;
  if (newest === undefined)
    return ok(`No genuine webhook of the last ${QUARANTINE_DAYS} days was kept aside.`);
  const count = reasons.length === COUNTED ? `${COUNTED} or more` : String(reasons.length);
  return warn(
    `Not understood in the last ${QUARANTINE_DAYS} days: ${count} of the genuine webhooks and messages. The newest, because: ${newest}.`,
    'npx relay quarantine list. Mend the mapping, deploy, then: npx relay quarantine replay --all --route PATH',
  );
}

async function deadLetters(patient: Patient): Promise<Found> {
  const connection = await patient.connection();
  const counts = await countDeadLetters(connection).catch(() => {
    throw new NotKnownError('The queues do not answer.');
  });
  const parts = Object.entries(counts).flatMap(([queue, count]) =>
    count > 0 ? [`${count} of ${queue}`] : [],
  );
  return parts.length === 0
    ? ok('The dead-letter queues are empty.')
    : warn(`The dead-letter queues hold ${parts.join(', and ')}.`, 'npx relay deadletters list');
}

/** Whether what is deployed is what stands here. */
async function deployment(patient: Patient): Promise<Found> {
  const { stack } = patient.target;
  if (stack === undefined) return skipped('npm start is not deployed.');
  const { Version, ConfigDigest } = await patient.outputs();
  const again = `npm run deploy -- --stage ${stageOf(stack)}`;
  if (Version === undefined || ConfigDigest === undefined) {
    return warn('An earlier version of the relay is deployed, which does not say what it is.', again);
  }
  if (Version !== packageJson.version) {
    return warn(`Version ${Version} is deployed, and ${packageJson.version} stands here.`, again);
  }
  return ConfigDigest === digestOf(patient.config())
    ? ok(`Version ${Version} is deployed, with the configuration that stands here.`)
    : warn('Another configuration is deployed than stands here.', `${again}, or fetch the newer file.`);
}

/** What the other checks stand on. */
export const GROUND_CHECKS: Check[] = [
  { id: 'relay', run: relay },
  { id: 'access', run: access },
  { id: 'clock', run: clock },
  { id: 'deployment', run: deployment },
];

/** What your own systems were to hear, and did not. */
async function events(patient: Patient): Promise<Found> {
  if (patient.target.stack === undefined) return skipped('npm start keeps no event that was not taken.');
  const connection = await patient.connection();
  const { unread = 0, undelivered = 0 } = await connection
    .queues()
    .then(countUnsentEvents)
    .catch(() => {
      throw new NotKnownError('The queues do not answer.');
    });
  return unread + undelivered === 0
    ? ok('No event is left unsent.')
    : warn(
        `Events were not sent: ${unread} that could not be read, ${undelivered} that your address did not take.`,
        'RUNBOOK.md, recharge-events dead letters',
      );
}

/** Whether it works. */
export const WORK_CHECKS: Check[] = [
  { id: 'webhook', run: webhook },
  { id: 'stripe_webhook', run: stripeWebhook },
  { id: 'charging', run: charging },
  { id: 'quarantine', run: quarantine },
  { id: 'dead_letters', run: deadLetters },
  { id: 'events', run: events },
];
