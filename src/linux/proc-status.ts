import { readFileSync } from 'node:fs';

/** Text of /proc/PID/status; undefined when there is no such task. */
export function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
}
