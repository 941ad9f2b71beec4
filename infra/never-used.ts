/**
 * Stands in the bundles for two modules of the SDK that its client of DynamoDB imports and never uses: no operation of
 * DynamoDB asks for its endpoint first, and none is a stream of events. They would be loaded at each cold start, with a cache
 * and with zlib: 10 KB and 4 ms. What else a later version imports of them, the build misses and fails.
 */
export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = {
  environmentVariableSelector: () => false,
  configFileSelector: () => false,
  default: false,
};

export const resolveEndpointDiscoveryConfig = <Config>(config: Config): Config => config;

/** @throws always. */
export class EventStreamSerde {
  constructor() {
    throw new Error('Bug! No operation of DynamoDB is a stream of events.');
  }
}
