import { expect, it } from 'vitest';
import { callerName, whoActs } from '../../operate/who.ts';

it.each([
  ['arn:aws:iam::123456789012:user/jane', 'jane'],
  ['arn:aws:iam::123456789012:user/people/ops/jane', 'jane'],
  ['arn:aws:iam::123456789012:root', 'root'],
  ['arn:aws:sts::123456789012:assumed-role/Deploy/jane@example.com', 'jane@example.com/Deploy'],
  ['arn:aws-cn:sts::123456789012:assumed-role/Deploy/i-0123456789', 'i-0123456789/Deploy'],
  [
    'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Operator_0123456789abcdef/jane@example.com',
    'jane@example.com/Operator',
  ],
  ['arn:aws:sts::123456789012:federated-user/jane', 'jane'],
])('%s is called %s', (arn, name) => {
  expect(callerName(arn)).toBe(name);
});

it('here a person is called as their machine calls them, and so short that a note has room for it', async () => {
  expect(await whoActs({ stack: undefined })).toMatch(/^[\x20-\x7e]{1,46}$/);
});
