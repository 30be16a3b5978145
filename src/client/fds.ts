import type { BpfCommand, BpfCommands, Task } from '../kernel/index.ts';
import { BpfError } from './errors.ts';

/**
 * Makes a bpf(2) command.
 * @param subject names what it is about in the message.
 * @throws BpfError when the kernel refuses.
 */
export async function bpf<C extends BpfCommand>(
  task: Task,
  command: C,
  attr: BpfCommands[C]['attr'],
  subject?: string,
): Promise<BpfCommands[C]['out']> {
  const result = await task.bpf(command, attr);
  if (!result.ok) throw new BpfError({ ...result, command }, subject);
  return result.value;
}

/** The file descriptors that belong to one owner, closed together. */
export class Fds {
  readonly task: Task;
  readonly #open = new Set<number>();

  constructor(task: Task) {
    this.task = task;
  }

  own(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  async close(fd: number): Promise<void> {
    if (this.#open.delete(fd)) await this.task.call('close', fd);
  }

  /** Newest first, so that links go before programs and programs before maps. */
  async closeAll(): Promise<void> {
    for (const fd of [...this.#open].toReversed()) await this.close(fd);
  }
}
