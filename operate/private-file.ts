import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { OperateError } from './error.ts';

/**
 * Appends to a file that this user alone may read, and that begins with `header`. Makes the file if there is none.
 *
 * @throws an OperateError, `refused`, if the file is anything else, for example a link. Nothing is written then.
 */
export function appendPrivately(file: string, header: string, text: string): void {
  try {
    writeFileSync(file, header, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const foreign = new OperateError(
    'refused',
    `${file} was there before, and is not ours to write to: name another with --file.`,
  );
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW);
  } catch {
    throw foreign;
  }
  try {
    const { mode, uid } = fstatSync(descriptor);
    const ours = (mode & 0o777) === 0o600 && uid === process.getuid?.();
    if (!ours || !readFileSync(descriptor, 'utf8').startsWith(header)) throw foreign;
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}
