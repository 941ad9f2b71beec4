/**
 * A change of the code that no test can notice, or that none needs to, and why. It stays here, and not as a comment in the
 * code. It must survive: one that is killed by now, or is not there any more, is an error.
 */
export interface Explained {
  file: string;
  /** The line on which the change begins, without its indentation. */
  line: string;
  /** The same line after the change. What a change takes away of the lines below is not seen here. */
  becomes: string;
  why: string;
}

export const EXPLAINED: readonly Explained[] = [];
