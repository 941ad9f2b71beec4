import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { unknownChannel } from '../../operate/known-channels.ts';

const folder = mkdtempSync(join(tmpdir(), 'known-channels-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What is said of the channel where this is the configuration the stack is deployed from. */
function said(name: string, config: string): string | undefined {
  const file = join(folder, 'relay.config.json');
  writeFileSync(file, config);
  return unknownChannel(name, { stack: 'recharge-relay-prod', env: { RELAY_CONFIG: file } });
}

describe('a channel under whose name nothing was found', () => {
  const two = JSON.stringify({ channels: { support: { adapter: 'slack' }, sales: {} } });

  it('is unknown where the configuration has others, which are named', () => {
    expect(said('suport', two)).toBe('No configuration here has a channel suport, only sales, support.');
    expect(said('suport', '{}')).toBe('No configuration here has a channel suport, or any other.');
  });

  it('is none of our business where the configuration has it', () => {
    expect(said('support', two)).toBeUndefined();
    // No member of every object.
    expect(said('constructor', two)).toMatch(/^No configuration here has a channel constructor/);
  });

  it.each(['{"channels": {', '{"channels": ["support"]}'])(
    'may be known where the configuration cannot be read: %s',
    (config) => {
      const unread = 'Whether there is a channel support is not known: no configuration here can be read.';
      expect(said('support', config)).toBe(unread);
      const env = { RELAY_CONFIG: join(folder, 'none.json') };
      expect(unknownChannel('support', { stack: 'recharge-relay-prod', env })).toBe(unread);
    },
  );
});
