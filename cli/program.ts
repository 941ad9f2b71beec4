import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { START_FIRST } from '../local/state.ts';
import type { Connection } from '../operate/connection.ts';
import type { Target } from '../operate/target.ts';
import { emailSchema } from '../shared/email.ts';
import { createLogger } from '../shared/logger.ts';

/** Turns a schema into a check of one argument, with the schema's own sentence. */
export const checked =
  <Value>(schema: z.ZodType<Value>) =>
  (text: string): Value => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not understood');
  };
export const wholeNumber = checked(z.string().regex(/^\d+$/, 'a whole number').transform(Number));
export const email = checked(emailSchema);
export const text = checked(z.string().trim().min(1, 'it is blank'));
const stackName = checked(
  z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, "a stack's name is letters, digits and -"),
);

export const program = new Command('relay')
  .description('Recharge Relay: look at recharges, answer for them, set up clients.')
  .option(
    '--stack <name>',
    "the relay on AWS, such as recharge-relay-prod, with your shell's AWS credentials",
    stackName,
  );
export const stack = () => program.opts<{ stack?: string }>().stack;
export const target = (): Target => ({ stack: stack(), env: process.env });
export const connected = async (): Promise<Connection> =>
  (await import('../operate/connection.ts')).connect(target(), createLogger(tell));

/** A command that is printed leads to this relay when it is pasted. */
const pasteable = (said: string) =>
  stack() === undefined ? said : said.replaceAll('npm run relay --', `npm run relay -- --stack ${stack()}`);
// Whoever reads may have read enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
export const print = (said: string) => {
  process.stdout.write(`${said}\n`);
};
/** Beside the output, for people alone. */
export const tell = (said: string) => {
  process.stderr.write(`${said}\n`);
};
export const say = (said: string) => print(pasteable(said));

/** Whoever sent it may have meant the terminal: control characters are shown, not obeyed. */
export const printable = (text: string) =>
  text.replaceAll(
    /[^\P{C}\n\t\r]|\r(?!\n)/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
export const sayJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/**
 * What `fetch`, the AWS SDK and our own errors hide in their causes; of a connection that is refused on this
 * machine, that the relay, or its engine, has ended.
 */
export function sentenceOf(error: unknown): string {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (stack() === undefined && 'code' in cause && cause.code === 'ECONNREFUSED') {
      return `Nothing answers (${cause.message}). ${START_FIRST}`;
    }
    messages.push(cause.message);
  }
  return pasteable(messages.join(': ') || String(error));
}
