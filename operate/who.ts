import { hostname, userInfo } from 'node:os';

/** Who runs this command, as their machine calls them: `jane@desk`. */
export function whoRuns(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run us under a number that has no name.
    return hostname();
  }
}
