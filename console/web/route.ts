import { useEffect, useState } from 'preact/hooks';

/** Where this page is: what the address bar says. */
export interface Place {
  path: string;
  query: Record<string, string>;
}

const here = (): Place => ({
  path: location.pathname,
  query: Object.fromEntries(new URLSearchParams(location.search)),
});

const MOVED = 'relay-moved';

/** Goes to another page of the console. @param replace without a step in the history. */
export function go(address: string, { replace = false } = {}): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  dispatchEvent(new Event(MOVED));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = () => setPlace(here());
    addEventListener('popstate', moved);
    addEventListener(MOVED, moved);
    document.addEventListener('click', followLink);
    return () => {
      removeEventListener('popstate', moved);
      removeEventListener(MOVED, moved);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return place;
}

/** A click on one of our own links stays in this page. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
    return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

export const linkTo = (path: string, query: Record<string, string | undefined> = {}): string => {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
};
