import type { Task } from '../kernel/index.ts';
import { bpf } from './fds.ts';

/**
 * Gives an object a name in a bpffs, which keeps it until the name is removed.
 * @throws BpfError: EEXIST when the name is taken, EPERM where no bpffs is mounted.
 */
export async function pin(task: Task, bpfFd: number, path: string, subject: string): Promise<void> {
  await bpf(task, 'OBJ_PIN', { bpfFd, pathname: path }, `${subject}: pin ${path}`);
}
