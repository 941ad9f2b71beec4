import * as z from 'zod';
import { channelNameSchema, DIRECTIONS } from '../shared/channels/message.ts';
import { usable } from '../shared/incoming/verifiers.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';

export const WEBHOOK_ROUTE = '/webhooks/auto-recharge';
/** Where Stripe's events come. Nothing of them is kept aside: Stripe keeps them, and sends them again. */
export const STRIPE_ROUTE = '/webhooks/stripe';

/** An address at which the relay takes deliveries: `/webhooks/auto-recharge`, `/channels/support/incoming`. */
export const routeSchema = z
  .string()
  .refine(
    (route) => route === WEBHOOK_ROUTE || channelOf(route) !== undefined,
    `${WEBHOOK_ROUTE}, or /channels/NAME/${DIRECTIONS.join('|')}`,
  );

/** The channel and way of a route; undefined for the auto-recharge webhook. */
export function channelOf(
  route: string,
): { name: string; direction: (typeof DIRECTIONS)[number] } | undefined {
  const [, name, way] = /^\/channels\/([^/]+)\/([^/]+)$/.exec(route) ?? [];
  const direction = DIRECTIONS.find((one) => one === way);
  return direction && channelNameSchema.safeParse(name).success ? { name: name ?? '', direction } : undefined;
}

/** What senders to this route may hold: the current secret first. */
export function secretsOf(route: string, { webhook, channels }: InboundSecrets): string[] {
  const channel = channelOf(route);
  const secrets = channel ? channels[`${channel.name}/${channel.direction}`] : webhook;
  return usable(secrets ?? []);
}
