import { readFileSync } from 'node:fs';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { openapiDocument } from '../../../infra/openapi.ts';
import { startGateway } from '../../../local/gateway.ts';
import { MESSAGE_STATUSES } from '../../../shared/channels/message.ts';
import { channelSchema } from '../../../shared/channels/settings.ts';
import { PHASES } from '../../../shared/recharge/recharge.ts';
import {
  type Answer,
  CHANNELS,
  chat,
  check,
  document,
  INCOMING,
  isA,
  message,
  NOBODY,
  OUTGOING,
  order,
  PROOFS,
  RECHARGE,
  reply,
  SEND,
  useHandlers,
  withUnset,
} from './asking.ts';

const packageJson = JSON.parse(readFileSync('package.json', 'utf8'));

/** What an answer may be, in one line each: status, content type, and which of the document's objects. */
function documentedAnswers(path: string): string[] {
  const responses = Object.entries<any>(document.paths[path].post.responses);
  return responses.flatMap(([status, { content }]) =>
    Object.entries<any>(content).flatMap(([type, { schema }]) =>
      (schema.anyOf ?? [schema]).map((branch: any) => `${status} ${type} ${nameOf(branch)}`),
    ),
  );
}

function nameOf({ $ref, type, properties }: any): string {
  const name = $ref?.split('/').at(-1) ?? type;
  return name === 'Error' ? properties.error.properties.code.const : name;
}

const { store, ask, askAs, captured, withoutTable, twice } = useHandlers();

const tooLargeFor = (path: string) => 'x'.repeat(path.startsWith('/channels/') ? 262_145 : 65_537);

/** As the gateway of `npm start` answers, which speaks like the one on AWS, before or behind a handler. */
async function throughGateway(path: string, body: string): Promise<Answer> {
  const throws = async () => Promise.reject(new Error('ended'));
  const routes = { 'POST /webhooks/auto-recharge': throws, 'POST /channels/{channel}/{direction}': throws };
  const gateway = await startGateway({ port: 0, routes });
  try {
    const url = gateway.url + path.replace('{channel}', 'webhook');
    const response = await fetch(url, { method: 'POST', body });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: await response.json(),
    };
  } finally {
    await gateway.close();
  }
}

type Case = [answer: string, when: string, make: () => Promise<Answer>];

/** What every way of every endpoint may end in. */
const failuresOf = (path: string, body: unknown): Case[] => [
  [
    '202 application/json Captured',
    'nobody can verify it, at the address of a capture',
    () => captured(path),
  ],
  ['401 application/json UNAUTHORIZED', 'it is not verified', () => ask(path, body, NOBODY)],
  ['413 application/json TOO_LARGE', 'it is a byte too large', () => ask(path, tooLargeFor(path))],
  [
    '413 application/json GatewayError',
    'it is too large for the gateway',
    () => throughGateway(path, 'x'.repeat(10 * 1024 * 1024 + 1)),
  ],
  ['500 application/json NOT_STORED', 'the table is gone', () => withoutTable(path, body)],
  [
    '500 application/json GatewayError',
    'a function ends without an answer',
    () => throughGateway(path, '{}'),
  ],
];

const unknownChannel = (path: string): Case => [
  '404 application/json UNKNOWN_CHANNEL',
  'no channel has this name',
  () => ask(path, '{}', { channel: 'nobody' }),
];

