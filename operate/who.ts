import { hostname, userInfo } from 'node:os';
import type { Target } from './target.ts';

/** A row's note holds it behind what the person wrote, and takes 160 bytes in all. */
const LONGEST = 46;

/**
 * Who acts: written with each change. On AWS it is the caller's identity, which AWS vouches for: `jane@example.com/Admin`,
 * a session and its role, or the name of a user. Here it is the person as their machine calls them, `jane@desk`; on AWS,
 * too, where STS does not answer, because a pause must not wait for that.
 */
export async function whoActs({ stack }: Pick<Target, 'stack'>): Promise<string> {
  const caller = stack === undefined ? undefined : await callerArn().catch(() => undefined);
  return printableAscii(caller === undefined ? personHere() : callerName(caller)).slice(0, LONGEST);
}

function personHere(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run us under a number that has no name.
    return hostname();
  }
}

/** Names are cut by characters, and rows by bytes. */
const printableAscii = (name: string) => name.replaceAll(/[^\x20-\x7e]/g, '?');

/**
 * GetCallerIdentity, which takes no right at all:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
async function callerArn(): Promise<string | undefined> {
  // Loaded here, so that only who looks at a stack waits for it.
  const { createAwsPost } = await import('../shared/storage/aws-json.ts');
  const post = createAwsPost({ name: 'sts', variable: 'STS' });
  const { text } = await post(
    { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    'Action=GetCallerIdentity&Version=2011-06-15',
  );
  return /<Arn>([^<]+)<\/Arn>/.exec(text)?.[1];
}

/** What single sign-on calls the roles that it makes: the permission set, and a number of its own. */
const SIGN_ON_ROLE = /^AWSReservedSSO_(.+)_[0-9a-f]{16}$/;

/** `arn:aws:sts::123456789012:assumed-role/Admin/jane` → `jane/Admin`; `arn:aws:iam::123456789012:user/jane` → `jane`. */
export function callerName(arn: string): string {
  const [kind, ...parts] = arn.split(':').slice(5).join(':').split('/');
  const [role = '', session] = parts;
  if (kind !== 'assumed-role' || session === undefined) return parts.at(-1) ?? kind ?? arn;
  return `${session}/${SIGN_ON_ROLE.exec(role)?.[1] ?? role}`;
}
