import { describe, expect, it } from 'vitest';
import type { Connection } from '../../operate/connection.ts';
import { listMessages, type MessageFilter } from '../../operate/messages.ts';

describe('messages', () => {
  it('of three days are listed, and of what is not delivered all that are kept: it may be as old when it fails', async () => {
    const asked: string[] = [];
    const messages = {
      list: async (day: string) => {
        asked.push(day);
        return { items: [] };
      },
    } as unknown as Connection['messages'];
    const now = () => Date.parse('2026-01-31T12:00:00Z');
    const daysOf = async (options: MessageFilter) => {
      asked.length = 0;
      await listMessages({ messages, now }, options, { limit: 100 });
      return [asked.length, asked.at(-1)];
    };
    expect(await daysOf({})).toEqual([3, '2026-01-29']);
    expect(await daysOf({ status: 'delivered' })).toEqual([3, '2026-01-29']);
    expect(await daysOf({ status: 'failed' })).toEqual([31, '2026-01-01']);
    expect(await daysOf({ status: 'failed', days: 2 })).toEqual([2, '2026-01-30']);
    expect(await daysOf({ days: 1_767_605_400 })).toEqual([366, '2025-01-31']);
    expect(await daysOf({ since: now() - 13 * 3_600_000 })).toEqual([2, '2026-01-30']);
  });
});
