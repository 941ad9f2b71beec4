import { type Command, Option } from 'commander';
import * as z from 'zod';
import { OperateError } from '../../operate/error.ts';
import { callPlatform, createPatience, findPlatform, readSubAccount } from '../../operate/platform.ts';
import type { NewContact, PlatformOperations } from '../../shared/platform/operations.ts';
import { toE164 } from '../../shared/platform/phone.ts';
import type { Contact, CustomChannelMessage, IncomingMessage } from '../../shared/platform/schemas.ts';
import { confirmChange, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, checked, examples, text } from '../program.ts';

/** As it was typed, because nobody knows whether the platform tells small letters from capitals. */
export const typedEmail = checked(
  z
    .string()
    .trim()
    .regex(/^[^\s@]+@[^\s@]+$/, 'not an email address'),
);

async function onPlatform<Result>(
  { target, io, tell }: Cli,
  call: (operations: PlatformOperations) => Promise<Result>,
): Promise<Result> {
  return callPlatform(await findPlatform(target()), createPatience(tell, io.sleep), call);
}

/** @throws an Error for a number that is none. */
export function e164(phone: string, country: string | undefined): string {
  const read = toE164(phone, country);
  if ('phone' in read) return read.phone;
  throw new UsageError(`--phone: ${read.fault}. Nothing was sent.`);
}

interface Who {
  phone?: string;
  email?: string;
  country?: string;
}
interface Print {
  json?: boolean;
}
interface Change extends Print {
  yes?: boolean;
}

const PHONE = [
  '--phone <number>',
  'with + and the country code, or without where --country is given',
] as const;
const COUNTRY = ['--country <code>', 'where a number without + is at home: two letters, such as NL'] as const;
const EMAIL = ['--email <email>', "the contact's email", typedEmail] as const;
const JSON_OPTION = ['--json', 'as a JSON object'] as const;

export function addPlatformCommands(cli: Cli): void {
  const platform = cli.program
    .command('platform')
    .description("the platform's own API, as the relay uses it: contacts, lists, messages, sub-accounts");
  addContactCommands(cli, platform);
  addMessageCommands(cli, platform);
  addSubAccountCommands(cli, platform);
}

function addContactCommands(cli: Cli, platform: Command): void {
  const { say, sayJson } = cli;
  const contacts = platform.command('contacts').description('people the platform can write to');

  contacts
    .command('create')
    .description('creates a contact, or returns the one who has the phone number')
    .option(...PHONE)
    .option(...EMAIL)
    .option('--first-name <name>', 'first name', text)
    .option('--last-name <name>', 'last name', text)
    .option(...COUNTRY)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('platform contacts create --email jane@example.com --first-name Jane'))
    .action(async ({ json, yes, phone, country, ...given }: Who & Change & NewContact) => {
      const wanted = { ...given, ...(phone === undefined ? {} : { phone: e164(phone, country) }) };
      await confirmChange(cli, { question: 'Create a contact on the platform?', yes });
      const { contact, existed } = await onPlatform(cli, (operations) => operations.createContact(wanted));
      if (json) return sayJson({ contact: contactJson(contact), existed });
      say(contactText(contact, existed ? ' (was there before)' : ''));
    });

  contacts
    .command('get')
    .description('looks a contact up, by one of the two')
    .option(...PHONE)
    .option(...EMAIL)
    .option(...COUNTRY)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('platform contacts get --email jane@example.com'))
    .action(async ({ json, phone, email = '', country }: Who & Print) => {
      if ((phone === undefined) === (email === ''))
        throw new UsageError('Give --phone or --email, and not both.');
      const by = phone === undefined ? { email } : { phoneNumber: e164(phone, country) };
      const contact = await onPlatform(cli, (operations) => operations.findContact(by));
      if (!contact) throw new OperateError('not_found', 'The platform knows no such contact.');
      if (json) return sayJson({ contact: contactJson(contact) });
      say(contactText(contact));
    });

  platform
    .command('lists')
    .description('lists of contacts')
    .command('add')
    .description('adds a contact to a list')
    .argument('<list-id>', 'the list, as the platform shows it under Contacts > Lists', text)
    .argument('<contact-id>', 'the contact, as contacts get shows it', text)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('platform lists add LIST_ID CONTACT_ID'))
    .action(async (listId: string, contactId: string, { json, yes }: Change) => {
      await confirmChange(cli, { question: 'Add the contact to the list?', yes });
      await onPlatform(cli, (operations) => operations.addToList(listId, contactId));
      if (json) return sayJson({ list_id: listId, contact_id: contactId });
      say('The contact is on the list.');
    });
}

