import { kindOf } from '../shared/channels/adapters/beside.ts';
import { followed, pointed } from '../shared/channels/pointer.ts';
import { pointerSchema } from '../shared/channels/pointer-settings.ts';
import { toE164 } from '../shared/platform/phone.ts';
import {
  choose,
  type Delivery,
  isEmail,
  isId,
  isText,
  NOT_JSON,
  type Node,
  nodesOf,
  type Proposal,
  payloadOf,
} from './payload-nodes.ts';

interface ChannelFields {
  /** Of what holds no message, such as a receipt. */
  ignore?: { at: string; exists: true }[];
  /** What stands beside the text, by its kind. */
  beside?: Record<string, string>;
  thread?: string;
  id?: string;
  contact?: string;
  text?: string;
  attachments?: string;
  firstName?: string;
  lastName?: string;
  email?: string;
}

const isUrl = (value: unknown) => typeof value === 'string' && /^https?:\/\//.test(value);
const isUrls = (value: unknown) =>
  isUrl(value) || (Array.isArray(value) && value.length > 0 && value.every(isUrl));

const MESSAGE_FIELDS: Record<'id' | 'text' | 'attachments', [RegExp[], (value: unknown) => boolean]> = {
  id: [
    [/(message|msg)s?(sid|id|uuid|\.sid|\.id|\.uuid)$/, /(^|\.)(sid|eventid|deliveryid)$/, /^([a-z]+\.)?id$/],
    isId,
  ],
  text: [
    [/(^|\.)(text|body|messagebody|messagetext)$/, /(^|\.)(message|content)$/],
    (value) => typeof value === 'string' && value !== '',
  ],
  attachments: [[/(^|\.)(attachments?|media|mediaurls?|files?|images?)(\.url)?$/], isUrls],
};
const PERSON_FIELDS: Record<'firstName' | 'lastName' | 'email', [RegExp[], (value: unknown) => boolean]> = {
  firstName: [[/(firstname|givenname)$/], isText],
  lastName: [[/(lastname|familyname|surname)$/], isText],
  email: [[/email$/], isEmail],
};
const CONTACT_NAMES = {
  incoming: [
    /(contact|customer|visitor|sender)(id|\.id|\.identifier)$/,
    /(^|\.)from(id|\.id|number)?$/,
    /phone(number)?$/,
  ],
  outgoing: [
    /(contact|customer|visitor|recipient)(id|\.id|\.identifier)$/,
    /(^|\.)to(id|\.id|number)?$/,
    /phone(number)?$/,
  ],
};

const THREAD: [RegExp[], (value: unknown) => boolean] = [
  [/(thread|topic)(id|ts|\.id)$/, /(^|\.)rootid$/],
  isId,
];

/** What systems call a notice that tells of a message and is none. */
const RECEIPT = /(^|\.)(status(es)?|receipts?|deliver(y|ies)|reads?|acks?|typing)$/;

/**
 * Where a captured message seems to hold what, as JSON pointers. In a list the first element is looked at, because
 * a 0 in a pointer stands for each.
 *
 * @param direction the form is configured for these two only; `send` has a form of ours.
 */
export function proposeChannel(
  delivery: Delivery,
  direction: 'incoming' | 'outgoing',
): Proposal<ChannelFields> {
  const { payload: sent } = payloadOf(delivery);
  const [payload] = Array.isArray(sent) ? sent : [sent];
  if (typeof payload !== 'object' || payload === null) return NOT_JSON;
  const nodes = firstsOf(payload);
  const wanted = {
    ...MESSAGE_FIELDS,
    contact: [CONTACT_NAMES[direction], isId] as const,
    ...(direction === 'incoming' ? { ...PERSON_FIELDS, thread: THREAD } : {}),
  };
  const notes: string[] = [];
  const found: Record<string, string> = {};
  for (const [field, [patterns, accept]] of Object.entries(wanted)) {
    const { chosen, all } = choose(nodes, [...patterns], accept);
    if (chosen) found[field] = pointerOf(chosen);
    else if (all.length > 0) notes.push(`${field}: one of ${all.map(pointerOf).join(', ')}?`);
    else if (field === 'contact' || field === 'text') notes.push(`${field}: no field looks like it`);
  }
  const { contact } = found;
  if (contact !== undefined) {
    notes.push(
      `contact: make sure that ${contact} is the person outside, whose side a name like "from" or "to" does not say`,
    );
    const number = pointed(payload, contact);
    if (
      direction === 'incoming' &&
      /^[1-9]\d{6,14}$/.test(String(number)) &&
      'phone' in toE164(`+${number}`)
    ) {
      notes.push(
        `phone: where ${contact} is a phone number with its country code, {"written": "international"}`,
      );
    }
  }
  if (found.thread !== undefined)
    notes.push('thread: a delivery needs {{thread}} in its body to be answered there');
  const beside = direction === 'incoming' ? besideIn(nodes, Object.values(found)) : {};
  const receipt = nodes.find(
    ({ name, value }) => RECEIPT.test(name) && typeof value === 'object' && value !== null,
  );
  if (receipt && found.text === undefined) {
    notes.push(`ignore: where ${pointerOf(receipt)} is there, it seems to be no message`);
  }
  const fields = {
    ...found,
    ...(Object.keys(beside).length > 0 ? { beside } : {}),
    ...(receipt && found.text === undefined
      ? { ignore: [{ at: pointerOf(receipt), exists: true as const }] }
      : {}),
  };
  return { fields, notes };
}

/** The values of a message, its lists' first elements for each of them, under names without the numbers. */
function firstsOf(payload: object): Node[] {
  const isFirst = ({ path }: Node) =>
    path.every((part, index) => part === '0' || !Array.isArray(followed(payload, path.slice(0, index))));
  return nodesOf(payload)
    .filter((node) => pointerSchema.safeParse(pointerOf(node)).success && isFirst(node))
    .map((node) => ({ ...node, name: node.name.replaceAll(/\.0(?=\.)/g, '') }));
}

/** What of a message is neither text nor file, and has a word. */
function besideIn(nodes: Node[], taken: string[]): Record<string, string> {
  const told = nodes.flatMap(({ path, value }): [string, string][] => {
    const kind = kindOf(path.at(-1) ?? '');
    const pointer = pointerOf({ path });
    const isOther = typeof value === 'object' && value !== null && !isUrls(value);
    return kind && isOther && !taken.some((other) => other.startsWith(`${pointer}/`))
      ? [[kind, pointer]]
      : [];
  });
  // Of two with the same word, the shallow one counts.
  return Object.fromEntries(told.toReversed());
}

const pointerOf = ({ path }: Pick<Node, 'path'>) =>
  path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
