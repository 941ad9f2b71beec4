import { describe, expect, it } from 'vitest';
import { secretNamed } from '../../operate/secret-names.ts';

describe('the name of a secret', () => {
  it('is one of the relay, or of a channel that may be configured', () => {
    const names = [
      'Own/incoming',
      'own',
      'own/',
      'own/Token',
      'own/incoming/x',
      'own/incoming ',
      '/incoming',
      `${'a'.repeat(41)}/send`,
      '',
    ];
    expect(names.map((name) => secretNamed(name)?.name)).toEqual(names.map(() => undefined));
    expect(secretNamed(`${'a'.repeat(40)}/send`)?.name).toBe(`${'a'.repeat(40)}/send`);
  });
});
