import { ERRNO } from '../../abi/index.ts';
import type { Task } from '../task/task.ts';
import type { Dentry } from './dentry.ts';
import { MAY, S, isDirectory, isType } from './flags.ts';
import type { Inode } from './inode.ts';
import type { Path } from './mount.ts';
import { inodePermission } from './permission.ts';
import type { Vfs } from './vfs.ts';

const { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } = ERRNO;

/** In bytes, the NUL included. */
const PATH_MAX = 4096;
const NAME_MAX = 255;
const MAXSYMLINKS = 40;
const utf8 = new TextEncoder();

/** Whether the text takes more bytes in UTF-8; a code unit takes three at most. */
const longerThan = (text: string, bytes: number): boolean =>
  text.length > bytes || (text.length * 3 > bytes && utf8.encode(text).length > bytes);

/** Where a path leads without its last component (struct nameidata after link_path_walk). */
export interface Parent {
  readonly dir: Path;
  readonly last: string;
  readonly type: 'norm' | 'dot' | 'dotdot' | 'root';
  /** Whether slashes follow the last component. */
  readonly trailing: boolean;
}

/** One resolution of a path: symbolic links count over all of it. */
export class Walk {
  readonly #vfs: Vfs;
  readonly #task: Task;
  #links = 0;
  /** Walks begin in RCU mode and stay in it as long as names are cached, which they always are here. */
  #rcu = true;

  constructor(vfs: Vfs, task: Task) {
    this.#vfs = vfs;
    this.#task = task;
  }

  /** filename_parentat(). @returns where the last component is looked for, or a negative errno. */
  parent(name: string, from?: Path): Parent | number {
    if (name === '') return -ENOENT;
    if (longerThan(name, PATH_MAX - 1)) return -ENAMETOOLONG;
    const { root, pwd } = this.#task.fs;
    let dir = name.startsWith('/') ? root : (from ?? pwd);
    const parts = name.split('/').filter((part) => part !== '');
    const trailing = name.endsWith('/');
    for (const [i, part] of parts.entries()) {
      const mask = MAY.EXEC | (this.#rcu ? MAY.NOT_BLOCK : 0);
      const refused = inodePermission(this.#vfs, inodeOf(dir.dentry), mask);
      if (refused < 0) return refused;
      const type = part === '.' ? 'dot' : part === '..' ? 'dotdot' : 'norm';
      const parent: Parent = { dir, last: part, type, trailing };
      if (i === parts.length - 1) return parent;
      const next = this.step({ ...parent, trailing: true }, true);
      if (typeof next === 'number') return next;
      dir = next;
    }
    return { dir, last: '', type: 'root', trailing };
  }

  /** filename_lookup(). @returns the place, or a negative errno. */
  path(name: string, follow: boolean, from?: Path): Path | number {
    const parent = this.parent(name, from);
    return typeof parent === 'number' ? parent : this.step(parent, follow);
  }

  /** Takes the last component; where slashes follow it, it must be a directory. */
  step(parent: Parent, follow: boolean): Path | number {
    const { dir, type, trailing } = parent;
    if (type === 'dotdot') return this.#up(dir);
    if (type !== 'norm') return dir;
    const dentry = lookup(dir.dentry, parent.last);
    if (typeof dentry === 'number') return dentry;
    let path: Path | number = { mnt: dir.mnt, dentry };
    if ((follow || trailing) && isType(inodeOf(dentry).s.i_mode, S.IFLNK))
      path = this.follow(dir, dentry);
    if (typeof path === 'number' || !trailing) return path;
    return isDirectory(inodeOf(path.dentry).s.i_mode) ? path : -ENOTDIR;
  }

  /** Follows a symbolic link to its end. */
  follow(dir: Path, dentry: Dentry): Path | number {
    const refused = this.enterLink(dentry);
    return refused < 0 ? refused : this.path(inodeOf(dentry).link, true, dir);
  }

  /** pick_link(): counts the link, notes the access, for which RCU mode ends, and asks the LSMs. */
  enterLink(dentry: Dentry): number {
    this.#links += 1;
    if (this.#links > MAXSYMLINKS) return -ELOOP;
    const inode = inodeOf(dentry);
    if (atimeIsOld(inode)) {
      this.#rcu = false;
      this.#vfs.inodes.touch(inode, ['i_atime']);
    }
    const { inode_follow_link } = this.#vfs.hooks;
    return inode_follow_link.call(dentry.addr, inode.addr, this.#rcu ? 1 : 0);
  }

  #up({ mnt, dentry }: Path): Path {
    const atRoot = dentry === this.#task.fs.root.dentry;
    return atRoot ? { mnt, dentry } : { mnt, dentry: dentry.parent };
  }
}

/** relatime_need_update(): an access is noted when there was none since the last change. */
function atimeIsOld({ s }: Inode): boolean {
  const time = (name: 'i_atime' | 'i_mtime' | 'i_ctime'): number =>
    s[name] * 1e9 + s[`${name}_nsec`];
  return time('i_atime') <= Math.max(time('i_mtime'), time('i_ctime'));
}

/** The positive dentry of this name, or a negative errno. */
export function lookup(dir: Dentry, name: string): Dentry | number {
  if (longerThan(name, NAME_MAX)) return -ENAMETOOLONG;
  return dir.children.get(name) ?? -ENOENT;
}

/** The dentry of this name, a new negative one if there is none: that one the caller puts. */
export function lookupForCreate(vfs: Vfs, dir: Dentry, name: string): Dentry | number {
  const found = lookup(dir, name);
  if (found !== -ENOENT) return typeof found === 'number' ? found : found.get();
  return vfs.dentries.make(dir.sb, dir, name);
}

/** The inode of a positive dentry. */
export function inodeOf(dentry: Dentry): NonNullable<Dentry['inode']> {
  if (dentry.inode === undefined) throw new Error(`negative dentry ${dentry.name}`);
  return dentry.inode;
}

/** user_path_at(): a path from the current task. */
export const userPath = (vfs: Vfs, name: string, follow: boolean): Path | number =>
  new Walk(vfs, vfs.current).path(name, follow);
