/**
 * Does some work for each of many, so many at a time, in their order. If one fails, no further one is begun, and those
 * under way are waited for before the error is thrown.
 */
export async function atMost<Each>(
  atOnce: number,
  all: Iterable<Each>,
  work: (one: Each) => Promise<unknown>,
): Promise<void> {
  const left = all[Symbol.iterator]();
  const failed: unknown[] = [];
  const worker = async () => {
    for (let next = left.next(); !next.done && failed.length === 0; next = left.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failed.length > 0) throw failed[0];
}
