import { describe, expect, it } from 'vitest';
import { parseSend } from '../../../shared/channels/sending.ts';
import { fuzzed } from './adapters/support.ts';

const read = (payload: unknown) =>
  parseSend(Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload)));
const BODY = { id: 'order-1', fromId: 'customer-1', body: 'It has been shipped.' };

describe('a message of the agency’s own systems', () => {
  it('has the names of the platform’s own endpoint, and an id', () => {
    expect(read(BODY)).toEqual({
      kind: 'messages',
      messages: [
        { id: 'order-1', contact: 'customer-1', type: 'text', text: 'It has been shipped.', attachments: [] },
      ],
    });
    const more = { campaignId: 'c-1', firstName: 'Jane', lastName: ' Smith ', email: 'Jane@Example.com' };
    expect(read({ ...BODY, ...more })).toMatchObject({
      messages: [{ campaignId: 'c-1', firstName: 'Jane', lastName: 'Smith', email: 'jane@example.com' }],
    });
  });

  it('may be for any contact of the external system: a phone number is one among others', () => {
    expect(read({ ...BODY, fromId: '020 123 4567' })).toMatchObject({
      messages: [{ contact: '020 123 4567' }],
    });
  });

  it.each<[string, object, string]>([
    ['without an id', { id: undefined }, 'id must be text'],
    ['with a number for an id', { id: 1 }, 'id must be text'],
    ['with a line break in its id', { id: 'a\nb' }, 'id must be 1 to 255 printable characters'],
    ['with a blank body', { body: ' \n' }, 'body must not be blank'],
    ['with a blank name', { firstName: ' ' }, 'firstName must not be blank'],
    ['with an email that is none', { email: 'nobody' }, 'email is not an email address in plain ASCII'],
    [
      'with a field nobody knows',
      { text: 'x' },
      'only id, fromId, body, campaignId, firstName, lastName, email are known',
    ],
    [
      'with all faults at once',
      { id: '', fromId: null, body: 1 },
      'id must be 1 to 255 printable characters; fromId must be text; body must be text',
    ],
  ])('is refused, in a sentence without a value: %s', (_name, fields, fault) => {
    expect(read({ ...BODY, ...fields })).toEqual({ kind: 'fault', fault });
  });

  it('is refused where it is no JSON object', () => {
    expect(read([BODY])).toEqual({ kind: 'fault', fault: 'the body is not a JSON object in UTF-8' });
  });

  it('never makes the parser throw, nor a fault quote a value', () => {
    const results = fuzzed({ ...BODY, firstName: 'Jane', email: 'jane@example.com' }, 6).map(read);
    expect(results.filter(({ kind }) => kind === 'messages').length).toBeGreaterThan(15);
    for (const result of results) {
      if (result.kind === 'fault') expect(result.fault).toMatch(/^[\w ,;.-]{5,250}$/);
    }
  });
});
