import { pointed } from '../pointer.ts';
import { type Kind, kindOf, linked, tagged, text as textAt, told } from './beside.ts';
import { readLink } from './reading.ts';
import { richText } from './rich.ts';

/** The parts of a message event in which somebody says something; each may be anything. */
export interface SlackWords {
  text: string;
  files?: unknown[] | null | undefined;
  attachments?: unknown[] | null | undefined;
  blocks?: unknown[] | null | undefined;
  root?: unknown;
}

/**
 * What a person can read of a message. Its text says what its blocks say, but for blocks that are more than formatted
 * text; attachments are messages that were shared, and previews of links that the text already holds.
 * https://docs.slack.dev/messaging/formatting-message-text, https://docs.slack.dev/reference/block-kit/blocks
 */
export function contentOf({ text, blocks, attachments, files, root }: SlackWords) {
  const own = readable(text).trim();
  const shown = (blocks ?? []).flatMap((block) => {
    const line = readable(richText(block));
    const isRepeated =
      own.includes(line) || (typeOf(block) === 'rich_text' && own !== '' && holdsLinksOf(own, line));
    return isRepeated ? [] : [line];
  });
  const shared = (attachments ?? []).flatMap((attachment) => sharedIn(attachment, own));
  const ofShared = (attachments ?? []).flatMap((attachment) => listAt(attachment, '/files'));
  const all = [...(files ?? []), ...ofShared];
  const links = all.map((file) => readLink(pointed(file, '/permalink')));
  const unseen = all.filter((_, index) => links[index] === undefined);
  const lines = [
    own,
    ...shown,
    ...shared,
    // Of a reply that was shown to the whole channel, what it answers. https://docs.slack.dev/reference/events/message/thread_broadcast
    ...told('quoted', readable(textAt(root, '/text'))),
    ...unseen.flatMap((file) => told(fileKind(file), file)),
  ];
  return {
    text: lines.filter((line) => line.trim() !== '').join('\n'),
    // These links open for anyone who may see the file in Slack. The other links need the app's token.
    attachments: links.filter((link) => link !== undefined),
  };
}

/** An app that writes for a person may give a plain text beside the blocks, which says less than they do. */
const holdsLinksOf = (own: string, line: string): boolean =>
  [...line.matchAll(/https?:\/\/[^\s()]+/g)].every(([address]) => own.includes(address));

/** By its media type; https://docs.slack.dev/reference/objects/file-object */
const fileKind = (file: unknown): Kind => kindOf(textAt(file, '/mimetype').split('/')[0] ?? '') ?? 'file';

const typeOf = (value: unknown) => pointed(value, '/type');

function listAt(value: unknown, at: string): unknown[] {
  const list = pointed(value, at);
  return Array.isArray(list) ? list : [];
}

/** A message that was shared, whose words stand in no other place; or whatever else is attached. */
function sharedIn(attachment: unknown, own: string): string[] {
  const address = textAt(attachment, '/from_url', '/original_url');
  const isMessage =
    pointed(attachment, '/is_share') === true || pointed(attachment, '/is_msg_unfurl') === true;
  // A preview says what Slack found at the address, not what the person wrote.
  if (!isMessage && address !== '' && own.includes(address)) return [];
  const author = textAt(attachment, '/author_name', '/author_subname');
  const said =
    textAt(attachment, '/text') === '' ? richText(attachment) : richText(withoutBlocks(attachment));
  const from = author === '' ? '' : `from ${author}:`;
  const kind = isMessage ? 'forwarded' : 'shared';
  return [tagged(kind, from, readable(said), own.includes(address) ? '' : address)];
}

/** Blocks repeat the text beside them. */
function withoutBlocks(attachment: unknown): unknown {
  return Object.fromEntries(
    Object.entries(Object(attachment)).filter(([name]) => name !== 'blocks' && name !== 'message_blocks'),
  );
}

/**
 * Slack's markup as a person reads it: `<@U1|jane>`, `<https://example.com|our page>`, `&amp;`.
 * https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
 */
function readable(text: string): string {
  const marked = text.replaceAll(/<([^<>|]*)(?:\|([^<>]*))?>/g, (_all, target: string, label?: string) =>
    markOf(target, label ?? ''),
  );
  return marked.replaceAll(/&(amp|lt|gt);/g, (_all, name: string) => ENTITIES[name] ?? '');
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>' };

function markOf(target: string, label: string): string {
  const sign = target.charAt(0);
  if (sign === '@' || sign === '#') return sign + (label || target.slice(1)).replace(/^[@#]/, '');
  if (sign !== '!') return linked(label, target.replace(/^(mailto|tel):/, ''));
  // A date may lead somewhere: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
  const [, address] = /^!date\^[^^]*\^[^^]*\^(.+)$/.exec(target) ?? [];
  return address === undefined ? label || `@${target.slice(1)}` : linked(label, address);
}
