/**
 * Stands in the bundles for modules of the SDK that its client of DynamoDB imports and never uses. No operation of
 * DynamoDB asks for its endpoint first: that would be loaded at each cold start, with a cache. And on Lambda are no
 * profiles: each setting that the environment lacks would be looked for in two files that are not there, which takes a
 * twentieth of a cold start. What else a later version imports of them, the build misses and fails.
 */
export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = {
  environmentVariableSelector: () => false,
  configFileSelector: () => false,
  default: false,
};

export const resolveEndpointDiscoveryConfig = <Config>(config: Config): Config => config;

/** Fails as the SDK does where a profile has no such setting: the next place is asked, which is its default. */
export const fromSharedConfigFiles = () => () =>
  Promise.reject(Object.assign(new Error('There are no profiles on Lambda.'), { tryNextLink: true }));
