import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import type { Dentry } from './dentry.ts';

export const MNT = { NOSUID: 0x01, NODEV: 0x02, NOEXEC: 0x04, READONLY: 0x40 } as const;

/** A place where a file system is seen: `struct mount` around the `struct vfsmount` that policies meet. */
export class Mount {
  readonly s: Struct<'mount'>;
  readonly v: Struct<'vfsmount'>;
  readonly root: Dentry;

  constructor(
    { mem, structs }: Core,
    init: {
      readonly id: number;
      readonly root: Dentry;
      readonly device: string;
      readonly ns: Offset;
    },
  ) {
    this.root = init.root.get();
    this.s = structs.mount.alloc();
    this.s.mnt_id = init.id;
    this.s.mnt_ns = init.ns;
    this.s.mnt_devname = mem.allocString(init.device);
    this.s.mnt_parent = this.s.addr;
    this.s.mnt_mountpoint = init.root.addr;
    this.v = structs.vfsmount.at(structs.mount.fields.mnt.at(this.s.addr));
    this.v.mnt_root = init.root.addr;
    this.v.mnt_sb = init.root.sb.addr;
  }

  /** Offset of the `struct vfsmount`. */
  get addr(): Offset {
    return this.v.addr;
  }

  has(flag: number): boolean {
    return (this.v.mnt_flags & flag) !== 0;
  }
}

/** A place in the tree: `struct path`. */
export interface Path {
  readonly mnt: Mount;
  readonly dentry: Dentry;
}
