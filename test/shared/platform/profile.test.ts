import { describe, expect, it } from 'vitest';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';

describe('platformProfileSchema', () => {
  it('fills in what the API page says', () => {
    expect(platformProfileSchema.parse({ baseUrl: 'https://api.example.com/v1/' })).toEqual({
      baseUrl: 'https://api.example.com/v1',
      keyPlacement: {
        credits: 'header',
        subAccounts: 'query',
        contacts: 'query',
        lists: 'query',
        messages: 'query',
        usageExport: 'query',
      },
      keyHeader: 'x-api-key',
      keyPrefix: '',
      keyQuery: 'apiKey',
      subAccountLookup: false,
      emptyPoolPattern: 'insufficient credits',
      notAppliedStatuses: [401, 403, 429],
      maxDescriptionLength: 200,
      requestsPerMinute: 600,
      waitHeaders: ['retry-after', 'x-ratelimit-reset'],
      requestIdHeader: 'x-request-id',
      sendPath: '/send_custom_channel_message',
      incomingPath: '/incoming_custom_channel_message',
      contactFieldsOnIncoming: true,
      usageExport: { listsGrants: false },
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['no base URL', { baseUrl: undefined }],
    ['an unencrypted base URL', { baseUrl: 'http://api.example.com/v1' }],
    ['a base URL with a query', { baseUrl: 'https://api.example.com/v1?apiKey=x' }],
    ['a base URL with a password', { baseUrl: 'https://a:b@api.example.com/v1' }],
    ['a pattern that is no regular expression', { emptyPoolPattern: '(' }],
    ['a pattern that matches everything', { emptyPoolPattern: '' }],
    ['a status that proves nothing', { notAppliedStatuses: [500] }],
    ['a header that is none', { keyHeader: 'x api key' }],
    ['a prefix with a line feed', { keyPrefix: 'Bearer\n' }],
    ['a prefix that begins with a blank', { keyPrefix: ' Bearer ' }],
    ['a prefix that runs into the key', { keyPrefix: 'Bearer' }],
    ['a prefix that a header cannot hold', { keyPrefix: 'Schlüssel ' }],
    ['a budget of no requests', { requestsPerMinute: 0 }],
    ['no header to read a wait from', { waitHeaders: [] }],
    ['a wait header that is none', { waitHeaders: ['retry after'] }],
    ['a path with a query', { sendPath: '/send?apiKey=x' }],
    ['a path that leads elsewhere', { incomingPath: '/../incoming' }],
    ['a path without its slash', { incomingPath: 'incoming' }],
    ['a misspelt setting', { keyPlacment: {} }],
    ['a misspelt setting of the export', { usageExport: { listGrants: true } }],
  ])('refuses %s', (_name, settings) => {
    const profile = { baseUrl: 'https://api.example.com/v1', ...settings };
    expect(platformProfileSchema.safeParse(profile).success).toBe(false);
  });
});