function addMessageCommands(cli: Cli, platform: Command): void {
  const { say, sayJson } = cli;
  const messages = platform.command('messages').description('messages of custom channels');

  messages
    .command('send')
    .description('sends a message to a contact; one who is not known yet becomes a contact')
    .requiredOption('--from-id <id>', "the contact's id in the external system", text)
    .requiredOption('--channel <name>', 'the custom channel', text)
    .requiredOption('--body <text>', 'what to say', text)
    .option('--campaign-id <id>', 'the campaign it belongs to', text)
    .option('--first-name <name>', "the contact's first name", text)
    .option('--last-name <name>', "the contact's last name", text)
    .option(...EMAIL)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('platform messages send --from-id user-17 --channel support --body "Good morning"'),
    )
    .action(
      async ({
        json,
        yes,
        channel: customChannel,
        ...message
      }: Omit<CustomChannelMessage, 'customChannel'> & { channel: string } & Change) => {
        await confirmChange(cli, { question: 'Send a message to the contact?', yes });
        const sent = await onPlatform(cli, (operations) =>
          operations.sendMessage({ ...message, customChannel }),
        );
        if (json) return sayJson({ message_id: sent.messageId });
        say(`Sent.${named(sent)}`);
      },
    );

  messages
    .command('incoming')
    .description('hands over what a contact wrote; the same message id is taken once')
    .requiredOption('--message-sid <id>', 'the id of the message in the external system', text)
    .requiredOption('--from-id <id>', "the contact's id in the external system", text)
    .requiredOption('--to-id <id>', "the business's id", text)
    .requiredOption('--body <text>', 'what was said', text)
    .option('--label <label>', 'where it came from, such as livechat', text)
    .addOption(new Option('--type <type>', 'what it is').choices(['text', 'reaction']).default('text'))
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('platform messages incoming --message-sid m-1 --from-id user-17 --to-id us --body Hello'),
    )
    .action(
      async ({
        json,
        yes,
        label,
        type: messageType,
        ...message
      }: IncomingMessage & { label?: string; type: 'text' | 'reaction' } & Change) => {
        await confirmChange(cli, { question: 'Hand the message over to the platform?', yes });
        const channel = label === undefined ? {} : { channel: label };
        const taken = await onPlatform(cli, (operations) =>
          operations.receiveMessage({ ...message, ...channel, messageType }),
        );
        if (json) return sayJson({ message_id: taken.messageId });
        say(`Handed over.${named(taken)}`);
      },
    );
}

function addSubAccountCommands({ target, io, say, sayJson, tell }: Cli, platform: Command): void {
  platform
    .command('subaccounts')
    .description("the agency's clients, as the platform knows them")
    .command('get')
    .description('looks a sub-account up')
    .argument('<email>', 'its email, as the platform spells it', typedEmail)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('platform subaccounts get client@example.com'))
    .action(async (email: string, { json }: Print) => {
      const { balance, platformId } = await readSubAccount(
        await findPlatform(target()),
        createPatience(tell, io.sleep),
        email,
      );
      if (json) return sayJson({ balance, platform_id: platformId });
      say(
        listed('Sub-account', [
          ['balance', balance === undefined ? 'not told' : `${balance} credits`],
          ['platform id', platformId],
        ]),
      );
    });
}

const named = ({ messageId }: { messageId?: string }) =>
  messageId === undefined ? '' : ` The platform calls it ${messageId}.`;

const contactJson = ({ firstName, lastName, createdAt, ...contact }: Contact) => ({
  ...contact,
  first_name: firstName,
  last_name: lastName,
  created_at: createdAt,
});

function contactText({ id, firstName, lastName, phone, email, createdAt }: Contact, note = ''): string {
  return listed(`Contact ${id}${note}`, [
    ['name', [firstName, lastName].filter((name) => name !== undefined).join(' ') || undefined],
    ['phone', phone],
    ['email', email],
    ['created', createdAt],
  ]);
}

function listed(title: string, facts: [string, string | undefined][]): string {
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${name.padEnd(13)}${value}`],
  );
  return [title, ...lines].join('\n');
}
