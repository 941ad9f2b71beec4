import type { Adapter } from './adapter.ts';
import { loadAdapter } from './adapters/load.ts';
import type { ChannelSettings, Channels } from './settings.ts';

export interface Channel {
  settings: ChannelSettings;
  adapter: Adapter;
}

/** The channels of a configuration, by name. */
export interface OpenChannels {
  /** Undefined where there is no such channel. */
  settingsOf(name: string): ChannelSettings | undefined;
  /** With its adapter, whose code is loaded when it is first asked for. */
  open(name: string): Promise<Channel | undefined>;
}

export function channelsAtFirstUse(channels: Channels): OpenChannels {
  // A map: a path such as `/channels/constructor/incoming` names no channel.
  const known = new Map(Object.entries(channels));
  const opened = new Map<string, Promise<Channel>>();
  return {
    settingsOf: (name) => known.get(name),
    async open(name) {
      const settings = known.get(name);
      if (settings === undefined) return undefined;
      const opening = opened.get(name) ?? loadAdapter(settings).then((adapter) => ({ settings, adapter }));
      opened.set(name, opening);
      return opening;
    },
  };
}
