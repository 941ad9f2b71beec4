import { type Answer, json } from '../server.ts';

/** A parameter as a form carries it: `metadata[key]=value`, `expand[0]=latest_charge`. */
export type Params = { [name: string]: string | Params };

/** Source: docs.stripe.com/api, "form-encoded request bodies". */
export function readForm(body: string): Params {
  const params: Params = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const path = name.split(/\[|\]\[?/).filter((part) => part !== '');
    const last = path.pop() ?? name;
    let level = params;
    for (const part of path) {
      const next = Object.hasOwn(level, part) ? level[part] : undefined;
      const inner: Params = typeof next === 'object' ? next : {};
      level[part] = inner;
      level = inner;
    }
    level[last] = value;
  }
  return params;
}

export const textOf = (params: Params, name: string): string | undefined => {
  const value = params[name];
  return typeof value === 'string' ? value : undefined;
};

export const mapOf = (params: Params, name: string): Record<string, string> => {
  const value = params[name];
  return Object.fromEntries(
    Object.entries(typeof value === 'object' ? value : {}).flatMap(([key, inner]) =>
      typeof inner === 'string' ? [[key, inner]] : [],
    ),
  );
};

/** Names that a list has, whatever else it was asked for. */
export const LISTED = ['limit', 'starting_after', 'ending_before', 'expand'];

export interface StripeError {
  type: 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error';
  message: string;
  code?: string;
  param?: string;
  [field: string]: unknown;
}

export const failed = (status: number, error: StripeError, headers: Record<string, string> = {}): Answer =>
  json(status, { error }, headers);

export const invalid = (message: string, extra: Partial<StripeError> = {}): Answer =>
  failed(extra.code === 'resource_missing' && extra.param === undefined ? 404 : 400, {
    type: 'invalid_request_error',
    message,
    ...extra,
  });

export const missing = (what: string, id: string, param?: string): Answer =>
  invalid(`No such ${what}: '${id}'`, {
    code: 'resource_missing',
    ...(param === undefined ? {} : { param }),
  });

/** Stripe refuses a parameter that it does not know; so a request of ours that drifts from the pinned version is seen. */
export function unknownParameter(params: Params, known: readonly string[]): Answer | undefined {
  const name = Object.keys(params).find((given) => !known.includes(given));
  return name === undefined
    ? undefined
    : invalid(`Received unknown parameter: ${name}`, { code: 'parameter_unknown', param: name });
}
