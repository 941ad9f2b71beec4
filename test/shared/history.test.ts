import { describe, expect, it } from 'vitest';
import { type HistoryEntry, record } from '../../shared/history.ts';
import { utc } from '../support/builders.ts';

const MINUTE = 60_000;

describe('the history of a row', () => {
  const at = { now: utc('2026-01-05 12:00:10') };

  it('keeps equal events in a row as one entry with a count and its first time', () => {
    const later = { now: utc('2026-01-05 12:05:00') };
    const once = record({ history: [] }, at, 'waiting', 'a');
    const thrice = record(
      { history: record({ history: once }, later, 'waiting', 'a') },
      later,
      'waiting',
      'a',
    );
    expect(once).toEqual([{ at: utc('2026-01-05 12:00:10'), event: 'waiting', detail: 'a' }]);
    expect(thrice).toEqual([{ at: utc('2026-01-05 12:00:10'), event: 'waiting', detail: 'a', times: 3 }]);
  });

  it('replaces half characters, as storage does: a row that is read is the one that was written', () => {
    expect(record({ history: [] }, at, 'waiting', 'a\ud83d')).toMatchObject([{ detail: 'a\ufffd' }]);
  });

  it('tells events apart by word and by detail', () => {
    const waiting = record({ history: [] }, at, 'waiting', 'a');
    expect(record({ history: waiting }, at, 'waiting', 'b')).toHaveLength(2);
    expect(record({ history: waiting }, at, 'reminded', 'a')).toHaveLength(2);
    expect(record({ history: waiting }, at, 'waiting')).toHaveLength(2);
  });

  it.each([
    ['short details', 'status 502', 'status 503'],
    ['long details', 'x'.repeat(500), 'y'.repeat(500)],
    ['details in a script of three bytes a character', '支'.repeat(500), '付'.repeat(500)],
    ['details of characters beyond 16 bits', '🟢'.repeat(500), '🔴'.repeat(500)],
  ])('stays under 1,800 bytes after 1,000 alternating events with %s', (_, one, other) => {
    const first = { at: utc('2026-01-05 12:00:00'), event: 'received' };
    let history: HistoryEntry[] = [first];
    for (let count = 1; count <= 1_000; count += 1) {
      const now = utc('2026-01-05 12:00:00') + count * MINUTE;
      history = record({ history }, { now }, 'declined_will_retry', count % 2 === 0 ? other : one);
    }
    expect(Buffer.byteLength(JSON.stringify(history))).toBeLessThanOrEqual(1_800);
    expect(history[0]).toEqual(first);
    expect(history[1]?.at).toBe(utc('2026-01-05 12:01:00'));
    expect(history.at(-1)?.at).toBe(utc('2026-01-06 04:40:00'));
    expect(other.startsWith(history.at(-1)?.detail ?? 'nothing')).toBe(true);
  });

  it('leaves nothing out while it fits', () => {
    let history = record({ history: [] }, at, 'received');
    for (let count = 1; count <= 29; count += 1) history = record({ history }, at, 'event', `${count}`);
    expect(history).toHaveLength(30);
  });

  it('says how many events it left out, so that none is lost from the count', () => {
    let history = record({ history: [] }, at, 'received');
    for (let count = 1; count <= 999; count += 1) {
      const now = utc('2026-01-05 12:00:00') + count * MINUTE;
      history = record({ history }, { now }, 'event', `${count}`);
    }
    expect(history.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(1_000);
    expect(history.filter(({ event }) => event === 'left_out')).toHaveLength(1);
    expect(history[4]).toMatchObject({ event: 'left_out', at: utc('2026-01-05 12:04:00') });
    expect(history.slice(0, 4).map(({ detail }) => detail)).toEqual([undefined, '1', '2', '3']);
    expect(history.slice(-3).map(({ detail }) => detail)).toEqual(['997', '998', '999']);
  });

  it('cuts a long detail without breaking a character in two', () => {
    const [entry] = record({ history: [] }, at, 'waiting', `${'x'.repeat(159)}🟢`);
    expect(entry?.detail).toBe('x'.repeat(159));
    expect(record({ history: [] }, at, 'waiting', 'x'.repeat(161))[0]?.detail).toBe('x'.repeat(160));
  });

  it('knows a cut detail again', () => {
    const once = record({ history: [] }, at, 'waiting', 'x'.repeat(500));
    expect(record({ history: once }, at, 'waiting', 'x'.repeat(500))).toHaveLength(1);
  });
});
