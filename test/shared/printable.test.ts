import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLine } from '../../shared/printable.ts';

const HOSTILE = 'a\u001b[2Jb\r\nc\rd\te\u202ef\u0000\u009bg\ud800 Zoë 🦊';

describe('foreign text', () => {
  it('does not speak to the terminal', () => {
    expect(printable(HOSTILE)).toBe('a\\u{1b}[2Jb\r\nc\\rd\te\\u{202e}f\\u{0}\\u{9b}g\\u{d800} Zoë 🦊');
  });

  it('on one line has one line', () => {
    expect(printableLine(`${HOSTILE}\u2028h`)).toBe(
      'a\\u{1b}[2Jb\\r\\nc\\rd\\te\\u{202e}f\\u{0}\\u{9b}g\\u{d800} Zoë 🦊\\u{2028}h',
    );
  });

  it('in JSON reads back as it was', () => {
    const value = { [HOSTILE]: [HOSTILE, '\u{e0001}', '\u007f'] };
    const json = printableJson(value);
    expect(JSON.parse(json)).toEqual(value);
    expect(json).not.toMatch(/[^\P{C}\n]/u);
    expect(json).toContain('\\udb40\\udc01');
  });
});
