import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ageText, utcText } from '../../shared/ages.ts';
import { formatMoney, type Money } from '../../shared/money.ts';
import type { Phase } from '../../shared/recharge/recharge.ts';
import { act, type Done, type Live, type ViewName } from './live.ts';
import { linkTo } from './route.ts';

/** A page: its heading has the focus when it opens, so that a screen reader begins there. */
export function Page({
  title,
  children,
  aside,
}: {
  title: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Recharge Relay`;
    heading.current?.focus();
  }, [title]);
  return (
    <main id="main">
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {children}
    </main>
  );
}

/** What has not come yet, cannot be read, or is there. */
export function Loaded<Name extends ViewName>({
  live,
  children,
}: {
  live: Live<Name>;
  children: (data: NonNullable<Live<Name>['data']>) => ComponentChildren;
}) {
  const { data, failure } = live;
  return (
    <>
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {data === undefined || data === null
        ? failure === undefined && <p class="quiet">Reading…</p>
        : children(data)}
    </>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

/** A time as how long ago it was; the whole of it, in UTC, where one points. @param at ISO 8601 */
export function Ago({ at, now = Date.now() }: { at: string | undefined; now?: number }) {
  if (at === undefined) return null;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={`${utcText(time)} (UTC)`}>
      {ageText(time, now)}
    </time>
  );
}

/** Both, where the hour counts. */
export function When({ at }: { at: string | undefined }) {
  if (at === undefined) return null;
  const time = Date.parse(at);
  return (
    <time dateTime={at} class="when">
      {utcText(time).replace('T', ' ').replace('Z', ' UTC')}{' '}
      <span class="quiet">{ageText(time, Date.now())}</span>
    </time>
  );
}

/** With its thousands apart, as all other numbers of a page have them. */
export const shownMoney = (money: Money): string =>
  formatMoney(money).replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));

export const moneyText = (amount: number | undefined, currency: string | undefined): string =>
  amount === undefined || currency === undefined ? '' : shownMoney({ amount, currency });

/** Shape and word, for whoever cannot tell the colours apart. */
const PHASE_SHAPES: Record<Phase, [shape: string, tone: string]> = {
  received: ['◌', 'wait'],
  charge_pending: ['◔', 'wait'],
  granting: ['◑', 'wait'],
  charged: ['◕', 'wait'],
  needs_review: ['▲', 'bad'],
  refunding: ['◐', 'wait'],
  completed: ['●', 'good'],
  declined: ['✕', 'off'],
  blocked: ['■', 'off'],
  refunded: ['↩', 'off'],
};
export const PHASES = Object.keys(PHASE_SHAPES);

const SHAPES: Record<string, [shape: string, tone: string]> = {
  ...PHASE_SHAPES,
  active: ['●', 'good'],
  suspended: ['■', 'bad'],
  delivered: ['●', 'good'],
  read: ['●', 'good'],
  failed: ['✕', 'bad'],
  parked: ['▲', 'bad'],
  ok: ['●', 'good'],
  warn: ['▲', 'warn'],
  fail: ['✕', 'bad'],
  skipped: ['–', 'off'],
};

export function Word({ word, more }: { word: string; more?: string | undefined }) {
  const [shape, tone] = SHAPES[word] ?? ['○', 'wait'];
  return (
    <span class={`word ${tone}`}>
      <span aria-hidden="true">{shape}</span> {word.replaceAll('_', ' ')}
      {more === undefined ? null : <span class="more">{` (${more.replaceAll('_', ' ')})`}</span>}
    </span>
  );
}

export const RechargeLink = ({ id, children }: { id: string; children?: ComponentChildren }) => (
  <a href={linkTo('/recharge', { key: id })} class={children === undefined ? 'id' : ''}>
    {children ?? id}
  </a>
);

export const ClientLink = ({ email }: { email: string }) =>
  email.startsWith('erased:') ? (
    <span class="quiet">erased</span>
  ) : (
    <a href={linkTo('/client', { email })}>{email}</a>
  );

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== '' && value !== null);
  return (
    <dl class="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** @param folds where it is narrow, a row is a paragraph; `data-unit` then says what a number is. */
export function Table({
  label,
  heads,
  children,
  folds = false,
}: {
  /** Of what: for whoever does not see it. */
  label: string;
  heads: (string | [string, 'right'])[];
  children: ComponentChildren;
  folds?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
    <section class={folds ? 'scrolls folds' : 'scrolls'} tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={String(head)} scope="col" class={typeof head === 'string' ? '' : 'right'}>
                {typeof head === 'string' ? head : head[0]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export interface Field {
  name: string;
  label: string;
  required?: boolean;
  /** What stands there now. */
  value?: string;
  hint?: string;
}

export interface DeedProps {
  /** Of the button. */
  label: string;
  /** The address of the deed. */
  deed: string;
  body?: object;
  /** Asked once, in words that name the client and the amount. */
  question: string;
  /** What follows, in a sentence. */
  follows?: ComponentChildren;
  /** Whether a note is wanted: why. */
  note?: boolean;
  /** What else is asked for. */
  fields?: Field[];
  /** What is sent of the fields; unless given, those that are filled in, by their names. */
  toBody?: (given: Record<string, string>) => object;
  /** What is to be known of the fields' values before it is done: said as they are filled in. */
  tell?: (given: Record<string, string>) => Promise<string | undefined>;
  /** Why it cannot be done now. */
  disabled?: string | undefined;
  danger?: boolean;
  onDone?: (done: Done) => void;
}

/** A button that asks once before it does something. The answer stays beside it. */
export function Deed({
  label,
  deed,
  body = {},
  question,
  follows,
  note,
  fields = [],
  toBody = (given) => given,
  tell,
  disabled,
  danger,
  onDone,
}: DeedProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [said, setSaid] = useState<{ text: string; bad?: true }>();
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<string>();
  const asked = useRef(0);
  const name = useId();
  const why = useId();
  const textOf = (form: HTMLFormElement, field: string) => String(new FormData(form).get(field) ?? '').trim();
  const filledIn = (form: HTMLFormElement): Record<string, string> =>
    Object.fromEntries(
      fields.flatMap(({ name: field }) => (textOf(form, field) === '' ? [] : [[field, textOf(form, field)]])),
    );
  async function tellOf(form: HTMLFormElement) {
    asked.current += 1;
    const turn = asked.current;
    const words = await tell?.(filledIn(form));
    // An answer to what stood there before is none.
    if (turn === asked.current) setTold(words);
  }
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    setBusy(true);
    try {
      const done = await act(deed, {
        ...body,
        ...(note ? { note: textOf(form, 'note') } : {}),
        ...toBody(filledIn(form)),
      });
      setSaid({ text: done.done });
      dialog.current?.close();
      onDone?.(done);
    } catch (error) {
      setSaid({ text: error instanceof Error ? error.message : String(error), bad: true });
    } finally {
      setBusy(false);
    }
  }
  return (
    <div class="deed">
      <button
        type="button"
        class={danger ? 'danger' : ''}
        disabled={disabled !== undefined}
        aria-describedby={disabled === undefined ? undefined : why}
        onClick={() => {
          setSaid(undefined);
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      {follows === undefined ? null : <span class="follows">{follows}</span>}
      {disabled === undefined ? null : (
        <span id={why} class="follows">
          {disabled}
        </span>
      )}
      {said && !said.bad ? <output class="done">{said.text}</output> : null}
      <dialog ref={dialog} aria-labelledby={name}>
        <form onSubmit={submit} onInput={({ currentTarget }) => tell && tellOf(currentTarget)}>
          <h2 id={name}>{question}</h2>
          {follows === undefined ? null : <p>{follows}</p>}
          {fields.map(({ name: field, label: asked, required = false, value, hint }) => (
            <label key={field}>
              {asked}
              <input
                name={field}
                required={required}
                maxLength={2_000}
                autoComplete="off"
                defaultValue={value ?? ''}
                placeholder={hint ?? ''}
              />
            </label>
          ))}
          {told === undefined ? null : <output class="told">{told}</output>}
          {note ? <Note /> : null}
          {said?.bad ? (
            <p class="failure" role="alert">
              {said.text}
            </p>
          ) : null}
          <div class="buttons">
            <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy}>
              {busy ? 'Doing it…' : label}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Leave it
            </button>
          </div>
        </form>
      </dialog>
    </div>
  );
}

/** In bytes: the row keeps no more of it, with who wrote it. */
const LONGEST_NOTE = 110;

/** What is too long is said, and never cut: its end may be what counts. */
function Note() {
  const [length, setLength] = useState(0);
  const id = useId();
  const left = LONGEST_NOTE - length;
  return (
    <label>
      Why: what you looked at, and what you saw
      <textarea
        name="note"
        required
        rows={3}
        aria-describedby={id}
        onInput={({ currentTarget: field }) => {
          const { length: bytes } = new TextEncoder().encode(field.value);
          setLength(bytes);
          const over = bytes - LONGEST_NOTE;
          field.setCustomValidity(over > 0 ? `Shorten it by ${over} characters.` : '');
        }}
      />
      <span id={id} class={left < 0 ? 'failure' : 'quiet'}>
        {left < 0 ? `${-left} characters too many` : `${left} characters left`}
      </span>
    </label>
  );
}

export interface Bar {
  label: string;
  value: number;
  /** What is said of it. */
  text: string;
  /** Drawn one above the other, instead of the value as one. */
  parts?: [value: number, tone: 'strong' | 'faint' | 'warm'][];
}

/**
 * A bar a day or an hour, the last one on the right. The highest is said beside the title, and all are for whoever does
 * not see them.
 *
 * @param most what the whole height stands for; the highest bar unless given.
 */
export function Bars({ title, bars, most }: { title: string; bars: Bar[]; most?: number }) {
  const highest = bars.reduce<Bar | undefined>(
    (high, bar) => (bar.value > (high?.value ?? 0) ? bar : high),
    undefined,
  );
  const whole = most ?? highest?.value ?? 1;
  const slot = 100 / Math.max(1, bars.length);
  // A few are not drawn as walls. The first and the last one stand above their days at the ends.
  const width = Math.min(6, slot * 0.76);
  const between = bars.length < 2 ? 0 : (100 - width) / (bars.length - 1);
  return (
    <figure class="bars">
      <figcaption>
        {title}
        {highest === undefined ? null : <span class="quiet">{`at most ${highest.text}`}</span>}
      </figcaption>
      <svg
        viewBox="0 0 100 32"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${bars
          .filter(({ value }) => value > 0)
          .map(({ label, text }) => `${label} ${text}`)
          .join(', ')}`}
      >
        {bars.map((bar, index) => (
          <g key={bar.label}>
            <title>{`${bar.label}: ${bar.text}`}</title>
            {stacked(bar, whole).map(({ tone, y, height }) => (
              <rect key={tone} class={tone} x={index * between} y={y} width={width} height={height} />
            ))}
          </g>
        ))}
      </svg>
      <div class="ends quiet" aria-hidden="true">
        <span>{bars[0]?.label}</span>
        <span>{bars.at(-1)?.label}</span>
      </div>
    </figure>
  );
}

/** From the ground up. What is there is seen, however little it is; where nothing is, a line says so. */
function stacked({ value, parts = [[value, 'strong']] }: Bar, whole: number) {
  if (value === 0) return [{ tone: 'none', y: 31.6, height: 0.4 }];
  let ground = 32;
  return parts
    .filter(([part]) => part > 0)
    .map(([part, tone]) => {
      const height = Math.max(1, (part / whole) * 31);
      ground -= height;
      return { tone, y: ground, height };
    });
}
