import { describe, expect, it } from 'vitest';
import { parseReply } from '../../../shared/channels/replies.ts';
import { channelSchema } from '../../../shared/channels/settings.ts';
import { fuzzed, OUR_ID } from './adapters/support.ts';

const MAPPED = { contact: '/to', text: '/message/text', id: '/messageId', attachments: '/message/files' };
const PAYLOAD = { messageId: 'p-1', to: 'visitor-1', message: { text: 'Hello' } };

function read(payload: unknown, outgoing: object = MAPPED) {
  const settings = channelSchema.parse({ adapter: 'telegram', toId: 'agency', outgoing });
  const body = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return parseReply(body, settings.outgoing, 'delivery-1');
}
const fault = (sentence: string) => ({ kind: 'fault', fault: sentence });

describe('a reply of the platform', () => {
  it('is read where the settings say', () => {
    const files = ['https://files.example.com/1'];
    expect(read({ ...PAYLOAD, message: { text: 'Hello', files } })).toEqual({
      kind: 'messages',
      messages: [{ id: 'p-1', contact: 'visitor-1', type: 'text', text: 'Hello', attachments: files }],
    });
  });

  it('is a message of its own, where it has no id, or where nobody said which field that is', () => {
    const { messageId: _, ...anonymous } = PAYLOAD;
    const { id: __, ...without } = MAPPED;
    for (const result of [read(anonymous), read(PAYLOAD, without)]) {
      expect(result).toMatchObject({ messages: [{ id: 'delivery-1', text: 'Hello' }] });
    }
  });

  it('is not understood until the settings say where contact and text stand', () => {
    expect(read(PAYLOAD, {})).toEqual(fault('outgoing.contact is not configured yet'));
    expect(read(PAYLOAD, { contact: '/to' })).toEqual(fault('outgoing.text is not configured yet'));
  });

  it('is ignored where it is not what is asked for, or has a mark', () => {
    const only = [
      { at: '/event', equals: 'reply' },
      { at: '/channel', equals: 'custom' },
    ];
    const outgoing = { ...MAPPED, only, ignore: [{ at: '/draft', equals: true }] };
    const asked = { ...PAYLOAD, event: 'reply', channel: 'custom' };
    expect(read(asked, outgoing).kind).toBe('messages');
    expect(read({ ...asked, channel: 'sms' }, outgoing)).toEqual({
      kind: 'ignored',
      why: 'it is not what outgoing.only asks for',
    });
    expect(read({ ...asked, draft: true }, outgoing)).toEqual({
      kind: 'ignored',
      why: 'it has a mark of outgoing.ignore',
    });
    // Also before the mapping is known.
    expect(read({}, { only }).kind).toBe('ignored');
  });

  it('is our own echo, where it is a message that we brought in', () => {
    const why = 'it is our own message coming back';
    expect(read({ ...PAYLOAD, messageId: OUR_ID })).toEqual({ kind: 'ignored', why });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'hello', 'the body is not a JSON object in UTF-8'],
    [
      'an id that is none',
      { ...PAYLOAD, messageId: {} },
      'the id (/messageId) is not 1 to 255 printable characters',
    ],
    ['a blank id', { ...PAYLOAD, messageId: '' }, 'the id (/messageId) is not 1 to 255 printable characters'],
    ['no contact', { ...PAYLOAD, to: null }, 'the contact (/to) is not 1 to 255 printable characters'],
    ['a text that is none', { ...PAYLOAD, message: { text: [] } }, 'the text (/message/text) is not text'],
    [
      'nothing to say',
      { ...PAYLOAD, message: {} },
      'the text (/message/text) is blank, and there is no attachment',
    ],
    [
      'attachments that are none',
      { ...PAYLOAD, message: { files: 'data:text/html,x' } },
      'the attachments (/message/files) are not web addresses, one or a list of them',
    ],
  ])('is not understood, in a sentence without a value: %s', (_name, payload, sentence) => {
    expect(read(payload)).toEqual(fault(sentence));
  });

  it('never makes the parser throw', () => {
    const kinds = new Set(
      fuzzed({ ...PAYLOAD, message: { text: 'x', files: ['https://a.example'] } }, 5).map(
        (body) => read(body).kind,
      ),
    );
    expect([...kinds].sort()).toEqual(['fault', 'ignored', 'messages']);
  });
});
