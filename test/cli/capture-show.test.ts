import { describe, expect, it } from 'vitest';
import { captureText } from '../../cli/commands/capture.ts';
import { captureReport } from '../../operate/capture.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { aCaptured, aConfig } from '../support/builders.ts';

const SECRET = 'correct horse battery staple';
const BODY = aCaptured().body.toString();

// Made over BODY with openssl and SECRET, not by the relay: `openssl dgst -sha256 -hmac "$SECRET"`.
const HEX = '2aa44a0c04194bf919455eed65ec242254c6bd53058a978c3d80ab2f0ee419ac';
const BASE64 = 'KqRKDAQZS/kZRV7tZewkIlTGvVMFipeMPYCrLw7kGaw=';

/** Over `1767605400.` and BODY. */
const TIMED_HEX = '1b935b1f676f6c33d9fbe7c20ad9225c5cae699b69ecf616028daa3e324a3849';

describe('what is shown', () => {
  const kept = aCaptured({
    headers: {
      'x-signature': `sha256=${HEX}`,
      'x-key': SECRET,
      'x-proof': `id ${BASE64}`,
      authorization: 'short',
    },
    query: { key: SECRET, brand: 'a' },
  });
  const shown = (raw: boolean) =>
    captureText(captureReport({ id: 'abc', kept }, { webhook: [SECRET], channels: {} }, { raw }));

  it('has no value that may prove a sender, unless it is asked for', () => {
    for (const secret of [SECRET, HEX, BASE64, 'authorization: short']) {
      expect(shown(false)).not.toContain(secret);
      expect(shown(true)).toContain(secret);
    }
    expect(shown(false)).toContain('?brand=a\n');
  });

  it('leads from the best verifier over the mapping to the replay', () => {
    const text = shown(false);
    expect(text).toContain(`\n\n${BODY}\n\n`);
    expect(text).toContain(
      'it is let in by the verifier {"type":"hmac","header":"x-signature","prefix":"sha256="}\n',
    );
    expect(text).toContain('also by {"type":"token","header":"x-key"}\n');
    const [json = ''] = /^\{\n.*?^\}$/ms.exec(text) ?? [];
    expect(aConfig(JSON.parse(json)).recharge).toMatchObject({
      verifiers: [{ type: 'hmac', header: 'x-signature', prefix: 'sha256=' }],
      keyFields: ['idempotency_key'],
      creditsField: 'credits',
    });
    expect(text.endsWith('Once that is in force: npx relay quarantine replay abc')).toBe(true);
  });

  it('names the nearest miss, and why the configured verifiers refused it', () => {
    const late = aCaptured({
      headers: { 'x-signature': TIMED_HEX, 'x-time': '1767605400' },
      receivedAt: 1_767_605_940_000,
    });
    const configured = [verifierSchema.parse({ type: 'token' })];
    const text = captureText(
      captureReport(
        { id: 'abc', kept: late },
        { webhook: ['a newer one', SECRET], channels: {} },
        { raw: false, configured },
      ),
    );
    expect(text).toContain(
      '\nThe verifiers of the configuration here say: token: no token in the request.\n',
    );
    expect(text).toContain(
      '\nIt agrees with the previous secret, and would agree, if the time were not 9 minutes old: the verifier ' +
        '{"type":"hmac","header":"x-signature","signs":"{timestamp}.{body}","timestampHeader":"x-time"}\n',
    );
  });
});
