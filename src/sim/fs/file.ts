import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import { hookPoints, type Core } from '../task/core.ts';
import type { Cred, Creds } from '../task/cred.ts';
import { FMODE, S, isType } from './flags.ts';
import type { FileOps, Inode } from './inode.ts';
import { MNT, type Path } from './mount.ts';

const HOOKS = ['file_alloc_security', 'file_release', 'file_free_security'] as const;

/** An open file: `struct file`. Descriptors of all tasks and mappings share it by counting. */
export class File {
  readonly s: Struct<'file'>;
  path: Path | undefined;
  /** What the file stands for beside its bytes: a BPF program, a map, a socket. */
  object: unknown = undefined;
  /** Called once, at the last close. */
  onRelease: (() => void) | undefined;
  /** Set for a file that executes: others must not write to it. */
  deniesWrite = false;
  #refs = 1;
  readonly #files: Files;

  constructor(files: Files, s: Struct<'file'>) {
    this.#files = files;
    this.s = s;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  /** Offset of its `struct path`. */
  get pathAddr(): Offset {
    return this.#files.pathAddr(this);
  }

  get inode(): Inode {
    const inode = this.path?.dentry.inode;
    if (inode === undefined) throw new Error('file without an inode');
    return inode;
  }

  get ops(): FileOps {
    return this.inode.ops;
  }

  get noexec(): boolean {
    return this.path?.mnt.has(MNT.NOEXEC) ?? false;
  }

  get(): this {
    this.#refs += 1;
    return this;
  }

  /** fput(): the last reference closes the file. */
  put(): void {
    this.#refs -= 1;
    if (this.#refs === 0) this.#files.release(this);
  }
}

/** Makes and releases open files (fs/file_table.c). */
export class Files {
  readonly #core: Core;
  readonly #creds: Creds;
  readonly #hooks;
  /** All open files, for leak checks. */
  live = 0;

  constructor(core: Core, creds: Creds) {
    this.#core = core;
    this.#creds = creds;
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  /** alloc_empty_file(). @returns the file, or the negative errno of the LSM that refused. */
  alloc(flags: number, cred: Cred): File | number {
    const s = this.#core.structs.file.alloc();
    s.f_flags = flags;
    s.f_mode = ((flags + 1) & 3) | ((flags & 0x20) !== 0 ? FMODE.EXEC : 0);
    s.f_cred = this.#creds.get(cred).addr;
    const refused = this.#hooks.file_alloc_security.call(s.addr);
    if (refused < 0) {
      this.#creds.put(cred);
      this.#core.mem.free(s.addr);
      return refused;
    }
    this.live += 1;
    return new File(this, s);
  }

  /** Puts the file at a place in the tree; takes references. */
  setPath(file: File, path: Path): void {
    file.path = path;
    path.dentry.get();
    file.s.f_path_mnt = path.mnt.addr;
    file.s.f_path_dentry = path.dentry.addr;
    file.s.f_inode = path.dentry.inode?.addr ?? 0;
  }

  /** __fput(). */
  release(file: File): void {
    const opened = (file.s.f_mode & FMODE.OPENED) !== 0;
    if (opened) this.#hooks.file_release.call(file.addr);
    file.onRelease?.();
    if (opened && file.path !== undefined) putWriteAccess(file);
    file.path?.dentry.put();
    this.#hooks.file_free_security.call(file.addr);
    this.#creds.put(this.#creds.at(file.s.f_cred));
    this.live -= 1;
    this.#core.mem.free(file.addr);
  }

  pathAddr(file: File): Offset {
    return this.#core.structs.file.fields.f_path.at(file.addr);
  }
}

function putWriteAccess(file: File): void {
  const { s } = file.inode;
  if (file.deniesWrite) s.i_writecount += 1;
  if ((file.s.f_mode & FMODE.WRITE) !== 0 && isType(s.i_mode, S.IFREG)) s.i_writecount -= 1;
}
