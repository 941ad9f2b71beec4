import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Sends what is asked for at the same time together: while one batch is on its way, the next one gathers. What is asked for
 * alone goes at once.
 *
 * @param send takes a batch; where it throws, all of its batch have failed.
 * @param most items of a batch.
 * @param gatherMs for so long each batch gathers at least, where nothing hurries.
 * @returns takes one item; settles once the batch that it went with is sent.
 */
export function inBatches<Item>(
  send: (items: Item[]) => Promise<void>,
  most: number,
  gatherMs = 0,
): (item: Item) => Promise<void> {
  let gathering: { items: Item[]; sent: Promise<void> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  return (item) => {
    if (gathering === undefined || gathering.items.length === most) {
      const items: Item[] = [];
      const gathered = gatherMs === 0 ? last : Promise.all([last, sleep(gatherMs)]);
      const sent = gathered.then(() => {
        if (gathering?.items === items) gathering = undefined;
        return send(items);
      });
      last = sent.catch(() => {});
      gathering = { items, sent };
    }
    gathering.items.push(item);
    return gathering.sent;
  };
}
