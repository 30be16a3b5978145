import { ERRNO } from '../../abi/index.ts';
import type { Dentry } from './dentry.ts';
import type { File } from './file.ts';
import { FMODE, O } from './flags.ts';
import type { FileOps, Inode } from './inode.ts';
import type { Mount } from './mount.ts';
import type { Vfs } from './vfs.ts';

const { EINVAL } = ERRNO;
const ANON_INODE_FS_MAGIC = 0x09041934;

/** Names of anonymous files, as readlink of /proc/PID/fd/N shows them behind `anon_inode:`. */
export type AnonName = 'bpf-map' | 'bpf-prog' | 'bpf_link' | 'bpf-link' | 'btf';

const anonOps: FileOps = { mappable: false, read: () => -EINVAL, write: () => -EINVAL };

/** The kernel's own mount whose one inode all anonymous files share (fs/anon_inodes.c). */
export class AnonInodes {
  readonly #vfs: Vfs;
  readonly #mount: Mount;
  readonly #inode: Inode;

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
    const sb = vfs.superBlock('anon_inodefs', ANON_INODE_FS_MAGIC);
    const root = vfs.dentries.make(sb, undefined, '/');
    // No file type at all: that is what Linux gives it.
    const inode = vfs.inodes.make(sb, { mode: 0o600, uid: 0, gid: 0, ops: anonOps });
    if (inode === undefined) throw new Error('an LSM refused the inode of anonymous files');
    this.#inode = inode;
    vfs.dentries.instantiate(root, inode.get());
    sb.setRoot(root);
    this.#mount = vfs.mount(root, 'anon_inodefs', 0);
  }

  /**
   * anon_inode_getfile(): an open file that stands for a kernel object.
   * @param release called at once when the last reference to the file goes.
   * @returns the file, or a negative errno from the LSM.
   */
  file(
    name: AnonName,
    object: unknown,
    release: () => void,
    flags: number = O.RDWR | O.CLOEXEC,
  ): File | number {
    const vfs = this.#vfs;
    const dentry = this.#dentry(name);
    const file = vfs.files.alloc(flags, vfs.cred);
    if (typeof file === 'number') {
      dentry.put();
      return file;
    }
    vfs.files.setPath(file, { mnt: this.#mount, dentry });
    dentry.put();
    file.s.f_mode |= FMODE.OPENED;
    file.object = object;
    file.onRelease = release;
    return file;
  }

  /** A name of its own for each file, all on the one inode. */
  #dentry(name: string): Dentry {
    const { dentries, hooks } = this.#vfs;
    const dentry = dentries.make(this.#mount.root.sb, undefined, name);
    dentry.dname = () => `anon_inode:${name}`;
    hooks.d_instantiate.call(dentry.addr, this.#inode.addr);
    dentries.instantiate(dentry, this.#inode.get());
    return dentry;
  }
}
