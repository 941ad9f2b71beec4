import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../../operate/config-check.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function checked(text: string, stack?: string) {
  const file = join(folder, 'relay.config.json');
  writeFileSync(file, text);
  const { faults, lacks } = checkConfig({ stack, env: {} }, file);
  return { faults: faults.map(({ line, setting, message }) => `${line} ${setting} ${message}`), lacks };
}

const WHOLE = {
  platform: { baseUrl: 'https://api.example.com/v1' },
  pricing: { currency: 'USD', perCredit: '0.10' },
  payment: { type: 'http', url: 'http://127.0.0.1:4000' },
};

describe('a configuration that is checked', () => {
  it('has all of its faults told at once, each with its line', () => {
    const text = `{
  "platform": {
    "baseUrl": "ftp://api.example.com"
  },
  "recharge": {
    "mode": "alive",
    "minCredtis": 5,
    "verifiers": [
      { "type": "token" },
      { "type": "tokn" }
    ]
  },
  "pricing": { "currency": "USD" },
  "guard": {
    "limits": { "dailyCount": -1 }
  },
  "payment": {
    "type": "http"
  }
}`;
    expect(checked(text).faults).toEqual([
      expect.stringMatching(/^3 platform\.baseUrl /),
      expect.stringMatching(/^6 recharge\.mode must be one of/),
      expect.stringMatching(/^7 recharge has no setting "minCredtis"/),
      expect.stringMatching(/^10 recharge\.verifiers\.1/),
      expect.stringMatching(/^13 pricing/),
      expect.stringMatching(/^15 guard\.limits\.dailyCount must be/),
      expect.stringMatching(/^17 payment\.url is missing/),
    ]);
  });

  it.each([
    ['a comma too many', '{\n  "a": 1,\n}', 3],
    ['a text that does not end', '{\n  "a": "sk_live_123\n}', 3],
    ['nothing', '', 1],
  ])('that is no JSON for %s is told the line, and none of its text', (_what, text, line) => {
    expect(checked(text).faults).toEqual([`${line}  is no longer JSON here`]);
  });

  it('is at fault where a member stands twice at the one that counts', () => {
    const text = JSON.stringify(WHOLE, null, 2).replace(
      '{',
      '{\n  "recharge": {},\n  "recharge": { "mode": 1 },',
    );
    expect(checked(text).faults).toEqual([expect.stringMatching(/^3 recharge\.mode /)]);
  });

  it('may be a part of one, and then it is said what a deployment lacks', () => {
    expect(checked('{ "guard": { "limits": {} } }')).toEqual({
      faults: [],
      lacks: ['platform', 'pricing', 'payment'],
    });
  });

  it('may name this machine, unless it is that of a stack', () => {
    const text = JSON.stringify(WHOLE, null, 2);
    expect(checked(text)).toEqual({ faults: [], lacks: [] });
    expect(checked(text, 'recharge-relay-prod').faults).toEqual([
      expect.stringMatching(/^11 payment\.url names this machine/),
    ]);
  });
});
