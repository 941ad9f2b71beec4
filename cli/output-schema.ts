import * as z from 'zod';
import * as deeds from './output-schema/deeds.ts';
import * as reports from './output-schema/reports.ts';
import * as rows from './output-schema/rows.ts';

/** What `--json` prints, by name. Nothing is taken away or renamed without a new major version. */
const OUTPUTS = {
  failure: reports.failure,
  recharge: rows.recharge,
  books: reports.books,
  reconciliation: reports.reconciliation,
  message: rows.message,
  replayed_messages: deeds.replayedMessages,
  client: rows.client,
  client_import: deeds.clientImport,
  client_export: deeds.clientExport,
  invitation: deeds.invitation,
  linked_client: deeds.linkedClient,
  unlinked: deeds.unlinked,
  erasure: deeds.erasure,
  price: reports.price,
  why: reports.why,
  status: reports.status,
  charging: reports.charging,
  alert: rows.alert,
  doctor: reports.doctor,
  dead_letter: rows.deadLetter,
  replayed_dead_letters: deeds.replayedDeadLetters,
  kept_webhook: rows.keptWebhook,
  kept_webhook_whole: rows.keptWebhookWhole,
  replayed_webhook: deeds.replayedWebhook,
  replayed_webhooks: deeds.replayedWebhooks,
  webhook_answer: deeds.webhookAnswer,
  secret: reports.secret,
  changed_secrets: deeds.changedSecrets,
  dropped_secrets: deeds.droppedSecrets,
  channel: reports.channel,
  config_check: reports.configCheck,
  payments_test: reports.paymentsTest,
  capture: deeds.capture,
  stopped_capture: deeds.stoppedCapture,
  captures: deeds.captures,
  log_line: rows.logLine,
  relay_in_use: deeds.relayInUse,
};

type Name = keyof typeof OUTPUTS;
/** One output, or an array of it. */
type Print = Name | `${Name}[]`;

/** What each command prints: one of these. In place of all of them `failure`. */
export const PRINTS: Record<string, Print[]> = {
  'recharges list': ['recharge[]'],
  'recharges show': ['recharge'],
  'recharges resolve': ['recharge'],
  'recharges stop': ['recharge'],
  'recharges retry': ['recharge'],
  'recharges refund': ['recharge'],
  'recharges start': ['recharge'],
  'recharges export': ['books'],
  reconcile: ['reconciliation'],
  'messages list': ['message[]'],
  'messages show': ['message'],
  'messages replay': ['message'],
  'messages replay-all': ['replayed_messages'],
  'accounts list': ['client[]'],
  'accounts show': ['client'],
  'accounts add': ['client'],
  'accounts set': ['client'],
  'accounts suspend': ['client'],
  'accounts enable': ['client'],
  'accounts unlink': ['unlinked'],
  'accounts invite': ['invitation'],
  'accounts link': ['client'],
  'accounts link-all': ['linked_client[]'],
  'accounts import': ['client_import'],
  'accounts export': ['client_export'],
  'accounts erase': ['erasure'],
  erase: ['erasure'],
  price: ['price'],
  why: ['why'],
  status: ['status'],
  pause: ['charging'],
  resume: ['charging'],
  alerts: ['alert[]'],
  doctor: ['doctor'],
  'deadletters list': ['dead_letter[]'],
  'deadletters replay': ['replayed_dead_letters', 'dead_letter[]'],
  'quarantine list': ['kept_webhook[]'],
  'quarantine show': ['kept_webhook_whole'],
  'quarantine replay': ['replayed_webhook', 'replayed_webhooks'],
  'webhook send': ['webhook_answer'],
  'secrets init': ['changed_secrets'],
  'secrets list': ['secret[]'],
  'secrets set': ['changed_secrets'],
  'secrets rotate': ['changed_secrets'],
  'secrets drop': ['dropped_secrets'],
  'channels list': ['channel[]'],
  'channels test': ['message'],
  'config check': ['config_check'],
  'payments test': ['payments_test'],
  'capture start': ['capture'],
  'capture stop': ['stopped_capture'],
  'capture list': ['captures'],
  logs: ['log_line[]'],
  use: ['relay_in_use'],
};

const isNamed = (name: string): name is Name => Object.hasOwn(OUTPUTS, name);

/** What a command prints with `--json`, by the names of docs/cli.schema.json; none where that has no schema. */
export const printsOf = (command: string): Print[] => new Map(Object.entries(PRINTS)).get(command) ?? [];

/** The schema of what a command prints; undefined where it has none. */
export function schemaOf(command: string): z.ZodType | undefined {
  const [first, ...others] = printsOf(command).map((print) => {
    const name = print.replace('[]', '');
    if (!isNamed(name)) throw new Error(`There is no output ${name}.`);
    return print === name ? OUTPUTS[name] : z.array(OUTPUTS[name]);
  });
  return first && z.union([first, ...others, OUTPUTS.failure]);
}

/** docs/cli.schema.json. What stands within another is named there, too. */
export function outputSchemaDocument() {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(OUTPUTS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/$defs/${id}` });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What the commands of the relay print with --json',
    $defs: Object.fromEntries(
      Object.entries(schemas).map(([name, { $schema: _, $id: __, description, ...document }]) => [
        name,
        { description: [...printedBy(name), description ?? []].flat().join('; '), ...document },
      ]),
    ),
  };
}

function printedBy(name: string): string[] {
  const commands = (print: string) =>
    Object.entries(PRINTS).flatMap(([command, prints]) =>
      prints.some((one) => one === print) ? command : [],
    );
  const one = commands(name);
  const many = commands(`${name}[]`);
  return [
    ...(one.length === 0 ? [] : [one.join(', ')]),
    ...(many.length === 0 ? [] : [`an array of them: ${many.join(', ')}`]),
  ];
}
