import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process by its number and its start: a number alone is given to another process later. */
export interface ProcessMark {
  pid: number;
  /** Empty where it could not be told. */
  startedAt: string;
}

/** @param proc where Linux tells of processes; other systems have no such folder, and are asked by `ps`. */
export function markOf(pid: number, proc = '/proc'): ProcessMark {
  const start = existsSync(proc) ? startByProc(pid, proc) : startByPs(pid);
  return { pid, startedAt: start === 'ended' ? '' : start };
}

/**
 * Whether the process of this mark still runs. `unsure`: one of its number does, and the start of one of the two is not
 * known. A stranger's process is not to be ended for it.
 */
export function stillRuns({ pid, startedAt }: ProcessMark, proc = '/proc'): 'yes' | 'no' | 'unsure' {
  const start = existsSync(proc) ? startByProc(pid, proc) : startByPs(pid);
  if (start === 'ended') return 'no';
  if (start === '' || startedAt === '') return 'unsure';
  return start === startedAt ? 'yes' : 'no';
}

/** In clock ticks since boot. A process that has ended, and only waits to be asked for its exit code, runs no more. */
function startByProc(pid: number, proc: string): string {
  try {
    const afterName = readFileSync(`${proc}/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    const [state, ...more] = afterName.split(' ');
    // Field 22 of proc(5), counted from the one after the state, which is field 4.
    return state === 'Z' ? 'ended' : (more[18] ?? '');
  } catch {
    return 'ended';
  }
}

/** A date to the second. macOS and the BSDs know these two columns, as Linux does. */
function startByPs(pid: number): string {
  const { status, stdout, error } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    // One language and one time zone: the text is compared with one of an earlier start.
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  if (error) return '';
  const [state = '', ...start] = stdout.trim().split(/\s+/);
  // `ps` says by its status that there is no such process.
  if (status !== 0 || state === '' || state.startsWith('Z')) return 'ended';
  return start.join(' ');
}
