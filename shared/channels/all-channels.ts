import { createAdapter } from './adapters/index.ts';
import type { Channel } from './channels.ts';
import type { Channels } from './settings.ts';

/** By name. A map: a path such as `/channels/constructor/incoming` names no channel. */
export function openChannels(channels: Channels): ReadonlyMap<string, Channel> {
  return new Map(
    Object.entries(channels).map(([name, settings]) => [
      name,
      { settings, adapter: createAdapter(settings) },
    ]),
  );
}
