import { describe, expect, it } from 'vitest';
import { readError } from '../../../shared/platform/schemas.ts';

describe('readError', () => {
  it.each<[string, unknown]>([
    [
      '{"error":{"code":"INVALID_PHONE","message":"No."}}',
      { code: 'INVALID_PHONE', message: 'No.', shape: 'envelope' },
    ],
    ['{"error":{"code":404,"message":"No."}}', { code: '404', message: 'No.', shape: 'partial' }],
    ['{"error":{"code":404}}', { code: '404', shape: 'partial' }],
    ['{"error":{"message":"No."}}', { message: 'No.', shape: 'partial' }],
    ['{"error":"No."}', { message: 'No.', shape: 'flat' }],
    ['{"message":"No."}', { message: 'No.', shape: 'message' }],
    ['{"error":{}}', { shape: 'none' }],
    ['{"error":""}', { shape: 'none' }],
    ['{"error":true}', { shape: 'none' }],
    ['{"success":false}', { shape: 'none' }],
    ['[{"error":"No."}]', { shape: 'none' }],
    ['"error"', { shape: 'none' }],
    ['null', { shape: 'none' }],
    ['<html>', { shape: 'none' }],
    ['', { shape: 'none' }],
  ])('reads %s', (body, error) => {
    expect(readError(body)).toEqual(error);
  });
});
