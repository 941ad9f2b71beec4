/** The names that AWS's services and its SDK have for credentials that are old, or no longer known. */
const EXPIRED =
  /^(ExpiredToken(Exception)?|RequestExpired|InvalidClientTokenId|UnrecognizedClientException)$/;

/**
 * What a person's shell lacks to speak to AWS, in one sentence.
 *
 * The SDK has a class for "no credentials" alone; the rest shows by names and messages.
 *
 * @param cause what a call of AWS's SDK has thrown.
 * @returns undefined where it is something else.
 */
export function awsFault(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { name, message } = cause;
  if (message === 'Region is missing') return 'No AWS region is set: set AWS_REGION, or one in your profile.';
  if (name === 'CredentialsProviderError')
    return `No AWS credentials (${message}): sign in, or set AWS_PROFILE.`;
  if (EXPIRED.test(name)) return `AWS no longer takes these credentials (${name}): sign in again.`;
  return undefined;
}
