/**
 * Runs a sandbox as a process: options as JSON in the first argument, `{port}` to the parent once it
 * listens (to standard output where there is none). Ends on SIGTERM and SIGINT, and when the parent
 * is gone, so that a killed parent leaves nothing behind. It ends at once: the books are always written.
 *
 * @param create parses the options.
 */
export async function runAsProcess(create: (options: unknown) => Promise<{ port: number }>): Promise<void> {
  for (const end of ['disconnect', 'SIGTERM', 'SIGINT']) process.once(end, () => process.exit(0));
  const { port } = await create(JSON.parse(process.argv[2] ?? '{}'));
  if (process.send) process.send({ port });
  else process.stdout.write(`${JSON.stringify({ port })}\n`);
}
