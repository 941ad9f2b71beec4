import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Stands in the bundles for the module of the SDK that looks for credentials on a developer's machine, too: in profiles,
 * single sign-on, processes and containers. It is looked up under this name.
 */
export const defaultProvider = fromEnv;
