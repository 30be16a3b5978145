import type { Offset } from '../mem/memory.ts';
import { hookPoints, type Core } from '../task/core.ts';
import type { Cred } from '../task/cred.ts';
import type { Task } from '../task/task.ts';
import type { Tasks } from '../task/tasks.ts';
import { Dentries } from './dentry.ts';
import { Files } from './file.ts';
import { Inodes } from './inode.ts';
import { Mount } from './mount.ts';
import { SuperBlock } from './super.ts';

const HOOKS = [
  'd_instantiate',
  'file_open',
  'file_permission',
  'file_post_open',
  'file_truncate',
  'inode_create',
  'inode_follow_link',
  'inode_getattr',
  'inode_init_security',
  'inode_link',
  'inode_mkdir',
  'inode_permission',
  'inode_post_setattr',
  'inode_rename',
  'inode_rmdir',
  'inode_setattr',
  'inode_symlink',
  'inode_unlink',
  'path_chmod',
  'path_chown',
  'path_link',
  'path_mkdir',
  'path_mknod',
  'path_rename',
  'path_rmdir',
  'path_symlink',
  'path_truncate',
  'path_unlink',
] as const;

/** The virtual file system of one kernel: its objects and the hooks that its operations call. */
export class Vfs {
  readonly core: Core;
  readonly tasks: Tasks;
  readonly hooks;
  readonly inodes: Inodes;
  readonly dentries: Dentries;
  readonly files: Files;
  /** Before 6.2 opening with O_TRUNC and ftruncate(2) ask path_truncate, since then file_truncate. */
  readonly truncatesFiles: boolean;
  /** Since 6.2 inode_setattr and its like take the mount's id mapping first. */
  readonly passesIdmap: boolean;
  #lastMountId = 0;
  #lastMinor = 0;

  constructor(core: Core, tasks: Tasks) {
    this.core = core;
    this.tasks = tasks;
    this.hooks = hookPoints(core.lsm, HOOKS);
    this.inodes = new Inodes(core);
    this.dentries = new Dentries(core);
    this.files = new Files(core, tasks.creds);
    this.truncatesFiles = this.hooks.file_truncate.prototype !== undefined;
    this.passesIdmap = this.hooks.inode_setattr.prototype?.params.length === 3;
  }

  get current(): Task {
    return this.tasks.current;
  }

  get cred(): Cred {
    return this.tasks.current.cred;
  }

  /** A super_block on a device number of its own (major 0, as all file systems without a disk). */
  superBlock(type: string, magic: number): SuperBlock {
    this.#lastMinor += 1;
    return new SuperBlock(this.core, {
      type,
      magic,
      dev: this.#lastMinor,
      userNs: this.tasks.namespaces.user,
    });
  }

  /** Mounts the tree under the super_block's root; `ns` 0 for the kernel's own mounts. */
  mount(root: Mount['root'], device: string, ns: Offset): Mount {
    this.#lastMountId += 1;
    return new Mount(this.core, { id: this.#lastMountId, root, device, ns });
  }
}
