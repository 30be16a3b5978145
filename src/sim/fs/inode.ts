import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import { Pages } from '../mm/user-memory.ts';
import { hookPoints, type Core } from '../task/core.ts';
import type { SuperBlock } from './super.ts';

const HOOKS = ['inode_alloc_security', 'inode_free_security'] as const;

/** What reads, writes and the last close of a file do; the kinds of inodes differ in it. */
export interface FileOps {
  /** Whether mmap(2) works on it. */
  readonly mappable: boolean;
  /** @returns bytes read or a negative errno. */
  read(file: FileLike, into: Uint8Array): number;
  /** @returns bytes written or a negative errno. */
  write(file: FileLike, data: Uint8Array): number;
}

/** What {@link FileOps} need of an open file. */
export interface FileLike {
  readonly inode: Inode;
  readonly s: Struct<'file'>;
}

/** An inode: its struct in kernel memory, and the contents that the page cache keeps on Linux. */
export class Inode {
  readonly s: Struct<'inode'>;
  readonly sb: SuperBlock;
  readonly ops: FileOps;
  readonly pages = new Pages();
  /** Target of a symbolic link. */
  link = '';
  /** A directory that was removed and takes no new entries (S_DEAD). */
  dead = false;
  readonly #inodes: Inodes;

  constructor(inodes: Inodes, s: Struct<'inode'>, sb: SuperBlock, ops: FileOps) {
    this.#inodes = inodes;
    this.s = s;
    this.sb = sb;
    this.ops = ops;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  get(): this {
    this.s.i_count += 1;
    return this;
  }

  /** iput(): with the last reference the inode goes. */
  put(): void {
    this.s.i_count -= 1;
    if (this.s.i_count === 0) this.#inodes.free(this);
  }

  /** Sets the size; what is beyond is gone. In bytes. */
  truncate(size: number): void {
    this.s.i_size = size;
    this.pages.truncate(size);
  }
}

export interface InodeInit {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ops: FileOps;
  /** major << 20 | minor, for device files. */
  readonly rdev?: number;
}

/** Makes and frees inodes (fs/inode.c). */
export class Inodes {
  readonly #core: Core;
  readonly #hooks;
  /** All inodes there are, for leak checks. */
  live = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  /** new_inode(): with one reference, the caller's. @returns the inode, or -ENOMEM as Linux says for a refusal. */
  make(sb: SuperBlock, init: InodeInit): Inode | undefined {
    const s = this.#core.structs.inode.alloc();
    s.i_sb = sb.addr;
    s.i_count = 1;
    s.i_blkbits = sb.s.s_blocksize_bits;
    if (this.#hooks.inode_alloc_security.call(s.addr) < 0) {
      this.#core.mem.free(s.addr);
      return undefined;
    }
    s.i_ino = sb.nextIno();
    s.i_mode = init.mode;
    s.i_uid = init.uid;
    s.i_gid = init.gid;
    s.i_nlink = 1;
    s.i_rdev = init.rdev ?? 0;
    const inode = new Inode(this, s, sb, init.ops);
    this.touch(inode, ['i_atime', 'i_mtime', 'i_ctime']);
    this.live += 1;
    return inode;
  }

  /** Sets times to now; the simulated clock counts from the epoch. */
  touch(inode: Inode, times: readonly ('i_atime' | 'i_mtime' | 'i_ctime')[]): void {
    const now = this.#core.now();
    for (const time of times) {
      inode.s[time] = Math.floor(now / 1e9);
      inode.s[`${time}_nsec`] = now % 1e9;
    }
  }

  free(inode: Inode): void {
    this.#hooks.inode_free_security.call(inode.addr);
    this.live -= 1;
    this.#core.mem.free(inode.addr);
  }
}
