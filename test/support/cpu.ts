/**
 * How much CPU time some work took, in ms: a busy machine makes it wait, and hardly makes it work more. Not for what is
 * measured against a limit near its usual cost.
 */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return sinceMs(before);
}

/** The same for what cannot be awaited. */
export function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  return sinceMs(before);
}

function sinceMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
