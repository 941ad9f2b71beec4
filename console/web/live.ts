import { useEffect, useState } from 'preact/hooks';
import type { Views } from '../views.ts';
import { linkTo } from './route.ts';

export type ViewName = keyof Views;
/** What a view sends, once it has been JSON: what is undefined is absent. */
export type Data<Name extends ViewName> = Awaited<ReturnType<Views[Name]['read']>>;
export type Query = Record<string, string | undefined>;

export interface Live<Name extends ViewName> {
  /** Undefined until it has come. It stays while a newer one cannot be read. */
  data?: Data<Name>;
  /** Why there is none, or no newer one. */
  failure?: string;
}

/** Something was done here: what is shown is read at once. */
const CHANGED = 'relay-changed';

const GONE = 'The console does not answer any more. Start it again: npm run console';

export const addressOf = (view: ViewName, query: Query = {}): string => linkTo(`/api/${view}`, query);

/**
 * What a view shows, as long as this page is seen: it comes anew whenever it has changed. A browser has six connections
 * for all its tabs, so a page uses this once.
 */
export function useLive<Name extends ViewName>(view: Name, query: Query = {}): Live<Name> {
  const address = addressOf(view, query);
  const [live, setLive] = useState<Live<Name> & { address: string }>({ address });
  useEffect(() => {
    let source: EventSource | undefined;
    const open = () => {
      source = new EventSource(address);
      source.onmessage = ({ data }) => setLive({ address, data: JSON.parse(data).value });
      source.addEventListener('failure', ({ data }) =>
        setLive((before) => ({ ...ofSame(before, address), failure: JSON.parse(data).error.message })),
      );
      source.onerror = () => setLive((before) => ({ ...ofSame(before, address), failure: GONE }));
    };
    const follow = () => {
      source?.close();
      source = undefined;
      if (!document.hidden) open();
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    addEventListener(CHANGED, follow);
    return () => {
      source?.close();
      document.removeEventListener('visibilitychange', follow);
      removeEventListener(CHANGED, follow);
    };
  }, [address]);
  return live.address === address ? live : {};
}

const ofSame = <Value extends { address: string }>(
  before: Value,
  address: string,
): Value | { address: string } => (before.address === address ? before : { address });

/** The same by asking every now and then, for what stands beside the page. */
export function usePolled<Name extends ViewName>(view: Name, everyMs: number, query: Query = {}): Live<Name> {
  const address = addressOf(view, query);
  const [live, setLive] = useState<Live<Name> & { address: string }>({ address });
  useEffect(() => {
    let isOver = false;
    const ask = async () => {
      if (document.hidden) return;
      const next = await read(view, query);
      if (!isOver) setLive((before) => ({ ...ofSame(before, address), ...next, address }));
    };
    ask();
    const timer = setInterval(ask, everyMs);
    document.addEventListener('visibilitychange', ask);
    addEventListener(CHANGED, ask);
    return () => {
      isOver = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', ask);
      removeEventListener(CHANGED, ask);
    };
  }, [address, everyMs]);
  return live.address === address ? live : {};
}

/** Reads a view once. */
export async function read<Name extends ViewName>(view: Name, query: Query = {}): Promise<Live<Name>> {
  try {
    const response = await fetch(addressOf(view, query));
    const body = await response.json();
    return response.ok ? { data: body } : { failure: body.error.message };
  } catch {
    return { failure: GONE };
  }
}

/** What a deed says afterwards. */
export interface Done {
  done: string;
  /** Of a recharge that was started. */
  key?: string;
}

/**
 * Does a deed.
 *
 * @throws an Error with the sentence that says why it was not done; its `name` is the word, such as `changed`.
 */
export async function act<Answer = Done>(deed: string, body: object): Promise<Answer> {
  const response = await fetch(`/api/${deed}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-relay-console': 'change' },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error(GONE);
  });
  const answer = await response.json();
  if (response.ok) {
    dispatchEvent(new Event(CHANGED));
    return answer;
  }
  throw Object.assign(new Error(answer.error.message), { name: answer.error.code });
}
