import type { Command } from 'commander';
import { clientJson, readAccount } from '../../operate/accounts.ts';
import { type Invitation, inviteClient } from '../../operate/saved-means/invite.ts';
import {
  type LinkedClient,
  linkClient,
  linkClients,
  suspensionText,
} from '../../operate/saved-means/link.ts';
import { findStripe } from '../../operate/stripe.ts';
import { utcText } from '../../shared/ages.ts';
import { meansText } from '../../shared/payments/payment-method.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { clientText } from '../client-text.ts';
import { confirmChange, YES } from '../confirm.ts';
import type { Column } from '../output.ts';
import { type Cli, email, examples, text } from '../program.ts';

/** Where Stripe takes the money: what a client has saved there. */
export function addMeansCommands(cli: Cli, accounts: Command): void {
  addInvite(cli, accounts);
  addLink(cli, accounts);
  addLinkAll(cli, accounts);
}

const CUSTOMER = ['--customer <id>', "the client's customer at Stripe, cus_…", text] as const;

function addInvite(cli: Cli, accounts: Command): void {
  accounts
    .command('invite')
    .description('where Stripe takes the money: a link for the client, to save a card or bank account')
    .argument('<email>', 'the client', email)
    .option(...CUSTOMER)
    .option(...YES)
    .option('--json', 'print the link as a JSON object')
    .addHelpText(
      'after',
      `\nThe page is Stripe's. Nothing is charged there. It can be used once, for a day.\n${examples('accounts invite client@example.com')}`,
    )
    .action(async (address: string, { customer, yes, json }: Flags) => {
      const stripe = await findStripe(cli.target());
      await confirmChange(cli, { question: `Invite the client ${address}?`, yes });
      const wanted = customer === undefined ? {} : { customer };
      const invitation = await inviteClient(await cli.connected(), stripe, address, wanted);
      if (json) return cli.sayJson(invitationJson(invitation));
      cli.say(invitationText(invitation));
    });
}

interface Flags {
  customer?: string;
  yes?: boolean;
  json?: boolean;
}

const invitationJson = ({ customerWas, expiresAt, ...invitation }: Invitation) => ({
  ...invitation,
  customer_was: customerWas,
  expires_at: new Date(expiresAt).toISOString(),
});

const CUSTOMER_WAS: Record<Invitation['customerWas'], string> = {
  made: ', made now',
  found: ', found there by the email',
  kept: '',
};

const invitationText = ({ email: address, customer, customerWas, url, expiresAt }: Invitation) =>
  [
    `${address} is the customer ${customer} at Stripe${CUSTOMER_WAS[customerWas]}.`,
    `Send them this link. It can be used once, until ${utcText(expiresAt)}:`,
    `  ${url}`,
    `What they have saved is charged from then on: npx relay accounts show ${shellQuoted(address)}`,
  ].join('\n');

function addLink(cli: Cli, accounts: Command): void {
  accounts
    .command('link')
    .description('where Stripe takes the money: charges what a client has saved there already')
    .argument('<email>', 'the client', email)
    .option(...CUSTOMER)
    .option(
      '--payment-method <id>',
      "which of several; the customer's default, or their only one, unless given",
      text,
    )
    .option(...YES)
    .option('--json', 'print the client as a JSON object')
    .addHelpText(
      'after',
      examples(
        'accounts link client@example.com --customer cus_NffrFeUfNV2Hib',
        'accounts link client@example.com',
      ),
    )
    .action(async (address: string, { yes, json, ...wanted }: Flags & { paymentMethod?: string }) => {
      const stripe = await findStripe(cli.target());
      await confirmChange(cli, { question: `Link the client ${address}?`, yes });
      const connection = await cli.connected();
      const suspended = suspensionText(await linkClient(connection, stripe, address, wanted));
      const client = await readAccount(connection, address);
      if (json) return cli.sayJson(clientJson(client));
      cli.say(clientText(client));
      if (suspended !== undefined) cli.say(suspended);
    });
}

function addLinkAll(cli: Cli, accounts: Command): void {
  accounts
    .command('link-all')
    .description('the same for every client whose customer is known, and of whom no saved card is')
    .option(...YES)
    .option('--json', 'print what became of each as a JSON array')
    .addHelpText('after', examples('accounts link-all'))
    .action(async ({ yes, json }: { yes?: boolean; json?: boolean }) => {
      const stripe = await findStripe(cli.target());
      const question = 'Link every client who has saved a card at Stripe?';
      await confirmChange(cli, { question, yes, always: true });
      const all = await linkClients(await cli.connected(), stripe, (done, of) =>
        cli.tellProgress(`${done} of ${of} looked at`),
      );
      if (all.some(({ problem }) => problem !== undefined)) cli.fail();
      if (json)
        return cli.sayJson(
          all.map(({ paymentMethod: payment_method, ...one }) => ({ ...one, payment_method })),
        );
      if (all.length > 0) cli.sayTable(LINKED_COLUMNS, all);
      const linked = all.filter(({ problem }) => problem === undefined).length;
      cli.say(`${linked} linked, ${all.length - linked} not.`);
    });
}

const LINKED_COLUMNS: Column<LinkedClient>[] = [
  { title: 'client', value: ({ email: address }) => address },
  { title: 'pays with', value: ({ paymentMethod }) => paymentMethod && meansText(paymentMethod) },
  {
    title: 'not linked',
    value: ({ problem }) => problem?.split('\n')[0],
    colour: () => 'yellow',
    cut: true,
  },
];
