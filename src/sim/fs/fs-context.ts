import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import type { Path } from './mount.ts';

/** Root and working directory of a task: `struct fs_struct`. */
export class FsContext {
  readonly s: Struct<'fs_struct'>;
  readonly #core: Core;
  #root: Path;
  #pwd: Path;

  constructor(core: Core, root: Path, pwd: Path, umask: number) {
    this.#core = core;
    this.s = core.structs.fs_struct.alloc();
    this.s.users = 1;
    this.s.umask = umask;
    this.#root = root;
    this.#pwd = pwd;
    root.dentry.get();
    pwd.dentry.get();
    this.s.root_mnt = root.mnt.addr;
    this.s.root_dentry = root.dentry.addr;
    this.#writePwd();
  }

  get addr(): Offset {
    return this.s.addr;
  }

  get root(): Path {
    return this.#root;
  }

  get pwd(): Path {
    return this.#pwd;
  }

  /** set_fs_pwd(). */
  chdir(path: Path): void {
    path.dentry.get();
    this.#pwd.dentry.put();
    this.#pwd = path;
    this.#writePwd();
  }

  clone(): FsContext {
    return new FsContext(this.#core, this.#root, this.#pwd, this.s.umask);
  }

  release(): void {
    this.#root.dentry.put();
    this.#pwd.dentry.put();
    this.#core.mem.free(this.addr);
  }

  #writePwd(): void {
    this.s.pwd_mnt = this.#pwd.mnt.addr;
    this.s.pwd_dentry = this.#pwd.dentry.addr;
  }
}
