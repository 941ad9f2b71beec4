import { expect, it } from 'vitest';
import { outcomeOf } from '../../../shared/platform/outcome.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';

const profile = platformProfileSchema.parse({ baseUrl: 'https://api.example.com/v1' });

/** The documented error is the platform's own, and `{"error": …}` is what it has been seen to send. */
it.each<[string, unknown, string]>([
  ['the documented error', { error: { code: 'INVALID', message: 'No such amount' } }, 'refused'],
  ['a part of it', { error: { message: 'No such amount' } }, 'refused'],
  ['an error as a text', { error: 'Invalid request' }, 'refused'],
  ['a message, which gateways and frameworks send', { message: 'Bad Request' }, 'unknown'],
  ['nothing that is known', { detail: 'Bad Request' }, 'unknown'],
])('a refusal in the form of %s', (_, body, kind) => {
  for (const status of [400, 422]) {
    const answer = { kind: 'response', status, headers: {}, body: JSON.stringify(body) } as const;
    expect(outcomeOf({ answer, detail: '' }, profile)).toEqual({ kind });
  }
});
