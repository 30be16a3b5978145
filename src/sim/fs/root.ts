import { ROOT_TREE, type RootEntry } from '../../kernel/root-tree.ts';
import type { Dentry } from './dentry.ts';
import { fill, instantiate } from './create.ts';
import { regularOps, nullOps, directoryOps } from './ops.ts';
import { S } from './flags.ts';
import type { Path } from './mount.ts';
import { programImage } from './program-image.ts';
import type { Vfs } from './vfs.ts';

const TMPFS_MAGIC = 0x01021994;
const MINOR_BITS = 20;

/** Mounts the root file system, empty. */
export function mountRoot(vfs: Vfs, mntNs: number): Path {
  const sb = vfs.superBlock('tmpfs', TMPFS_MAGIC);
  const root = vfs.dentries.make(sb, undefined, '/');
  const init = { mode: S.IFDIR | 0o755, uid: 0, gid: 0, ops: directoryOps };
  const inode = vfs.inodes.make(sb, init);
  if (inode === undefined) throw new Error('an LSM refused the root inode');
  inode.s.i_nlink = 2;
  instantiate(vfs, root, inode);
  sb.setRoot(root);
  return { mnt: vfs.mount(root, 'tmpfs', mntNs), dentry: root };
}

/** Fills the root file system, acting as the current task, without asking any LSM but for new inodes. */
export function fillRoot(vfs: Vfs, root: Path): void {
  for (const [path, entry] of Object.entries(ROOT_TREE)) {
    const names = path.split('/').slice(1);
    let parent = root.dentry;
    for (const name of names.slice(0, -1)) parent = child(parent, name);
    place(vfs, parent, names.at(-1) ?? '', entry);
  }
}

function child(parent: Dentry, name: string): Dentry {
  const found = parent.children.get(name);
  if (found === undefined) throw new Error(`no ${name} in ${parent.name}`);
  return found;
}

function place(vfs: Vfs, parent: Dentry, name: string, entry: RootEntry): void {
  const dentry = vfs.dentries.make(parent.sb, parent, name);
  const { device } = entry;
  // The only device there is.
  const ops = device === undefined ? undefined : nullOps;
  const rdev = device === undefined ? 0 : (device.major << MINOR_BITS) | device.minor;
  fill(vfs, parent, dentry, entry.mode, entry.link, ops, rdev);
  const { inode } = dentry;
  if (inode === undefined) throw new Error(`an LSM refused ${name}`);
  inode.s.i_uid = entry.uid ?? 0;
  inode.s.i_gid = entry.gid ?? 0;
  const bytes = entry.program ? programImage() : new TextEncoder().encode(entry.text ?? '');
  if (inode.ops === regularOps) {
    inode.pages.write(0, bytes);
    inode.s.i_size = bytes.length;
  }
  dentry.put();
}
