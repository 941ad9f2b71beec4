import { setTimeout as sleepFor } from 'node:timers/promises';
import * as z from 'zod';
import { localSecrets, readRuntime, startFirst } from '../local/state.ts';
import type { CallOptions } from '../shared/platform/call.ts';
import { createPlatformClient } from '../shared/platform/client.ts';
import {
  createPlatformOperations,
  PlatformError,
  type PlatformOperations,
} from '../shared/platform/operations.ts';
import type { Pace } from '../shared/platform/pace.ts';
import { type PlatformProfile, platformProfileSchema } from '../shared/platform/profile.ts';
import { fileName, parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import { OperateError } from './error.ts';
import { readStack } from './stack.ts';
import { configFileOf, isSandboxAddress, STACK_PREFIX, type Target } from './target.ts';

/** The members of `platform` as somebody wrote them, with no default added. */
export const sectionSchema = z.looseObject({
  baseUrl: z.string().exactOptional(),
  keyPlacement: z.looseObject({}).exactOptional(),
  usageExport: z.looseObject({}).exactOptional(),
});
export type Section = z.infer<typeof sectionSchema>;

export interface Platform {
  profile: PlatformProfile;
  section: Section;
  apiKey: string;
}

export interface Wanted {
  /** Instead of the one that would be found. */
  baseUrl?: string | undefined;
  /** Settings that count instead of those that would be found. */
  section?: Section | undefined;
}

/**
 * The platform to which a command speaks: the one that `PLATFORM_BASE_URL` and `PLATFORM_API_KEY` name, or that of
 * the relay on AWS, if `stack` names one, or that of the relay that `npm start` runs in `RELAY_LOCAL_DIR`.
 *
 * @throws an OperateError that says what to set, start or deploy, if there is none; a ConfigError for faults of
 *   the profile.
 */
export async function findPlatform(target: Target, wanted: Wanted = {}): Promise<Platform> {
  const { env, stack } = target;
  const { PLATFORM_BASE_URL, PLATFORM_API_KEY, RELAY_CONFIG } = env;
  if (stack !== undefined) {
    if (PLATFORM_BASE_URL !== undefined && PLATFORM_API_KEY !== undefined) {
      throw new OperateError(
        'refused',
        'PLATFORM_BASE_URL and PLATFORM_API_KEY name one platform, --stack another: unset them, or leave it out.',
      );
    }
    return stackPlatform(stack, target, wanted);
  }
  const baseUrl = wanted.baseUrl ?? PLATFORM_BASE_URL ?? wanted.section?.baseUrl;
  if (baseUrl !== undefined) {
    if (PLATFORM_API_KEY === undefined) {
      throw new OperateError('not_ready', `PLATFORM_API_KEY is not set: ${baseUrl} wants one.`);
    }
    return platformOf(readSection(RELAY_CONFIG), { ...wanted, baseUrl }, PLATFORM_API_KEY);
  }
  const { platformUrl } = readRuntime(env) ?? {};
  if (platformUrl === undefined) {
    throw new OperateError(
      'not_ready',
      `No platform is known. Set PLATFORM_BASE_URL and PLATFORM_API_KEY. Or: ${startFirst(env)}`,
    );
  }
  isSandboxAddress(platformUrl, 'platform', env);
  const { platformApiKey } = localSecrets(env).outbound;
  return platformOf(readSection(RELAY_CONFIG), { ...wanted, baseUrl: platformUrl }, platformApiKey);
}

const fileSchema = z.looseObject({ platform: sectionSchema.exactOptional() });

/** The section `platform` of a configuration, whole or in part; empty if there is none. */
function readSection(file: string | undefined): Section {
  if (file === undefined) return {};
  return parseWith(fileSchema, readConfigFile(file), fileName(file)).platform ?? {};
}

async function stackPlatform(stack: string, target: Target, wanted: Wanted): Promise<Platform> {
  if (!stack.startsWith(STACK_PREFIX)) {
    throw new OperateError(
      'refused',
      `The stage of ${stack} is not known: a stack of the relay is called ${STACK_PREFIX}…`,
    );
  }
  const file = configFileOf(target);
  if (file === undefined) {
    throw new OperateError('not_ready', 'There is no relay.config.json yet: see docs/configuration.md.');
  }
  const { OutboundSecretId } = await readStack(stack);
  const { outboundSecrets } = await import('../shared/settings/secrets-manager.ts');
  const { platformApiKey } = await outboundSecrets(OutboundSecretId).get();
  if (platformApiKey === undefined) {
    throw new OperateError(
      'not_ready',
      "The platform's API key is not set yet. Set it: npx relay secrets set platformApiKey",
    );
  }
  return platformOf(readSection(file), wanted, platformApiKey);
}

function platformOf(found: Section, { baseUrl, section }: Wanted, apiKey: string): Platform {
  const all = { ...found, ...section, ...(baseUrl === undefined ? {} : { baseUrl }) };
  const profile = parseWith(platformProfileSchema, all, 'The platform section');
  return { profile, section: { ...all, baseUrl: profile.baseUrl }, apiKey };
}

/** As for the workers: the platform answers within a second, or not at all. */
const TIMEOUT_MS = 10_000;

/** @param pace of a patience, which learns there how long a 429 asks to wait. */
export function callOptions({ profile, apiKey }: Omit<Platform, 'section'>, pace: Pace): CallOptions {
  return {
    profile,
    pace,
    apiKey: async () => apiKey,
    // A key that was just read is as new as it can be.
    onUnauthorized: () => {},
    timeoutMs: TIMEOUT_MS,
    now: Date.now,
  };
}

/** A person waits. The platform counts in minutes, so a second one would not help. */
const MAX_WAIT_MS = 60_000;
/** For a platform that asks for no time at all, again and again. */
const MIN_WAIT_MS = 1_000;

export interface Patience {
  pace: Pace;
  /**
   * Makes the call again after each 429 that says how long to wait, for a minute in all.
   *
   * @param call a call of `pace` that only reads, or whose PlatformError says whether it may be repeated.
   * @returns the outcome of the last one.
   */
  patiently<Result>(call: () => Promise<Result>): Promise<Result>;
}

/** @param tell gets a sentence before each wait. */
export function createPatience(
  tell: (sentence: string) => void,
  sleep: (ms: number) => Promise<unknown> = sleepFor,
): Patience {
  let leftMs = MAX_WAIT_MS;
  let askedMs: number | undefined;
  return {
    pace: {
      take: () => undefined,
      hold(ms) {
        askedMs = ms;
      },
    },
    async patiently(call) {
      for (;;) {
        askedMs = undefined;
        const [settled] = await Promise.allSettled([call()]);
        const mayRepeat =
          settled.status === 'fulfilled' ||
          (settled.reason instanceof PlatformError && settled.reason.mayRepeat);
        const waitMs = askedMs === undefined ? undefined : Math.max(askedMs, MIN_WAIT_MS);
        if (waitMs === undefined || waitMs > leftMs || !mayRepeat) {
          if (settled.status === 'rejected') throw settled.reason;
          return settled.value;
        }
        leftMs -= waitMs;
        tell(`The platform asks to wait ${Math.ceil(waitMs / 1000)} s (too many requests).`);
        await sleep(waitMs);
      }
    },
  };
}

/**
 * One of the platform's operations, made again if a 429 asks to wait.
 *
 * @throws a PlatformError.
 */
export async function callPlatform<Result>(
  platform: Platform,
  { pace, patiently }: Patience,
  call: (operations: PlatformOperations) => Promise<Result>,
): Promise<Result> {
  const operations = createPlatformOperations(callOptions(platform, pace));
  return patiently(() => call(operations));
}

/**
 * @param email as the platform spells it.
 * @returns `balance` in credits, and the platform's id; either is absent if the platform does not tell it.
 * @throws an OperateError, `not_found`, if the platform knows no such sub-account; an Error if it did not say.
 */
export async function readSubAccount(
  platform: Platform,
  { pace, patiently }: Patience,
  email: string,
): Promise<{ balance?: number; platformId?: string }> {
  const client = createPlatformClient(callOptions(platform, pace));
  const found = await patiently(() => client.subAccount(email));
  switch (found.kind) {
    case 'no_answer':
      throw new Error(`Whether there is such a sub-account could not be learnt: ${found.detail}`);
    case 'not_found':
      throw new OperateError('not_found', 'The platform knows no sub-account with this email.');
    case 'found': {
      const { kind: _, ...told } = found;
      return told;
    }
  }
}