const CASES: Record<string, Case[]> = {
  [RECHARGE]: [
    ['202 application/json RechargeReceived', 'its key is new', () => ask(RECHARGE, order())],
    ['200 application/json RechargeKnown', 'its key is known', () => twice(RECHARGE, order())],
    [
      '400 application/json NOT_UNDERSTOOD',
      'it has no key',
      () => ask(RECHARGE, order(withUnset('idempotency_key'))),
    ],
    [
      '409 application/json KEY_REUSED',
      'its key is of another number of credits',
      () => twice(RECHARGE, order(), order({ credits: 1 })),
    ],
    ...failuresOf(RECHARGE, order()),
  ],
  [INCOMING]: [
    ['200 text/plain string', 'Telegram tells of a message', () => askAs('telegram')],
    ['200 text/plain string', 'Chatwoot tells of a message', () => askAs('chatwoot')],
    ['200 text/plain string', 'GoHighLevel tells of a message', () => askAs('gohighlevel')],
    ['200 text/plain string', 'Slack tells of a message', () => askAs('slack')],
    ['200 text/xml string', 'Twilio tells of a message', () => askAs('twilio')],
    ['200 application/json MessageNamed', 'respond.io tells of a message', () => askAs('respondio')],
    [
      '200 application/json MessageNamed',
      'respond.io tells of nothing that is relayed',
      () => askAs('respondio', { type: 'message_status' }),
    ],
    [
      '200 text/plain string',
      'Slack wants its challenge back',
      () => askAs('slack', { type: 'url_verification', challenge: 'abc' }),
    ],
    [
      '200 text/plain string',
      'Slack tells of nothing that is relayed',
      () => askAs('slack', { type: 'other' }),
    ],
    ['200 text/plain string', 'Slack is not understood', () => askAs('slack', '[]')],
    [
      '202 application/json MessageReceived',
      'any other system tells of a message',
      () => ask(INCOMING, chat()),
    ],
    ['202 application/json MessageReceived', 'it does so again', () => twice(INCOMING, chat())],
    [
      '202 application/json MessageReceived',
      'it gives an id to another message',
      () => twice(INCOMING, chat(), chat({ sender: { phone: '+15550000000' } })),
    ],
    [
      '202 application/json MessageReceived',
      'it is not understood',
      () => ask(INCOMING, chat({ message: 1 })),
    ],
    unknownChannel(INCOMING),
    ...failuresOf(INCOMING, chat()),
  ],
  [OUTGOING]: [
    ['202 application/json Message', 'its id is new', () => ask(OUTGOING, reply())],
    ['202 application/json Message', 'it has no id', () => twice(OUTGOING, reply(withUnset('messageId')))],
    ['200 application/json Message', 'its id is known', () => twice(OUTGOING, reply())],
    [
      '200 application/json Ignored',
      'it is our own message coming back',
      () => ask(OUTGOING, reply({ messageId: 'rrm-0123456789abcdef01234567' })),
    ],
    [
      '400 application/json NOT_UNDERSTOOD',
      'its fields are not configured',
      () => ask(OUTGOING, reply(), { channel: 'unmapped' }),
    ],
    [
      '409 application/json KEY_REUSED',
      'its id is of another message',
      () => twice(OUTGOING, reply(), reply({ body: 'Goodbye' })),
    ],
    unknownChannel(OUTGOING),
    ...failuresOf(OUTGOING, reply()),
  ],
  [SEND]: [
    ['202 application/json Message', 'its id is new', () => ask(SEND, message())],
    ['200 application/json Message', 'its id is known', () => twice(SEND, message())],
    ['400 application/json NOT_UNDERSTOOD', 'it is blank', () => ask(SEND, message({ body: ' ' }))],
    [
      '409 application/json KEY_REUSED',
      'its id is of another message',
      () => twice(SEND, message(), message({ body: 'Goodbye' })),
    ],
    unknownChannel(SEND),
    ...failuresOf(SEND, message()),
  ],
};

/** Status, content type and object, where the document has all of it for this address. */
function documented(path: string, { status, type, body }: Answer): string {
  const place = ['paths', path, 'post', 'responses', String(status), 'content', String(type), 'schema'];
  expect(check(place, body)).toEqual([]);
  if (Number(status) >= 400) expect(examplesAt(place.slice(0, -1))).toContainEqual(body);
  const error = z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code;
  const found = documentedAnswers(path)
    .filter((line) => line.startsWith(`${status} ${type} `))
    .map((line) => line.slice(`${status} ${type} `.length))
    .filter((name) =>
      name === 'string' ? typeof body === 'string' : name === error || isAnObject(name, body),
    );
  expect(found).toHaveLength(1);
  return `${status} ${type} ${found[0]}`;
}

const examplesAt = (place: string[]): unknown[] => {
  const { examples } = place.reduce<any>((value, name) => value[name], document);
  return Object.values<any>(examples).map(({ value }) => value);
};
const isAnObject = (name: string, body: unknown) => name in document.components.schemas && isA(name, body);

describe.each(Object.entries(CASES))('the answers of %s', (path, cases) => {
  it.each(cases)('are %s where %s', async (expected, _when, make) => {
    expect(documented(path, await make())).toBe(expected);
  });

  it('are all that the document has, but for those that the gateway alone may give', () => {
    const given = new Set(cases.map(([answer]) => answer));
    expect(documentedAnswers(path).sort()).toEqual(
      [...given, 'default application/json GatewayError'].sort(),
    );
  });
});

describe('the status in an answer', () => {
  const setTo = (pk: string, field: string, value: string) =>
    store().client.send(
      new UpdateCommand({
        TableName: store().table,
        Key: { pk },
        UpdateExpression: 'SET #field = :value',
        ExpressionAttributeNames: { '#field': field },
        ExpressionAttributeValues: { ':value': value },
      }),
    );

  it.each(PHASES)('may be any phase of a recharge: %s', async (phase) => {
    await ask(RECHARGE, order());
    await setTo('RECHARGE#key-1', 'phase', phase);
    const answer = await ask(RECHARGE, order());
    expect(documented(RECHARGE, answer)).toBe('200 application/json RechargeKnown');
    expect(answer.body).toEqual({ status: phase, idempotency_key: 'key-1' });
  });

  it.each(MESSAGE_STATUSES)('may be any status of a message: %s', async (status) => {
    const { id } = (await ask(SEND, message())).body as { id: string };
    await setTo(`MESSAGE#${id}`, 'status', status);
    const answer = await ask(SEND, message());
    expect(documented(SEND, answer)).toBe('200 application/json Message');
    // What was not queued yet is queued now.
    expect(answer.body).toEqual({ status: status === 'received' ? 'queued' : status, id });
  });
});

