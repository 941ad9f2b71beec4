import type { Readable, Writable } from 'node:stream';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { rememberedStack, startFirst } from '../local/state.ts';
import type { Connection } from '../operate/connection.ts';
import type { Target } from '../operate/target.ts';
import { emailSchema } from '../shared/email.ts';
import { createLogger } from '../shared/logger.ts';
import { printable, printableJson } from '../shared/printable.ts';
import { EXIT_CODES, UsageError } from './failure.ts';
import { type Column, isColoured, type Screen, tableLines } from './output.ts';
import { tellStatusLine } from './status-line.ts';

/** Turns a schema into a check of one argument, with the schema's own sentence. */
export const checked =
  <Value>(schema: z.core.$ZodType<Value>) =>
  (text: string): Value => {
    const parsed = z.safeParse(schema, text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not understood');
  };
export const wholeNumber = checked(z.string().regex(/^\d+$/, 'a whole number').transform(Number));
export const email = checked(emailSchema);
export const text = checked(z.string().trim().min(1, 'it is blank'));
const stackSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, "a stack's name is letters, digits and -");
export const stackName = checked(stackSchema);

/** What `--help` shows below the options: each line is a command that can be pasted. */
export const examples = (...lines: string[]) =>
  ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines.map((line) => `  npx relay ${line}`)].join(
    '\n',
  );

/** All that a command knows of its process, except files and the SDK's own AWS settings. */
export interface Io {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & Screen;
  stderr: Writable & Screen;
  env: NodeJS.ProcessEnv;
  /** Unix time in milliseconds. */
  now: () => number;
  sleep: (ms: number) => Promise<unknown>;
}

/** One run of the command line. */
export interface Cli {
  program: Command;
  io: Io;
  /**
   * The stack that is meant: `--stack`, else `RELAY_STACK`, else the one that `relay use` remembers. Undefined is the
   * relay that `npm start` runs here.
   */
  stack(): string | undefined;
  target(): Target;
  /** Once for all of a run. */
  connected(): Promise<Connection>;
  /** One text and a line end. Whatever is foreign in it is made visible here, so that no command can forget it. */
  print(said: string): void;
  /** The same. A command of ours in it leads to this relay when it is pasted. */
  say(said: string): void;
  /** A header, and one line a row, as wide as the terminal. */
  sayTable<Row>(columns: Column<Row>[], rows: Row[]): void;
  sayJson(value: unknown): void;
  /** Beside the output, for people alone. */
  tell(said: string): void;
  /** How far a long deed is. On a terminal it is a line that the next one overwrites; elsewhere it is not said. */
  tellProgress(said: string): void;
  /** Makes the command end with 1, once all is said, because what was asked for did not come about. */
  fail(): void;
  hasFailed(): boolean;
  /**
   * What `fetch`, the AWS SDK and our own errors hide in their causes; of a connection that is refused on this
   * machine, that the relay, or its engine, has ended.
   */
  sentenceOf(error: unknown): string;
}

function createProgram({ stdout, stderr }: Io): Command {
  return (
    new Command('relay')
      .description('Recharge Relay: look at recharges, answer for them, set up clients.')
      .option(
        '--stack <name>',
        "the relay on AWS, such as recharge-relay-prod, with your shell's AWS credentials",
        stackName,
      )
      .option('--local', 'the relay that npm start runs here, whatever RELAY_STACK says and "use" remembers')
      .addHelpText('after', EXIT_CODES)
      // Inherited by the commands that are added later.
      .exitOverride()
      .configureOutput({
        writeOut: (said) => stdout.write(printable(said)),
        writeErr: (said) => stderr.write(printable(said)),
        // What is wrong with an argument comes back as an error, and is said where all errors are.
        outputError: () => {},
        getOutHelpWidth: () => stdout.columns ?? HELP_WIDTH,
        getErrHelpWidth: () => stderr.columns ?? HELP_WIDTH,
      })
  );
}

/** Of the help, where it goes to no terminal. */
const HELP_WIDTH = 100;

/** @throws a UsageError if two relays are named at once, or by something that cannot be a name. */
function chosenStack(program: Command, env: NodeJS.ProcessEnv): string | undefined {
  const { stack, local } = program.opts<{ stack?: string; local?: boolean }>();
  if (stack !== undefined && local) throw new UsageError('--stack and --local exclude each other.');
  if (stack !== undefined || local) return stack;
  if (!env.RELAY_STACK) return rememberedStack(env);
  const { data, error } = stackSchema.safeParse(env.RELAY_STACK);
  if (error) throw new UsageError(`RELAY_STACK: ${error.issues[0]?.message}.`);
  return data;
}

/** Back to the start of the line, which is then cleared. */
const CLEAR_LINE = '\r\u001b[2K';

function createOutput({ stdout, stderr, env }: Io) {
  let isProgressShown = false;
  const write = (stream: Io['stdout'], said: string) => {
    if (isProgressShown) stderr.write(CLEAR_LINE);
    isProgressShown = false;
    stream.write(said);
  };
  return {
    print: (said: string) => write(stdout, `${printable(said)}\n`),
    tell: (said: string) => write(stderr, `${printable(said)}\n`),
    sayTable<Row>(columns: Column<Row>[], rows: Row[]) {
      const lines = tableLines(columns, rows, { screen: stdout, isColoured: isColoured(stdout, env) });
      write(stdout, lines.map((line) => `${line}\n`).join(''));
    },
    tellProgress(said: string) {
      if (!stderr.isTTY) return;
      write(stderr, printable(said));
      isProgressShown = true;
    },
  };
}

export function createCli(io: Io): Cli {
  const program = createProgram(io);
  const { print, tell, sayTable, tellProgress } = createOutput(io);
  const stack = () => chosenStack(program, io.env);
  const target = (): Target => ({ stack: stack(), env: io.env });
  const pasteable = (said: string) => {
    const name = stack();
    return name === undefined ? said : said.replaceAll('npx relay ', `npx relay --stack ${name} `);
  };
  // Nothing begins before it is clear which relay is meant.
  program.hook('preAction', () => {
    stack();
  });
  let connecting: Promise<Connection> | undefined;
  const connected = () => {
    connecting ??= import('../operate/connection.ts').then(({ connect }) =>
      connect(target(), { logger: createLogger(tell), now: io.now }),
    );
    return connecting;
  };
  program.hook('preAction', (_program, command) =>
    tellStatusLine({ screen: io.stderr, tell, connected }, command),
  );
  let failed = false;
  return {
    program,
    io,
    stack,
    target,
    connected,
    print,
    say: (said) => print(pasteable(said)),
    sayTable,
    sayJson: (value) => print(printableJson(value)),
    tell,
    tellProgress,
    fail() {
      failed = true;
    },
    hasFailed: () => failed,
    sentenceOf(error) {
      // The stack may be what was not understood.
      if (error instanceof UsageError) return error.message;
      if (error instanceof CommanderError) return error.message.replace(/^error: /, '');
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
