import type { Dentry } from './dentry.ts';
import { fill, instantiate } from './create.ts';
import { regularOps, nullOps, directoryOps } from './ops.ts';
import { S } from './flags.ts';
import type { FileOps } from './inode.ts';
import type { Path } from './mount.ts';
import { programImage } from './program-image.ts';
import type { Vfs } from './vfs.ts';

const TMPFS_MAGIC = 0x01021994;
const NULL_DEVICE = (1 << 20) | 3;

interface Entry {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly text?: string;
  readonly link?: string;
  /** A program that runs and does nothing. */
  readonly program?: true;
  readonly device?: { readonly rdev: number; readonly ops: FileOps };
}

const dir = (mode = 0o755, uid = 0, gid = 0): Entry => ({ mode: S.IFDIR | mode, uid, gid });
const program = (mode = 0o755): Entry => ({ mode: S.IFREG | mode, program: true });
const text = (content: string, mode = 0o644, gid = 0): Entry => ({
  mode: S.IFREG | mode,
  text: content,
  gid,
});

/** Debian's group that may read /etc/shadow. */
const SHADOW_GID = 42;
const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
user:x:1000:1000:user:/home/user:/bin/sh
`;

/** What a booted kernel finds on its root file system. Parents come before what is in them. */
const TREE: Readonly<Record<string, Entry>> = {
  '/usr': dir(),
  '/usr/bin': dir(),
  '/usr/bin/sh': program(),
  '/usr/bin/bash': program(),
  '/usr/bin/cat': program(),
  '/usr/bin/ls': program(),
  '/usr/bin/true': program(),
  '/usr/bin/env': program(),
  '/usr/bin/id': program(),
  '/usr/bin/su': program(0o4755),
  '/usr/sbin': dir(),
  '/usr/lib': dir(),
  '/bin': { mode: S.IFLNK | 0o777, link: 'usr/bin' },
  '/sbin': { mode: S.IFLNK | 0o777, link: 'usr/sbin' },
  '/lib': { mode: S.IFLNK | 0o777, link: 'usr/lib' },
  '/etc': dir(),
  '/etc/passwd': text(PASSWD),
  '/etc/shadow': text('root:*:19000:0:99999:7:::\n', 0o640, SHADOW_GID),
  '/etc/hosts': text('127.0.0.1\tlocalhost\n'),
  '/etc/hostname': text('localhost\n'),
  '/dev': dir(),
  '/dev/null': { mode: S.IFCHR | 0o666, device: { rdev: NULL_DEVICE, ops: nullOps } },
  '/home': dir(),
  '/home/user': dir(0o755, 1000, 1000),
  '/root': dir(0o700),
  '/tmp': dir(0o1777),
  '/var': dir(),
  '/var/tmp': dir(0o1777),
  '/run': dir(),
  '/proc': dir(0o555),
  '/sys': dir(0o555),
};

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
  for (const [path, entry] of Object.entries(TREE)) {
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

function place(vfs: Vfs, parent: Dentry, name: string, entry: Entry): void {
  const dentry = vfs.dentries.make(parent.sb, parent, name);
  const { ops, rdev } = entry.device ?? { ops: undefined, rdev: 0 };
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
