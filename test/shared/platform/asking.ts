import type { z } from 'zod';
import { createPlatformClient, type Grant } from '../../../shared/platform/client.ts';
import type { Pace } from '../../../shared/platform/pace.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';
import { AnsweringPlatform } from './answering.ts';

export const EMAIL = 'jane+1@example.com';
export const grant: Grant = { email: EMAIL, credits: 500, description: 'rr-7f3a Auto-recharge' };

type Settings = Partial<z.input<typeof platformProfileSchema>>;

/** A platform for each test of a file, which answers as the test says, and clients of it. */
export function usePlatform() {
  const platform = new AnsweringPlatform();

  function client(
    settings: Settings = {},
    { pace, ...how }: { key?: string; timeoutMs?: number; pace?: Pace } = {},
  ) {
    return createPlatformClient({
      profile: platformProfileSchema.parse({ baseUrl: platform.baseUrl, ...settings }),
      ...platform.callOptions(how),
      ...(pace === undefined ? {} : { pace }),
    });
  }

  async function send(asker = client(), asked = grant) {
    const prepared = await asker.prepareGrant(asked);
    return prepared.send();
  }

  return { platform, client, send };
}

export const granted = { success: true, sub_account_id: 'abc123xyz', credits_added: 500, new_balance: 542.5 };

export const differs = (what: string) => ({ kind: 'differs', detail: `status 200: ${what}` });
export const unknown = (detail: string) => ({ kind: 'unknown', detail });