describe('the document', () => {
  it('is what the generator makes: npm run generate', () => {
    expect(JSON.stringify(document)).toBe(JSON.stringify(openapiDocument()));
  });

  it('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const without = structuredClone(document);
    delete without.paths[SEND].post.responses['200'].description;
    expect(await new Validator().validate(without)).toMatchObject({ valid: false });
  });

  it('has the version of this program, and names no machine', () => {
    expect(document.info.version).toBe(packageJson.version);
    expect(document.servers.map(({ url }: any) => url)).toEqual(['https://{host}']);
    expect(JSON.stringify(document)).not.toMatch(/localhost|127\.0\.0\.1|amazonaws|:3000/);
  });

  it('has every way of every address, and nothing that only npm start has', () => {
    expect(Object.keys(document.paths)).toEqual([RECHARGE, INCOMING, OUTGOING, SEND]);
    expect(Object.keys(CASES)).toEqual(Object.keys(document.paths));
  });

  it('has an example of each adapter, and all of them are tried here', () => {
    const adapters = channelSchema.options.map(({ shape }) => shape.adapter.value).sort();
    const { examples } = document.paths[INCOMING].post.requestBody.content['application/json'];
    expect(Object.keys(examples).sort()).toEqual(adapters);
    expect(Object.keys(CHANNELS).sort()).toEqual([...adapters, 'unmapped'].sort());
  });

  it('has examples that are what they show', () => {
    for (const [path, { post }] of Object.entries<any>(document.paths)) {
      const bodies = [
        [['requestBody'], post.requestBody],
        ...Object.entries(post.responses).map(([status, response]) => [['responses', status], response]),
      ] as [string[], any][];
      for (const [place, { content }] of bodies) {
        for (const [type, { examples }] of Object.entries<any>(content)) {
          const schema = ['paths', path, 'post', ...place, 'content', type, 'schema'];
          const values = Object.values<any>(examples).map(({ value }) => value);
          expect(values).not.toEqual([]);
          for (const value of values) expect(check(schema, value)).toEqual([]);
        }
      }
      for (const [index, { example }] of (post.parameters ?? []).entries()) {
        expect(check(['paths', path, 'post', 'parameters', String(index), 'schema'], example)).toEqual([]);
      }
    }
  });

  it('knows every member of an answer: with another one it is none', () => {
    for (const [path, { post }] of Object.entries<any>(document.paths)) {
      for (const [status, { content }] of Object.entries<any>(post.responses)) {
        const place = ['paths', path, 'post', 'responses', status, 'content', 'application/json', 'schema'];
        for (const { value } of Object.values<any>(content['application/json']?.examples ?? {})) {
          expect(check(place, { ...value, more: 1 })).not.toEqual([]);
        }
      }
    }
  });

  it('holds nothing that is not used', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text).toContain(`"#/components/schemas/${name}"`);
    }
    const used = Object.values<any>(document.paths).flatMap(({ post }) => post.security.flatMap(Object.keys));
    expect([...new Set(used)].sort()).toEqual(Object.keys(document.components.securitySchemes).sort());
    expect(Object.keys(PROOFS).sort()).toEqual(Object.keys(document.components.securitySchemes).sort());
  });

  it.each([
    ['functions/recharge-webhook/handler.ts', [RECHARGE]],
    ['functions/channel-webhook/handler.ts', [INCOMING, OUTGOING, SEND]],
  ])('has the errors that stand in %s, and no other', (file, paths) => {
    const errors = [...readFileSync(file, 'utf8').matchAll(/errorResponse\(\s*(\d+),\s*'(\w+)'/g)];
    const answers = paths.flatMap(documentedAnswers).filter((line) => /^\d+ \S+ [A-Z_]+$/.test(line));
    const written = new Set(errors.map(([, status, code]) => `${status} application/json ${code}`));
    expect([...new Set(answers)].sort()).toEqual([...written].sort());
  });

  it('has a closed list of codes: those of its answers', () => {
    const answers = Object.keys(document.paths).flatMap(documentedAnswers);
    const codes = answers.map((line) => line.split(' ').at(-1)).filter((name = '') => /^[A-Z_]+$/.test(name));
    const { code } = document.components.schemas.Error.properties.error.properties;
    expect([...code.enum].sort()).toEqual([...new Set(codes)].sort());
  });
});
