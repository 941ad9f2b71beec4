import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createPaymentPageHandler } from '../../functions/payment-page/handler.ts';
import { createLogger } from '../../shared/logger.ts';
import type { PayPage } from '../../shared/payments/pay-pages.ts';
import { chargeIdOf, PHASES, REVIEW_REASONS } from '../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { holds } from '../support/fuzz.ts';
import { hostileText } from '../support/hostile.ts';

const NOW = utc('2026-01-05 12:30:00');
const TOKEN = 'a-token-of-32-letters-aaaaaaaaaa';
const BANK = 'https://bank.example.com/confirm?of=1';

const aTime = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: -100, max: 100 }).map((seconds) => NOW + seconds * 10_000),
);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** A client's request, what is known of the page, and how far the recharge is. */
const aVisit = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
  token: fc.oneof(
    { arbitrary: fc.constant(TOKEN), weight: 6 },
    { arbitrary: fc.constant('saved'), weight: 1 },
    { arbitrary: hostileText, weight: 2 },
  ),
  query: fc.dictionary(
    fc.oneof(fc.constantFrom('at', 'at', 'payment_intent', 'redirect_status', '__proto__'), hostileText),
    fc.oneof(fc.constantFrom('bank', 'back', 'result'), hostileText),
    { maxKeys: 3 },
  ),
  payee: maybe(hostileText),
  phase: fc.oneof(fc.constant('charge_pending' as const), fc.constantFrom(...PHASES)),
  review: fc.constantFrom(...REVIEW_REASONS),
  reason: maybe(hostileText),
  actBy: aTime,
  askedAt: aTime,
  returnedAt: aTime,
  answeredAt: aTime,
  url: fc.oneof(fc.constant(BANK), fc.webUrl({ validSchemes: ['https'], withQueryParameters: true })),
  isOfAnother: fc.boolean(),
});
type Visit = typeof aVisit extends fc.Arbitrary<infer Given> ? Given : never;

function visited(visit: Visit) {
  const { token, query, method, payee, phase, review, reason, actBy, isOfAnother } = visit;
  const { askedAt, returnedAt, answeredAt, url } = visit;
  const row = aRecharge({
    phase,
    ...{ amount: 5_000, currency: 'USD', actionUrl: `https://relay.example.com/pay/${TOKEN}` },
    ...(phase === 'needs_review' ? { review } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(actBy === undefined ? {} : { actBy }),
  });
  const page: PayPage = {
    rechargeKey: row.key,
    chargeId: isOfAnother ? 'another' : chargeIdOf(row),
    paymentIntent: row.paymentRef ?? 'pi_1',
    expiresAt: NOW + 3_600_000,
    ...(askedAt === undefined ? {} : { askedAt }),
    ...(returnedAt === undefined ? {} : { returnedAt }),
    ...(answeredAt === undefined ? {} : { answer: { askedAt: answeredAt, url } }),
  };
  const done: string[] = [];
  const lines: string[] = [];
  const note = (what: string) => async () => {
    done.push(what);
    return true;
  };
  const handler = createPaymentPageHandler({
    pages: {
      find: async (asked) => (asked === TOKEN ? page : undefined),
      ask: note('asks'),
      comeBack: note('comes back'),
    },
    recharges: { read: async (key) => (key === row.key ? row : undefined) },
    wake: note('wakes'),
    payee,
    logger: createLogger((line) => lines.push(line), { now: () => NOW }),
    now: () => NOW,
  });
  const event = {
    requestContext: { http: { method } },
    pathParameters: { token },
    queryStringParameters: query,
  };
  return { answer: handler(event), done, lines };
}

describe('whoever opens the page of a payment, and however', () => {
  holds(
    'sees a page that runs nothing, and wakes the recharge only by its button or from the bank',
    aVisit,
    async (visit) => {
      const { answer, done, lines } = visited(visit);
      const { statusCode = 0, body = '', headers = {} } = await answer;
      expect([200, 303, 404]).toContain(statusCode);
      // Of whoever does not know the token, and of what was once another payment, nothing is told.
      if (visit.token !== TOKEN || visit.isOfAnother) {
        expect(done).toEqual([]);
        expect(statusCode).toBe(visit.token === 'saved' ? 200 : 404);
        expect(body).not.toContain('50.00');
      }
      const isDeed = visit.method === 'POST' || visit.query.at === 'back';
      expect(done.length).toBeLessThanOrEqual(isDeed ? 2 : 0);
      // All that is not ours is text: no tag, no attribute of another's, no other address than the bank's.
      const tags = [...body.matchAll(/<(\/?[a-z0-9]+|!doctype)/g)].map(([, name]) => name);
      expect(body.match(/</g)?.length ?? 0).toBe(tags.length);
      expect(tags).not.toContain('script');
      const addresses = [...body.matchAll(/(?:href|action|url)="?([^">]*)/g)].map(([, to]) => to);
      for (const to of addresses) expect(to).toMatch(/^(\?|https:)/);
      expect(headers['cache-control']).toBe('no-store');
      if (statusCode === 303) expect(headers.location).toMatch(/^\?at=(bank|result)$/);
      else expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
      // The token opens the page, and nothing says it.
      for (const told of [body, ...lines]) expect(told).not.toContain(TOKEN);
      expect(lines).toHaveLength(1);
    },
    { runs: 200 },
  );
});
