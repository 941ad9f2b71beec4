import { type StackResource, TABLE } from './stack-state.ts';

/**
 * What outlives a stack, as AWS bills it in us-east-1.
 * https://aws.amazon.com/dynamodb/pricing/on-demand/ · https://aws.amazon.com/secrets-manager/pricing/ ·
 * https://aws.amazon.com/cloudwatch/pricing/
 */
const KINDS: Record<string, { what: string; costs: string; remove: (physicalId: string) => string[] }> = {
  [TABLE]: {
    what: 'table, with every recharge',
    costs: '0.25 USD a GB a month, and 0.20 for its recovery to any second',
    remove: (name) => [
      `aws dynamodb update-table --table-name ${name} --no-deletion-protection-enabled`,
      `aws dynamodb delete-table --table-name ${name}`,
    ],
  },
  'AWS::SecretsManager::Secret': {
    what: 'secrets, with the keys in them',
    costs: '0.40 USD a month each',
    remove: (arn) => [`aws secretsmanager delete-secret --secret-id ${arn} --recovery-window-in-days 30`],
  },
  'AWS::Logs::LogGroup': {
    what: 'logs, whose lines go after a year',
    costs: '0.03 USD a GB a month',
    remove: (name) => [`aws logs delete-log-group --log-group-name ${name}`],
  },
};

/** How many there are of each kind, and what they cost. */
export function keptInWords(kept: StackResource[]): string {
  const byType = Map.groupBy(inOrder(kept), ({ type }) => type);
  const lines = [...byType].map(([type, { length }]) => {
    const { what, costs } = KINDS[type] ?? { what: type, costs: 'its price is in the list of AWS' };
    return `  ${length} ${what}: ${costs}`;
  });
  return lines.join('\n');
}

/** The commands that delete it for good, a line each. */
export const removalOf = (kept: StackResource[]): string =>
  inOrder(kept)
    .flatMap(({ type, physicalId = '' }) => KINDS[type]?.remove(physicalId) ?? [])
    .map((command) => `  ${command}`)
    .join('\n');

/** What matters most comes first. */
function inOrder(kept: StackResource[]): StackResource[] {
  const place = ({ type }: StackResource) => Object.keys(KINDS).indexOf(type);
  return kept.toSorted((one, other) => place(one) - place(other));
}
