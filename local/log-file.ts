import { appendFileSync, existsSync, renameSync, statSync } from 'node:fs';

/** A day of a busy relay on one machine. With the file before it, no more than twice this is kept. */
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * A log that does not fill the disk: a full file is kept as `<file>.1`, in the place of the one before, and a new one
 * begins.
 *
 * @returns takes one line without its line end.
 * @throws if the file cannot be written.
 */
export function createLogFile(file: string, maxBytes = MAX_BYTES): (line: string) => void {
  // Here, where a person is there to be told, and not at the first line.
  appendFileSync(file, '');
  let bytes = statSync(file).size;
  return (line) => {
    const text = `${line}\n`;
    const length = Buffer.byteLength(text);
    if (bytes > 0 && bytes + length > maxBytes) {
      // A person may have taken it away.
      if (existsSync(file)) renameSync(file, `${file}.1`);
      bytes = 0;
    }
    appendFileSync(file, text);
    bytes += length;
  };
}
