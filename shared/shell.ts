/** One word for a POSIX shell, whatever stands in it: keys and paths are printed in lines that people paste. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
