import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configSchemaDocument } from './config-schema.ts';
import { paymentHookDocument } from './openapi/payment-hook.ts';
import { openapiDocument } from './openapi.ts';

/** What is made from our schemas, in docs/. A test holds each to what is made. */
const DOCUMENTS: Record<string, () => object> = {
  'relay.openapi.json': openapiDocument,
  'payment-hook.openapi.json': paymentHookDocument,
  'relay.config.schema.json': configSchemaDocument,
};

for (const [name, document] of Object.entries(DOCUMENTS)) {
  const file = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  writeFileSync(file, `${JSON.stringify(document(), null, 2)}\n`);
}
