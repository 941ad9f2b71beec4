import packageJson from '../package.json' with { type: 'json' };
import { eventDataSchemas, webhooks } from './openapi/events.ts';
import { paths } from './openapi/operations.ts';
import { componentSchemas } from './openapi/schemas.ts';
import { securitySchemes } from './openapi/security.ts';

/** Our own endpoints in OpenAPI 3.1: the relay on AWS, and with `npm start`. */
export function openapiDocument() {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Recharge Relay',
      version: packageJson.version,
      description:
        'What the platform, chat systems and your own systems send to the relay, and its answers. Every answer is ' +
        'JSON, except where a chat system wants to hear otherwise; errors have the form ' +
        '`{"error":{"code":"…","message":"…"}}`. Each sender proves itself in one of the ways that are configured ' +
        'for its address, under names that are configuration, too; without any, nobody is let in.',
      license: { name: packageJson.license, identifier: packageJson.license },
    },
    servers: [
      {
        url: 'https://{host}',
        description: 'Where your relay is: `npm run deploy` prints it.',
        variables: { host: { default: 'relay.example.com' } },
      },
    ],
    tags: [
      { name: 'recharges', description: 'Webhook in, client charged once, credits granted once.' },
      {
        name: 'channels',
        description: 'Messages of external chat systems into the platform, and its replies back out.',
      },
      {
        name: 'events',
        description: 'What the relay posts to your own address, if you give it one: docs/events.md.',
      },
    ],
    paths,
    webhooks: webhooks(),
    components: { schemas: { ...componentSchemas(), ...eventDataSchemas() }, securitySchemes },
  };
}
