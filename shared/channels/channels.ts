import type { Adapter } from './adapter.ts';
import { createAdapter } from './adapters/index.ts';
import type { ChannelSettings, Channels } from './settings.ts';

export interface Channel {
  settings: ChannelSettings;
  adapter: Adapter;
}

/** By name. A map: a path such as `/channels/constructor/incoming` names no channel. */
export function openChannels(channels: Channels): ReadonlyMap<string, Channel> {
  return new Map(
    Object.entries(channels).map(([name, settings]) => [
      name,
      { settings, adapter: createAdapter(settings) },
    ]),
  );
}
