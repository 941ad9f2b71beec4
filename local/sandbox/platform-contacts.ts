import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { FaultSwitch, FaultTable } from './faults.ts';
import { operationFaults, type PlatformApi, readBody } from './platform-api.ts';
import type { EventOf, PlatformEvent, RecordEvents } from './platform-events.ts';
import { type Answer, json, type Routes } from './server.ts';

export const listSchema = z.object({ id: z.string().min(1), name: z.string().min(1) });
type List = z.output<typeof listSchema>;

/** With the country code, as the API page demands; ITU E.164 ends at 15 digits. */
const PHONE = /^\+\d{7,15}$/;

const contactSchema = z
  .object({
    firstName: z.string().exactOptional(),
    lastName: z.string().exactOptional(),
    phone: z.string().regex(PHONE).exactOptional(),
    email: z.email().exactOptional(),
  })
  .refine(({ phone, email }) => phone !== undefined || email !== undefined, { path: ['phone or email'] });
const additionSchema = z.object({ contactId: z.string().min(1) });

interface Details {
  firstName?: string;
  lastName?: string;
  phone?: string;
  email?: string;
  /** The contact's id in an external system. */
  fromId?: string;
}

export interface Contact extends Details {
  id: string;
  createdAt: string;
}

export interface Contacts {
  all(): Contact[];
  lists(): (List & { contactIds: string[] })[];
  byFromId(fromId: string): Contact | undefined;
  find(id: string): Contact | undefined;
  /** By the phone number, if there is one. If several share an email, the oldest contact. */
  byPhoneOrEmail(details: { phone?: string; email?: string }): Contact | undefined;
  list(id: string): Set<string> | undefined;
  /** Changes what is known by what is in the books. An addition to an unlisted list changes nothing. */
  apply(event: PlatformEvent): void;
}

/** The contacts and lists as they are before anything in the books. */
export function createContacts(lists: List[]): Contacts {
  const contacts = new Map<string, Contact>();
  const byFromId = new Map<string, Contact>();
  const byPhone = new Map<string, Contact>();
  const byEmail = new Map<string, Contact>();
  const members = new Map(lists.map(({ id }) => [id, new Set<string>()]));
  return {
    all: () => [...contacts.values()],
    lists: () => lists.map((list) => ({ ...list, contactIds: [...(members.get(list.id) ?? [])] })),
    byFromId: (fromId) => byFromId.get(fromId),
    find: (id) => contacts.get(id),
    byPhoneOrEmail({ phone, email = '' }) {
      return phone === undefined ? byEmail.get(email) : byPhone.get(phone);
    },
    list: (id) => members.get(id),
    apply(event) {
      if (event.kind === 'list_addition') members.get(event.listId)?.add(event.contactId);
      if (event.kind !== 'contact') return;
      const { kind, at, email, ...details } = event;
      // The page's example has whole seconds.
      const createdAt = at.replace(/\.\d+Z$/, 'Z');
      const contact = { ...details, ...(email === '' ? {} : { email }), createdAt };
      contacts.set(contact.id, contact);
      if (contact.fromId !== undefined) byFromId.set(contact.fromId, contact);
      if (contact.phone !== undefined) byPhone.set(contact.phone, contact);
      if (email !== '' && !byEmail.has(email)) byEmail.set(email, contact);
    },
  };
}

export function newContact(at: string, { email = '', ...details }: Details): EventOf<'contact'> {
  const id = randomBytes(10).toString('hex');
  return { kind: 'contact', at, email, id, ...details };
}

const unknownContact = ({ refuse }: PlatformApi) =>
  refuse(404, 'CONTACT_NOT_FOUND', 'No contact has this phone number, email or id.');
const invalidPhone = ({ refuse }: PlatformApi) =>
  refuse(400, 'INVALID_PHONE', 'Phone number must include a valid country code.');

export const contactsFaults = (api: PlatformApi): FaultTable<never> =>
  operationFaults(api, unknownContact(api));

/** `POST` and `GET /v1/contacts`, `POST /v1/lists/{listId}/contacts`. */
export function contactRoutes(
  api: PlatformApi,
  contacts: Contacts,
  record: RecordEvents,
  faults: FaultSwitch,
): Routes {
  const table = contactsFaults(api);
  return {
    'POST /v1/contacts': api.operation('contacts', (request) => {
      const read = readBody(contactSchema, request, api);
      if (!read.ok) return read.fields.includes('phone') ? invalidPhone(api) : read.refusal;
      const { phone, email } = read.value;
      return faults.run('contacts', table, email ?? phone, () => {
        const existing = contacts.byPhoneOrEmail(read.value);
        if (existing) return json(200, view(existing));
        const event = newContact(new Date().toISOString(), read.value);
        record(event);
        return json(201, view(contacts.find(event.id)));
      });
    }),
    'GET /v1/contacts': api.operation('contacts', ({ query }) => {
      const phone = query.get('phoneNumber');
      const email = query.get('email');
      if (!phone && !email) return api.refuse(400, 'INVALID_REQUEST', 'A phoneNumber or an email is needed.');
      if (phone && !PHONE.test(phone)) return invalidPhone(api);
      return faults.run('contacts', table, email ?? phone ?? undefined, () => {
        const found = contacts.byPhoneOrEmail({ ...(phone ? { phone } : {}), ...(email ? { email } : {}) });
        return found ? json(200, view(found)) : unknownContact(api);
      });
    }),
    'POST /v1/lists/{listId}/contacts': api.operation('lists', (request) => {
      const read = readBody(additionSchema, request, api);
      if (!read.ok) return read.refusal;
      const work = () => addToList(request.param, read.value.contactId, api, contacts, record);
      return faults.run('lists', table, contacts.find(read.value.contactId)?.email, work);
    }),
  };
}

function addToList(
  listId: string,
  contactId: string,
  api: PlatformApi,
  contacts: Contacts,
  record: RecordEvents,
): Answer {
  const members = contacts.list(listId);
  if (!members) return api.refuse(404, 'LIST_NOT_FOUND', 'No list has this id.');
  const contact = contacts.find(contactId);
  if (!contact) return unknownContact(api);
  if (!members.has(contactId)) {
    const { email = '' } = contact;
    record({ kind: 'list_addition', at: new Date().toISOString(), email, listId, contactId });
  }
  return json(200, { success: true });
}

/** As the API page shows a contact. Members that were never given are left out. */
function view(contact: Contact | undefined) {
  if (!contact) throw new Error('Bug! A recorded contact is known');
  const { fromId, ...documented } = contact;
  return documented;
}
