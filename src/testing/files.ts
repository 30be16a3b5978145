import type { Task } from '../kernel/index.ts';

/** Size of x86-64 `struct stat` in bytes; st_dev and st_ino are its first two words. */
const STAT_SIZE = 144;

/** Which file a path leads to, as stat(2) tells. */
export async function fileId(task: Task, path: string): Promise<{ dev: bigint; ino: bigint }> {
  const stat = new Uint8Array(STAT_SIZE);
  const result = await task.call('stat', path, stat);
  if (result < 0) throw new Error(`stat ${path} gave ${result}`);
  const view = new DataView(stat.buffer);
  return { dev: view.getBigUint64(0, true), ino: view.getBigUint64(8, true) };
}
