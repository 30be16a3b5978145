import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import type { Dentry } from './dentry.ts';

export interface SuperInit {
  /** Of `struct file_system_type`: `tmpfs`. */
  readonly type: string;
  readonly magic: number;
  /** major << 20 | minor. */
  readonly dev: number;
  readonly userNs: Offset;
}

const MAX_LFS_FILESIZE = Number.MAX_SAFE_INTEGER;
const BLOCK_BITS = 12;

/** A mounted file system: `struct super_block`. */
export class SuperBlock {
  readonly s: Struct<'super_block'>;
  readonly type: string;
  #lastIno = 0;

  constructor({ mem, structs }: Core, init: SuperInit) {
    this.type = init.type;
    this.s = structs.super_block.alloc();
    this.s.s_dev = init.dev;
    this.s.s_magic = init.magic;
    this.s.s_blocksize_bits = BLOCK_BITS;
    this.s.s_blocksize = 1 << BLOCK_BITS;
    this.s.s_maxbytes = MAX_LFS_FILESIZE;
    this.s.s_user_ns = init.userNs;
    const type = structs.file_system_type.alloc();
    type.name = mem.allocString(init.type);
    this.s.s_type = type.addr;
    mem.u8.set(
      new TextEncoder().encode(init.type).subarray(0, 31),
      structs.super_block.fields.s_id.at(this.s.addr),
    );
  }

  get addr(): Offset {
    return this.s.addr;
  }

  /** s_root. */
  setRoot(root: Dentry): void {
    this.s.s_root = root.addr;
  }

  nextIno(): number {
    this.#lastIno += 1;
    return this.#lastIno;
  }
}
