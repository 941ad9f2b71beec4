/**
 * Why a deed was not done:
 * - `not_found`: there is no such thing;
 * - `changed`: it is no longer what the person saw; nothing was done, and they must look again;
 * - `refused`: it must not be done, or not as it was asked for; nothing was done;
 * - `not_ready`: what the deed needs is not there yet: a relay that runs, a stack, a secret, a configuration.
 */
export type OperateErrorKind = 'not_found' | 'changed' | 'refused' | 'not_ready';

/**
 * What a deed throws if the person can do something about it. The message says what happened and what to do. The
 * kind is for programs. Other errors (AWS, the network, a bug) are no answer to the person. A ConfigError holds all
 * faults of a configuration.
 */
export class OperateError extends Error {
  readonly kind: OperateErrorKind;

  constructor(kind: OperateErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OperateError';
    this.kind = kind;
  }
}
