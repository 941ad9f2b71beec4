import { shellQuoted } from '../../shared/shell.ts';
import { explain, type Options, optionsOf } from './main-flags.ts';
import { createSandboxPlatform } from './platform.ts';

const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

for (const end of ['SIGINT', 'SIGTERM']) process.once(end, () => process.exit(0));

try {
  const { options, madeSecret } = optionsOf(process.argv.slice(2));
  const { url } = await createSandboxPlatform(options);
  say(`The sandbox platform listens on ${url}/v1 (API key: ${options.apiKey})`);
  if (madeSecret !== undefined) say(`The secret of what it sends: ${madeSecret}`);
  for (const line of whatToTry(url, options)) say(line);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}

/** Every indented line works when it is pasted into another terminal. */
function whatToTry(url: string, { apiKey, profile, clients }: Options): string[] {
  const { keyPlacement, keyHeader, keyPrefix, keyQuery } = profile;
  const call = (group: keyof typeof keyPlacement, path: string, body?: unknown) => {
    const target = new URL(url + path);
    const inQuery = keyPlacement[group] === 'query';
    if (inQuery) target.searchParams.set(keyQuery, apiKey);
    const key = inQuery ? [] : ['-H', `${keyHeader}: ${keyPrefix}${apiKey}`];
    return curl(target.href, ...key, ...(body === undefined ? [] : ['-d', JSON.stringify(body)]));
  };
  const customData = { messageSid: 'try-1', fromId: 'visitor-1', toId: 'me', body: 'Hello', channel: 'chat' };
  const fault = { operation: 'incoming', fault: 'rate_limited' };
  return [
    'Try in another terminal:',
    '',
    'Create a contact:',
    call('contacts', '/v1/contacts', { firstName: 'Jane', phone: '+15551234567' }),
    'Receive a message; the same once more is answered with the same messageId:',
    call('messages', '/v1/incoming_custom_channel_message', { customData, messageType: 'text' }),
    'Grant credits:',
    call('credits', '/v1/subaccounts/credits', { email: clients[0]?.email, amount: 500 }),
    'Export what was granted and spent:',
    call('usageExport', '/v1/agencies/usage/export'),
    'The next message is answered with 429; a wrong name tells all faults:',
    curl(`${url}/sandbox/faults`, '-d', JSON.stringify(fault)),
    'What really happened:',
    curl(`${url}/sandbox/books`),
    '',
    'Ctrl-C ends it. All operations and faults: docs/sandbox.md.',
  ];
}

function curl(...words: string[]): string {
  return `  curl -s -w '\\n' ${words.map(shellQuoted).join(' ')}`;
}
