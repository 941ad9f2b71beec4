import { readStoredSecrets } from '../../local/state.ts';
import { openChannels } from '../../shared/channels/all-channels.ts';
import type { Channel } from '../../shared/channels/channels.ts';
import type { Verifier } from '../../shared/incoming/verifier-settings.ts';
import { describeError } from '../../shared/logger.ts';
import type { InboundSecrets, OutboundSecrets } from '../../shared/settings/secrets.ts';
import { addressesOf } from '../channels.ts';
import { paymentTypeOf } from '../payment-type.ts';
import type { Values } from '../secret-entries.ts';
import { faultOf, remarkOf } from '../secret-faults.ts';
import { OWN_SECRETS, ownSecretsFor, type Secret, secretNamed } from '../secret-names.ts';
import { openSecrets, type UsedSecret } from '../secrets.ts';
import { listRelayStacks } from '../stack.ts';
import { isProduction } from '../target.ts';
import { type Found, fail, ok, skipped, warn } from './finding.ts';
import { type Check, type Patient, secretsOf } from './patient.ts';

type Both = { inbound: InboundSecrets; outbound: OutboundSecrets };
const valuesOf = (secret: Secret, { inbound, outbound }: Both) =>
  secret.of(secret.entry === 'inbound' ? inbound : outbound);

/** Set, and of a form that can work. */
async function secrets(patient: Patient): Promise<Found[]> {
  const both = await patient.secrets();
  const own = ownSecretsFor(paymentTypeOf(patient.target));
  const live = isProduction(patient.target.stack);
  const faults = own.flatMap((secret): Found[] => {
    const [current] = valuesOf(secret, both);
    const id = `secret:${secret.name}`;
    if (current === undefined) {
      return [
        { ...fail(`The secret ${secret.name} is not set.`, `npx relay secrets set ${secret.name}`), id },
      ];
    }
    // Of the webhook's, the verifiers have a check of their own.
    const fault = faultOf(secret, current, { verifiers: [], live });
    if (fault === undefined) return [];
    return [{ ...fail(`The secret ${secret.name} ${fault}.`, `npx relay secrets set ${secret.name}`), id }];
  });
  const names = own.map(({ name }) => name).join(', ');
  return faults.length > 0 ? faults : [ok(`${names} are set.`)];
}

async function verifiers(patient: Patient): Promise<Found> {
  const configured = patient.config().recharge.verifiers;
  if (configured.length === 0) {
    return fail(
      'No verifier is configured: every webhook is refused.',
      'Set recharge.verifiers. How the platform proves itself: npx relay capture start',
    );
  }
  const types = configured.map(({ type }) => type).join(', ');
  const webhook = secretNamed('webhook');
  const [current] = webhook ? valuesOf(webhook, await patient.secrets()) : [];
  if (!webhook || current === undefined)
    return ok(`Webhooks are let in by ${types}, once the secret is set.`);
  return judged(webhook, current, configured) ?? ok(`Webhooks are let in by ${types}.`);
}

function judged(secret: Secret, value: string, configured: Verifier[]): Found | undefined {
  const fault = faultOf(secret, value, { verifiers: configured, live: false });
  if (fault !== undefined)
    return fail(`The secret ${secret.name} ${fault}.`, `npx relay secrets set ${secret.name}`);
  const remark = remarkOf(secret, value, configured);
  return remark === undefined
    ? undefined
    : warn(`The secret ${secret.name}: ${remark}`, `npx relay secrets rotate ${secret.name}`);
}

/** After this time a sender that still has the former secret has been forgotten, mostly. */
const PREVIOUS_DAYS = 30;

async function previousSecrets(patient: Patient): Promise<Found[]> {
  await patient.secrets();
  const { secretUses } = await patient.storage();
  const opened = await openSecrets(patient.target);
  const listed = await opened.list(new Map(), async (name, id) => {
    const at = await secretUses.lastUsed(name, id);
    return at === undefined ? 'never_seen' : { at };
  });
  const old = listed.flatMap(({ name, held }) =>
    held.filter((one) => isOld(one, patient.now())).map((one) => ({ ...one, name })),
  );
  if (old.length === 0) return [ok(`No previous secret is older than ${PREVIOUS_DAYS} days.`)];
  return old.map(({ name, id, replacedAt, lastUse }) => {
    const since = replacedAt === undefined ? 'a time that is not known' : new Date(replacedAt).toISOString();
    const used =
      typeof lastUse === 'object'
        ? `, last used ${new Date(lastUse.at).toISOString()}`
        : ', and no use of it was seen';
    return {
      ...warn(
        `A previous value of ${name} (${id}) is accepted since ${since}${used}.`,
        `npx relay secrets drop ${name} --which ${id}`,
      ),
      id: `previous_secret:${name}`,
    };
  });
}

