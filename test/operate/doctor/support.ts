import { afterAll, beforeAll } from 'vitest';
import { localConfig } from '../../../local/config.ts';
import { examine } from '../../../operate/doctor/doctor.ts';
import type { HealthFinding } from '../../../operate/doctor/finding.ts';
import { paymentUrlOf } from '../../../shared/payments/payment-url.ts';
import type { Config } from '../../../shared/settings/config.ts';
import { type Parties, useParties } from '../../support/parties.ts';
import { startReceiver } from '../../support/sandbox.ts';
import { type Traces, useTraces } from '../../support/traces.ts';

type Env = Record<string, string>;

/** A relay of `npm start` in which nothing is wrong, until a test makes something wrong. */
export function usePatient() {
  const traces = useTraces();
  const newParties = useParties();
  const endings: (() => unknown)[] = [];
  let parties: Parties | undefined;
  let front: Awaited<ReturnType<typeof startReceiver>> | undefined;
  /** What the relay's front answers, by path. */
  const answers = new Map<string, number>();

  beforeAll(async () => {
    parties = await newParties();
    front = await startReceiver(
      (end) => endings.push(end),
      ({ url = '' }) => answers.get(url) ?? (url === '/health' ? 200 : 401),
    );
  });
  afterAll(() => {
    for (const end of endings) end();
  });

  return {
    traces,
    answers,
    parties: () => parties ?? outside(),
    /** A relay in force with these settings, looked at with `env` beside the parties' own variables. */
    async examined({ settings = () => ({}), env = {}, runtime = {}, ...options }: Partial<Given> = {}) {
      const { target, rewrite } = traces();
      const own: NodeJS.ProcessEnv = { ...parties?.env, ...target.env };
      const config = localConfig(own, { platformUrl: undefined, paymentsUrl: undefined });
      const url = front?.url ?? '';
      const urls = { platformUrl: config.platform.baseUrl, paymentsUrl: paymentUrlOf(config.payment) };
      rewrite({ url, ...urls, config: { ...config, ...settings(config) }, ...runtime });
      return findingsOf({ stack: undefined, env: { ...own, ...env } }, options);
    },
  };
}

interface Given extends Partial<Parameters<typeof examine>[1]> {
  /** What differs from a usual configuration. */
  settings: (usual: Config) => object;
  env: Env;
  runtime: Partial<Traces['runtime']>;
}

const outside = (): never => {
  throw new Error('Bug! There are parties inside of tests only.');
};

export async function findingsOf(
  target: Parameters<typeof examine>[0],
  options: Partial<Parameters<typeof examine>[1]> = {},
): Promise<HealthFinding[]> {
  return Array.fromAsync(examine(target, { now: Date.now, ...options }));
}
