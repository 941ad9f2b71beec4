import { linked, text, words } from './beside.ts';

/** What in a formatted text is on one line with what stands beside it. https://docs.slack.dev/reference/block-kit/blocks */
const INLINE = new Set(['rich_text_section', 'rich_text_preformatted', 'rich_text_quote']);

/** Members that hold text, in the order in which a reader meets them. */
const TEXTS = [
  'pretext',
  'label',
  'title',
  'summary',
  'text',
  'description',
  'value',
  'fields',
  'elements',
  'blocks',
  'items',
  'cells',
  'message_blocks',
  'message',
  'rows',
  'accessory',
  'caption',
  'credit',
  'expression',
];

/** What stands for those that cannot be shown. */
const INSTEAD = ['/fallback', '/alt_text', '/alternative_text'];

/** Members that hold an address. */
const ADDRESSES = ['/url', '/title_link', '/image_url', '/video_url', '/thumb_url', '/external_url'];

/** Deeper is nothing that a person wrote, and would end the stack. */
const MAX_DEPTH = 40;

/**
 * A formatted text as a person reads it: words in their order, a link's address behind it, a block on a line. It reads
 * Telegram's rich messages (https://core.telegram.org/bots/api#richmessage), Slack's blocks and attachments, and
 * whatever else is made of texts within texts.
 */
export function richText(value: unknown): string {
  const lines = plain(value, false, 0).split('\n');
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}

function plain(value: unknown, isInline: boolean, depth: number): string {
  if (depth > MAX_DEPTH) return '';
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return words(value);
  if (Array.isArray(value)) {
    return value
      .map((each) => plain(each, isInline, depth + 1))
      .filter((each) => isInline || each.trim() !== '')
      .join(isInline ? '' : '\n');
  }
  const isLine = isInline || INLINE.has(text(value, '/type'));
  const members = new Map(Object.entries(value));
  const said = TEXTS.filter((name) => members.has(name))
    .map((name) => plain(members.get(name), isLine || name === 'text', depth + 1))
    .filter((each) => each !== '');
  const address = text(value, ...ADDRESSES);
  const all = [...new Set(said)].join(isLine ? '' : '\n') || text(value, ...INSTEAD) || named(value);
  return address === '' ? all : linked(all, address);
}

/** People, places and emoji, which a text names by their ids. */
function named(value: object): string {
  const marks: [string, string][] = [
    ['@', text(value, '/user_id', '/usergroup_id', '/range')],
    ['#', text(value, '/channel_id')],
  ];
  const [mark] = marks.filter(([, name]) => name !== '').map(([sign, name]) => sign + name);
  const emoji = text(value, '/type') === 'emoji' ? text(value, '/name') : '';
  return mark ?? (emoji === '' ? '' : `:${emoji}:`);
}
