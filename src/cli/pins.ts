import { ERRNO, errnoText } from '../abi/index.ts';
import type { Task } from '../kernel/index.ts';
import { UsageError } from './context.ts';
import { fileSystemType, MAGIC } from './host.ts';

const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));

/** Files made in a bpffs, so that they can be taken back together. */
export class Pins {
  readonly #task: Task;
  readonly #undo: (() => Promise<number>)[] = [];

  constructor(task: Task) {
    this.#task = task;
  }

  /** Makes a folder if it is not there. @throws UsageError when it cannot be, or is in no bpffs. */
  async folder(path: string): Promise<void> {
    const made = await this.#task.call('mkdir', path, 0o700);
    if (made >= 0) this.#undo.push(() => this.#task.call('rmdir', path));
    const exists = made >= 0 || made === -ERRNO.EEXIST;
    const around = fileSystemType(exists ? path : folderOf(path));
    if (around !== undefined && around !== MAGIC.bpffs)
      throw new UsageError(
        `${path}: is in no bpf file system: mount one with 'mount -t bpf bpf ${folderOf(path)}'`,
      );
    if (!exists) throw new UsageError(`${path}: ${errnoText(made)}`);
  }

  /** @throws UsageError */
  async pin(bpfFd: number, path: string): Promise<void> {
    const result = await this.#task.bpf('OBJ_PIN', { bpfFd, pathname: path });
    if (!result.ok) throw new UsageError(`${path}: ${errnoText(result.errno)}`);
    this.#undo.push(() => this.#task.call('unlink', path));
  }

  /** Removes what was made here, newest first. */
  async undo(): Promise<void> {
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
  }
}
