import { judgeSignature, refused, type Signed, type Verdict } from './signature.ts';

/** Five minutes either way: what Standard Webhooks, Slack and Stripe allow for clocks and slow networks. */
export const DEFAULT_TOLERANCE_SECONDS = 300;

/** The standard's own names, and those under which Svix, where it comes from, sends the same. */
const STANDARD_PREFIXES = ['webhook-', 'svix-'];

/** https://www.standardwebhooks.com, as far as a sender may do it in its own way. */
interface StandardSettings {
  /** What the three names begin with, where a sender has renamed them. */
  headerPrefix?: string;
  toleranceSeconds?: number;
}

/** As one writes it under each of the names: the first one is the standard's. */
export const schemesOf = ({ headerPrefix, toleranceSeconds = DEFAULT_TOLERANCE_SECONDS }: StandardSettings) =>
  (headerPrefix === undefined ? STANDARD_PREFIXES : [headerPrefix]).map((prefix) => ({
    header: `${prefix}signature`,
    prefix: 'v1,',
    encoding: 'base64' as const,
    signs: '{id}.{timestamp}.{body}',
    idHeader: `${prefix}id`,
    timestampHeader: `${prefix}timestamp`,
    toleranceSeconds,
  }));

/** A whole set of headers under one prefix is enough, whatever stands under the other. */
export function judgeStandardWebhook(
  verifier: StandardSettings,
  evidence: Signed & { now: number; secrets: string[] },
): Verdict {
  const keys = evidence.secrets.flatMap((secret) => standardWebhooksKey(secret) ?? []);
  if (keys.length === 0) return refused('no secret is a Standard Webhooks secret (whsec_ and base64)');
  const verdicts = schemesOf(verifier).map((scheme) => ({
    isSent: evidence.headers[scheme.header] !== undefined,
    verdict: judgeSignature(scheme, evidence, keys),
  }));
  const told =
    verdicts.find(({ verdict }) => verdict.ok) ?? verdicts.find(({ isSent }) => isSent) ?? verdicts[0];
  return told?.verdict ?? refused('no header is looked at');
}

/**
 * The key that a secret of the Standard Webhooks stands for, undefined for what is none. Some dashboards show
 * it behind the version of the signatures: `v1,whsec_…`.
 */
export function standardWebhooksKey(secret: string): Buffer | undefined {
  const [, base64] = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(secret.replace(/^(v1,)?(whsec_)?/, '')) ?? [];
  // One character more than a multiple of four cannot be base64: a character was lost or added.
  return base64 === undefined || base64.length % 4 === 1 ? undefined : Buffer.from(base64, 'base64');
}
