import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { OperateError } from './error.ts';

/** Of DynamoDB, for the partition key. Source: its developer guide, "Quotas". */
const LONGEST_KEY_BYTES = 2_048;
/** Enough to know what was typed. */
const SHOWN = 40;

/**
 * What a person types may be longer than any key. DynamoDB refuses it in words of its own, of hash keys and limits.
 *
 * @returns the same client, which says instead that there is no such thing: an OperateError, `not_found`.
 */
export function withoutLongKeys(client: DynamoDBDocumentClient): DynamoDBDocumentClient {
  client.middlewareStack.add(
    (next) => async (args) => {
      const pk = keyIn(args.input);
      const bytes = Buffer.byteLength(pk);
      if (bytes > LONGEST_KEY_BYTES) throw noSuchThing(pk.slice(pk.indexOf('#') + 1), bytes);
      return next(args);
    },
    { step: 'initialize', name: 'withoutLongKeys', override: true },
  );
  return client;
}

function keyIn(input: object): string {
  const key = 'Key' in input ? input.Key : undefined;
  const pk = typeof key === 'object' && key !== null && 'pk' in key ? key.pk : undefined;
  return typeof pk === 'string' ? pk : '';
}

const noSuchThing = (typed: string, bytes: number) =>
  new OperateError(
    'not_found',
    `There is nothing under "${[...typed].slice(0, SHOWN).join('')}…": that has ${bytes} bytes, and no key has more ` +
      'than 2,048. Look whether something else was pasted.',
  );
