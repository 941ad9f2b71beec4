import { openChannels } from '../shared/channels/all-channels.ts';
import { parseDelivery } from '../shared/channels/parse-delivery.ts';
import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { signedIdHeaders } from '../shared/incoming/verifiers.ts';
import { readOrder } from '../shared/recharge/webhook.ts';
import type { Config } from '../shared/settings/config.ts';
import { ConfigError } from '../shared/settings/config-file.ts';
import { configInForce } from './config-in-force.ts';
import { OperateError } from './error.ts';
import { readableBody } from './find-verifiers.ts';
import { channelOf } from './routes.ts';
import type { Target } from './target.ts';

/** What the relay would read from a delivery by the configuration of now: the facts by their names, or why it would not. */
export type Reading = { facts: [string, string][] } | { fault: string };

/**
 * Reads a kept delivery by the same functions as the relay does, whoever sent it. Nothing is done with it. Where no
 * configuration is known here, or it has faults, that is the fault.
 */
export function readDelivery(target: Target, kept: QuarantinedWebhook): Reading {
  try {
    return readBy(configInForce(target), kept);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof OperateError) return { fault: error.message };
    throw error;
  }
}

function readBy(config: Config, kept: QuarantinedWebhook): Reading {
  const { route, headers, query = {} } = kept;
  const { body, isForm } = readableBody(kept);
  const way = channelOf(route);
  if (way === undefined) {
    const { keyHeader, verifiers } = config.recharge;
    const isSigned =
      keyHeader !== undefined && verifiers.some((one) => signedIdHeaders(one).includes(keyHeader));
    // The signature was checked when it came, and is made anew when it is sent again.
    const signed = isSigned ? { signedId: { header: keyHeader, value: headers[keyHeader] ?? '' } } : {};
    const read = readOrder(body, config.recharge, { headers, isForm, ...signed });
    if ('fault' in read) return read;
    const { key, client, credits } = read.order;
    return {
      facts: [
        ['key', key],
        ['client', client.email ?? `the one of the platform's id ${client.platformId}`],
        ['credits', String(credits)],
      ],
    };
  }
  const channel = openChannels(config.channels).get(way.name);
  if (channel === undefined) return { fault: `no channel is called ${way.name}` };
  const parsed = parseDelivery({ headers, query, body }, { ...way, channel }, 'an id that is drawn');
  switch (parsed.kind) {
    case 'messages': {
      const rest: [string, string][] = parsed.rest === undefined ? [] : [['not understood', parsed.rest]];
      const messages = parsed.messages.map(({ contact, text, type }): [string, string] => [
        `message of ${contact}`,
        text.trim() === '' ? type : text,
      ]);
      return { facts: [...messages, ...rest] };
    }
    case 'receipts':
      return { facts: [['receipts', parsed.receipts.map(({ stage }) => stage).join(', ')]] };
    case 'ignored':
      return { facts: [['nothing to relay', parsed.why]] };
    case 'reply':
      return { facts: [['answered at once', parsed.body]] };
    case 'fault':
      return parsed;
  }
}
