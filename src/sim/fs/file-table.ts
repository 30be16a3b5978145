import { ERRNO } from '../../abi/index.ts';
import type { File } from './file.ts';

const { EBADF, EMFILE } = ERRNO;
/** RLIMIT_NOFILE as the kernel sets it for the first task. */
const MAX_FDS = 1024;

/** The file descriptors of a task: `struct files_struct`. */
export class FileTable {
  readonly #files: (File | undefined)[] = [];
  readonly #cloexec = new Set<number>();

  /** Number of open descriptors. */
  get size(): number {
    return this.#files.reduce((count, file) => count + (file === undefined ? 0 : 1), 0);
  }

  get(fd: number): File | undefined {
    return this.#files[fd];
  }

  /** The lowest free descriptor, or -EMFILE. */
  free(): number {
    for (let fd = 0; fd < MAX_FDS; fd++) if (this.#files[fd] === undefined) return fd;
    return -EMFILE;
  }

  /**
   * Gives the file the lowest free descriptor; takes over the caller's reference.
   * @returns the descriptor, or -EMFILE, and then the reference is the caller's still.
   */
  install(file: File, cloexec = false): number {
    const fd = this.free();
    if (fd < 0) return fd;
    this.#files[fd] = file;
    if (cloexec) this.#cloexec.add(fd);
    return fd;
  }

  /** close(2). @returns 0 or -EBADF. */
  close(fd: number): number {
    const file = this.#files[fd];
    if (file === undefined) return -EBADF;
    this.#drop(fd);
    file.put();
    return 0;
  }

  /** dup_fd(): the copy shares every file. */
  clone(): FileTable {
    const copy = new FileTable();
    this.#files.forEach((file, fd) => {
      if (file === undefined) return;
      copy.#files[fd] = file.get();
      if (this.#cloexec.has(fd)) copy.#cloexec.add(fd);
    });
    return copy;
  }

  /** Takes out the files that close on exec; their references are the caller's. */
  takeCloexec(): File[] {
    const taken: File[] = [];
    for (const fd of this.#cloexec) {
      const file = this.#files[fd];
      if (file !== undefined) taken.push(file);
      this.#drop(fd);
    }
    return taken;
  }

  /** Closes everything. */
  release(): void {
    for (let fd = 0; fd < this.#files.length; fd++) this.close(fd);
  }

  #drop(fd: number): void {
    this.#files[fd] = undefined;
    this.#cloexec.delete(fd);
  }
}
