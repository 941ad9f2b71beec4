import { describe, expect, it } from 'vitest';
import { startConsole } from '../../console/server.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
/** No key of the table has as many bytes. */
const LONG = 'é'.repeat(1_100);
const SAYS = /There is nothing under "é{39,40}…": that has 2\d{3} bytes, and no key has more than 2,048/;

describe('whoever types more than any key has', () => {
  it.each([['recharges show'], ['recharges stop', '--note', 'why'], ['messages show'], ['quarantine show']])(
    'at %s is told so in our own words, and that there is no such thing',
    async (command, ...options) => {
      const { code, stderr } = await found().cli(...command.split(' '), LONG, ...options);
      expect(stderr).toMatch(SAYS);
      expect(stderr).not.toMatch(/hash ?key|Validation|exceeded/i);
      expect(code).toBe(3);
    },
  );

  it('is told the same in the console', async () => {
    const { connection, target } = found();
    const running = await startConsole({
      connection,
      target,
      readOnly: false,
      who: 'jane@desk',
      assets: new Map(),
    });
    try {
      const { headers } = await fetch(running.url, { redirect: 'manual' });
      const cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
      const path = `http://127.0.0.1:${running.port}/api/recharge?key=${encodeURIComponent(LONG)}`;
      const answer = await fetch(path, { headers: { cookie } });
      expect(JSON.parse(await answer.text()).error.message).toMatch(SAYS);
      expect(answer.status).toBe(404);
    } finally {
      await running.close();
    }
  });
});
