import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { paymentHookDocument } from '../../../infra/openapi/payment-hook.ts';
import type { Exchange } from '../../../operate/payments/asker.ts';
import { newTestName, testPayments } from '../../../operate/payments/test-payments.ts';
import {
  CHARGE_ANSWERS,
  LOOKUP_ANSWERS,
  REFUND_ANSWERS,
  readAgreed,
} from '../../../shared/payments/contract.ts';
import { signingKey } from '../../../shared/payments/signed-request.ts';
import { PAYMENT_SECRET, useEndpoints } from '../../support/payment-endpoint.ts';

const document: any = JSON.parse(readFileSync('docs/payment-hook.openapi.json', 'utf8'));
const startEndpoint = useEndpoints();

const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
ajv.addVocabulary(Object.keys(document));
ajv.addSchema(document, 'hook');

function faults(place: string[], value: unknown): unknown[] {
  const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
  const validate = ajv.getSchema(`hook#/${pointer}`);
  if (!validate) throw new Error(`The document has nothing at ${pointer}.`);
  return validate(value) ? [] : (validate.errors ?? []);
}

const OPERATIONS = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<any>(methods).map(([method, operation]) => ({ path, method, operation })),
);
const TABLES: Record<string, typeof LOOKUP_ANSWERS | typeof CHARGE_ANSWERS | typeof REFUND_ANSWERS> = {
  charge: CHARGE_ANSWERS,
  lookup: LOOKUP_ANSWERS,
  cancel: LOOKUP_ANSWERS,
  refund: REFUND_ANSWERS,
};
/** As the document writes the address of a request. */
const documented = (sent: string) =>
  sent.split(' ')[1]?.replace(/^\/charges\/[^/]+/, '/charges/{charge_id}') ?? '';

describe("the document of the agency's payment endpoint", () => {
  it('is what the generator makes: npm run generate', () => {
    expect(JSON.stringify(document)).toBe(JSON.stringify(paymentHookDocument()));
  });

  it('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has the agreed answers that the relay understands, and no other, with examples that it reads', () => {
    for (const { path, method, operation } of OPERATIONS) {
      const table: Record<number, any> = TABLES[operation.operationId] ?? {};
      const answers = Object.entries<any>(operation.responses).filter(([, { content }]) => content);
      expect(answers.map(([status]) => Number(status))).toEqual(Object.keys(table).map(Number));
      for (const [status, { content }] of answers) {
        const place = ['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'];
        for (const { value } of Object.values<any>(content['application/json'].examples)) {
          expect(faults(place, value)).toEqual([]);
          const read = readAgreed(
            table,
            { status: Number(status), body: JSON.stringify(value) },
            { chargeId: value.charge_id, money: { amount: 5000, currency: 'USD' } },
          );
          expect(read).toHaveProperty('outcome');
        }
      }
    }
  });

  it('describes every request that the relay sends, and what the example of an endpoint answers', async () => {
    const key = signingKey(PAYMENT_SECRET);
    if (key === undefined) throw new Error('no key');
    const { checks } = await testPayments(
      { url: await startEndpoint(), key },
      {
        client: { email: 'client@example.com', platformId: 'abc123', customer: 'cus_42' },
        money: { amount: 100, currency: 'USD' },
        rechargeKey: newTestName(),
        tell: () => {},
        now: Date.now,
      },
    );
    const exchanges = checks.flatMap((check) => check.exchanges);
    expect(new Set(exchanges.map(({ sent }) => documented(sent)))).toEqual(
      new Set(Object.keys(document.paths)),
    );
    for (const exchange of exchanges) expect(undescribed(exchange)).toEqual([]);
  });
});

function undescribed({ sent, body, came, status }: Exchange): unknown[] {
  const method = sent.startsWith('GET') ? 'get' : 'post';
  const place = ['paths', documented(sent), method];
  const { requestBody, responses } = document.paths[documented(sent)][method];
  const schema = ['content', 'application/json', 'schema'];
  return [
    ...(requestBody ? faults([...place, 'requestBody', ...schema], body) : []),
    ...(responses[status] ? [] : [`${sent} has no answer ${status}`]),
    ...(responses[status]?.content
      ? faults([...place, 'responses', String(status), ...schema], JSON.parse(came.replace(/^\d+ /, '')))
      : []),
  ];
}
