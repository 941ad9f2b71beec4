import type { Readable, Writable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { startFirst } from '../local/state.ts';
import type { Connection } from '../operate/connection.ts';
import type { Target } from '../operate/target.ts';
import { emailSchema } from '../shared/email.ts';
import { createLogger } from '../shared/logger.ts';
import { printable, printableJson } from '../shared/printable.ts';

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

/** All that a command knows of its process, except files and the SDK's own AWS settings. */
export interface Io {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable;
  stderr: Writable;
  env: NodeJS.ProcessEnv;
  /** Unix time in milliseconds. */
  now: () => number;
  sleep: (ms: number) => Promise<unknown>;
}

/** One run of the command line. */
export interface Cli {
  program: Command;
  io: Io;
  stack(): string | undefined;
  target(): Target;
  connected(): Promise<Connection>;
  /** One text and a line end. Whatever is foreign in it is made visible here, so that no command can forget it. */
  print(said: string): void;
  /** The same. A command of ours in it leads to this relay when it is pasted. */
  say(said: string): void;
  sayJson(value: unknown): void;
  /** Beside the output, for people alone. */
  tell(said: string): void;
  /** Makes the command end with 1, once all is said, because what was asked for did not come about. */
  fail(): void;
  hasFailed(): boolean;
  /**
   * What `fetch`, the AWS SDK and our own errors hide in their causes; of a connection that is refused on this
   * machine, that the relay, or its engine, has ended.
   */
  sentenceOf(error: unknown): string;
}

export function createCli(io: Io): Cli {
  const program = new Command('relay')
    .description('Recharge Relay: look at recharges, answer for them, set up clients.')
    .option(
      '--stack <name>',
      "the relay on AWS, such as recharge-relay-prod, with your shell's AWS credentials",
      stackName,
    )
    // Inherited by the commands that are added later.
    .exitOverride()
    .configureOutput({
      writeOut: (said) => io.stdout.write(printable(said)),
      writeErr: (said) => io.stderr.write(printable(said)),
    });
  const stack = () => program.opts<{ stack?: string }>().stack;
  const target = (): Target => ({ stack: stack(), env: io.env });
  const pasteable = (said: string) =>
    stack() === undefined ? said : said.replaceAll('npx relay ', `npx relay --stack ${stack()} `);
  const print = (said: string) => {
    io.stdout.write(`${printable(said)}\n`);
  };
  const tell = (said: string) => {
    io.stderr.write(`${printable(said)}\n`);
  };
  let failed = false;
  return {
    program,
    io,
    stack,
    target,
    async connected() {
      const { connect } = await import('../operate/connection.ts');
      return connect(target(), { logger: createLogger(tell), now: io.now });
    },
    print,
    say: (said) => print(pasteable(said)),
    sayJson: (value) => print(printableJson(value)),
    tell,
    fail() {
      failed = true;
    },
    hasFailed: () => failed,
    sentenceOf(error) {
      const messages: string[] = [];
      for (let cause = error; cause instanceof Error; cause = cause.cause) {
        if (stack() === undefined && 'code' in cause && cause.code === 'ECONNREFUSED') {
          return `Nothing answers (${cause.message}). ${startFirst(io.env)}`;
        }
        messages.push(cause.message);
      }
      return pasteable(messages.join(': ') || String(error));
    },
  };
}
