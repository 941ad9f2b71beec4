import { expect } from 'vitest';
import { parseConfig } from '../../../shared/settings/config.ts';
import { ConfigError } from '../../../shared/settings/config-file.ts';

/** Nothing that has a default. */
export const SMALLEST = {
  platform: { baseUrl: 'https://api.example.com/v1' },
  pricing: { currency: 'USD', perCredit: '0.10' },
  payment: { type: 'http', url: 'https://pay.example.com' },
};

export function faultsOf(value: unknown): string[] {
  try {
    parseConfig(value, 'relay.config.json');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [first, ...faults] = error.message.split('\n');
    expect(first).toBe('relay.config.json cannot be used:');
    return faults.map((fault) => fault.replace(/^ {2}- /, ''));
  }
  return [];
}