const isOld = ({ is, replacedAt }: UsedSecret, now: number) =>
  is === 'previous' && (replacedAt === undefined || replacedAt < now - PREVIOUS_DAYS * 86_400_000);

/** One relay's secret lets nobody into another, as long as no two have the same. */
async function sharedSecrets(patient: Patient): Promise<Found | Found[]> {
  const { stack, env } = patient.target;
  if (stack === undefined) return skipped('Those of npm start are compared when a stack is looked at.');
  const own = await patient.secrets();
  let others: [name: string, values: Both][];
  try {
    const stacks = (await listRelayStacks()).filter(({ name }) => name !== stack).slice(0, MOST_OTHERS);
    others = await Promise.all(
      stacks.map(async ({ name, InboundSecretId, OutboundSecretId }): Promise<[string, Both]> => {
        return [name, await secretsOf(InboundSecretId, OutboundSecretId)];
      }),
    );
  } catch (error) {
    return skipped(`Those of other stacks cannot be read from here (${describeError(error)}).`);
  }
  const here = readStoredSecrets(env)?.secrets;
  const shared = [
    ...others.map(([name, values]) => [name, sharedBy(own, values)] as const),
    ...(here ? [['npm start here', sharedBy(own, here)] as const] : []),
  ].filter(([, names]) => names.length > 0);
  const looked = [...others.map(([name]) => name), ...(here ? ['npm start here'] : [])];
  if (looked.length === 0) return ok('There is no other relay in this account and region, nor here.');
  if (shared.length === 0) return ok(`No secret is also one of ${looked.join(', ')}.`);
  return shared.map(([name, names]) =>
    warn(
      `${stack} and ${name} have the same ${names.join(', ')}: what is meant for one can charge or grant at the other.`,
      'Give one of them another: npx relay secrets set NAME, or rotate.',
    ),
  );
}

/** Each costs two requests. */
const MOST_OTHERS = 20;

function sharedBy(own: Both, other: { inbound: Values; outbound: Values }): string[] {
  return OWN_SECRETS.filter((secret) => {
    const theirs = new Set(secret.of(secret.entry === 'inbound' ? other.inbound : other.outbound));
    return valuesOf(secret, own).some((value) => theirs.has(value));
  }).map(({ name }) => name);
}

async function channels(patient: Patient): Promise<Found[]> {
  const all = [...openChannels(patient.config().channels)];
  if (all.length === 0) return [skipped('No channel is configured.')];
  const both = await patient.secrets();
  const origin = await patient.origin();
  return all.map(([name, channel]) => ({ ...ofChannel(name, channel, origin, both), id: `channel:${name}` }));
}

function ofChannel(name: string, channel: Channel, origin: string, { inbound, outbound }: Both): Found {
  const { settings } = channel;
  const addresses = addressesOf(name, channel, origin, inbound);
  const unset = [
    ...addresses
      .filter(({ hasVerifier, hasSecret }) => hasVerifier && !hasSecret)
      .map(({ direction }) => `${name}/${direction}`),
    ...(needsToken(channel) && secretNamed(`${name}/token`)?.of(outbound).length === 0
      ? [`${name}/token`]
      : []),
  ];
  if (unset.length > 0) {
    return fail(
      `The channel ${name} has no ${unset.join(', ')}.`,
      unset.map((secret) => `npx relay secrets set ${secret}`).join('; '),
    );
  }
  const closed = addresses.filter(({ direction, hasVerifier }) => direction !== 'send' && !hasVerifier);
  if (closed.length > 0) {
    const ways = closed.map(({ direction }) => direction).join(' and ');
    return warn(
      `The channel ${name} has no verifier for ${ways}: what comes there is refused.`,
      `Set ${closed.map(({ direction }) => `channels.${name}.${direction}.verifiers`).join(', ')}: docs/channels.md`,
    );
  }
  const { contact, text } = settings.outgoing;
  if (contact === undefined || text === undefined) {
    return warn(
      `Replies on the channel ${name} are kept in quarantine: nothing says where their contact and text stand.`,
      `Set channels.${name}.outgoing.contact and .text. What the platform sends: npx relay capture start --route /channels/${name}/outgoing`,
    );
  }
  const open = addresses.filter(({ hasVerifier }) => hasVerifier).map(({ direction }) => direction);
  return ok(
    `The channel ${name} (${settings.adapter}) is open for ${open.join(', ')}, and its secrets are set.`,
  );
}

const needsToken = ({ settings }: Channel) =>
  settings.adapter !== 'webhook' || JSON.stringify(settings.delivery).includes('{{token}}');

export const SECRET_CHECKS: Check[] = [
  { id: 'secrets', run: secrets },
  { id: 'verifiers', run: verifiers },
  { id: 'previous_secrets', run: previousSecrets },
  { id: 'shared_secrets', run: sharedSecrets },
  { id: 'channels', run: channels },
];
