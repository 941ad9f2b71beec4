import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import * as z from 'zod';
import { OperateError, type OperateErrorKind } from '../operate/error.ts';
import { describeError } from '../shared/logger.ts';
import { type Assets, bundlePage } from './bundle.ts';
import { DEEDS } from './deeds.ts';
import { createGuard } from './guard.ts';
import { type Shown, VIEWS, type View } from './views.ts';

export interface ConsoleOptions extends Shown {
  /** Who does what is done here: written with each change. */
  who: string;
  /** 0, the default: any that is free. */
  port?: number;
  /** Instead of one that is made now. */
  assets?: Assets;
}

export interface RunningConsole {
  port: number;
  /** With the token: whoever opens it may do everything here. */
  path: string;
  url: string;
  close(): Promise<void>;
}

/** Serves the console on this machine alone. */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const assets = options.assets ?? (await bundlePage());
  let host = '';
  const guard = createGuard({ host: () => host, readOnly: options.readOnly });
  const app = new Hono();
  app.use('*', guard.middleware);
  app.get('/api/:view', (context) => {
    const view = viewNamed(context.req.param('view'));
    if (view === undefined) return context.json(notFound, 404);
    const isWatched = context.req.header('accept') === 'text/event-stream';
    return isWatched ? watch(context, view, options) : once(context, view, options);
  });
  app.post('/api/:deed', async (context) => {
    const name = context.req.param('deed');
    const deed = new Map(Object.entries(DEEDS)).get(name);
    if (deed === undefined) return context.json(notFound, 404);
    try {
      const body = await context.req.json();
      const done = await deed(options, body, options.who);
      options.connection.logger.info('done in the console', {
        deed: name,
        by: options.who,
        ...aboutOf(body),
      });
      return context.json(done);
    } catch (error) {
      const { status, body } = failureOf(error);
      return context.json(body, status);
    }
  });
  app.get('*', (context) => {
    const { type, body } = assets.get(context.req.path) ?? assets.get('/') ?? { type: '', body: '' };
    return context.body(body, 200, { 'content-type': type });
  });

  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // On no other address: whoever is in the same network must not reach it.
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('Bug! The console listens on no port.');
  const { port } = address;
  host = `127.0.0.1:${port}`;
  return {
    port,
    path: `/?token=${guard.token}`,
    url: `http://${host}/?token=${guard.token}`,
    async close() {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const aboutSchema = z.object({
  key: z.string().optional(),
  email: z.string().optional(),
  client: z.string().optional(),
  id: z.string().optional(),
  answer: z.string().optional(),
  note: z.string().optional(),
});

/** What a deed is about, for the log, which masks emails; nothing else of what was sent. */
const aboutOf = (body: unknown) => aboutSchema.safeParse(body).data ?? {};

const viewNamed = (name: string): View | undefined => new Map<string, View>(Object.entries(VIEWS)).get(name);

const notFound = { error: { code: 'not_found', message: 'There is nothing at this address.' } };

const STATUS: Record<OperateErrorKind, 404 | 409 | 422 | 503> = {
  not_found: 404,
  changed: 409,
  refused: 422,
  not_ready: 503,
};

function failureOf(error: unknown) {
  if (error instanceof OperateError) {
    return {
      status: STATUS[error.kind],
      body: { error: { code: error.kind, message: error.message } },
    } as const;
  }
  if (error instanceof SyntaxError)
    return {
      status: 400,
      body: { error: { code: 'bad_request', message: 'The body is no JSON.' } },
    } as const;
  return { status: 502, body: { error: { code: 'failed', message: describeError(error) } } } as const;
}

async function once(context: Context, view: View, shown: Shown) {
  try {
    return context.json((await view.read(shown, context.req.query())) ?? null);
  } catch (error) {
    const { status, body } = failureOf(error);
    return context.json(body, status);
  }
}

/** Sends what the view shows now, and again whenever it has changed, as long as somebody looks. */
function watch(context: Context, view: View, shown: Shown) {
  const query = context.req.query();
  return streamSSE(context, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    let last = '';
    while (!gone.signal.aborted) {
      const now = await readNow(view, shown, query);
      const said = JSON.stringify(now);
      if (said !== last) await stream.writeSSE(now.ok ? { data: said } : { event: 'failure', data: said });
      last = said;
      await sleep(view.everyMs, undefined, { signal: gone.signal }).catch(() => {});
    }
  });
}

async function readNow(view: View, shown: Shown, query: Record<string, string>) {
  try {
    return { ok: true, value: (await view.read(shown, query)) ?? null };
  } catch (error) {
    return { ok: false, ...failureOf(error).body };
  }
}
