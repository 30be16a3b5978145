import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import { S } from './flags.ts';
import type { Inode } from './inode.ts';
import type { SuperBlock } from './super.ts';

type TypeName = 'DIRECTORY' | 'REGULAR' | 'SPECIAL' | 'SYMLINK';
/** DCACHE_*_TYPE before they became an enum that BTF tells. */
const TYPE_DEFAULTS: Readonly<Record<TypeName, number>> = {
  DIRECTORY: 0x00200000,
  REGULAR: 0x00400000,
  SPECIAL: 0x00500000,
  SYMLINK: 0x00600000,
};
const TYPE_MASK_DEFAULT = 0x00700000;

const utf8 = new TextEncoder();

/**
 * A name in a directory. Negative when it has no inode. The children are a map here and a hash table on Linux, which
 * no policy reads.
 */
export class Dentry {
  readonly s: Struct<'dentry'>;
  readonly sb: SuperBlock;
  name: string;
  parent: Dentry;
  inode: Inode | undefined;
  readonly children = new Map<string, Dentry>();
  /** Whether lookups find it: false for what was unlinked, and for what never had a name. */
  hashed = false;
  /** Text of d_path() for files that have no place in a tree. */
  dname: (() => string) | undefined;
  readonly #dentries: Dentries;

  constructor(
    dentries: Dentries,
    s: Struct<'dentry'>,
    parent: Dentry | undefined,
    name: string,
    sb: SuperBlock,
  ) {
    this.#dentries = dentries;
    this.s = s;
    this.parent = parent ?? this;
    this.name = name;
    this.sb = sb;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  get isRoot(): boolean {
    return this.parent === this;
  }

  get(): this {
    this.s.d_count += 1;
    return this;
  }

  /** dput(): an unhashed dentry goes with its last reference; its inode and parent lose theirs. */
  put(): void {
    this.s.d_count -= 1;
    if (this.s.d_count === 0 && !this.hashed) this.#dentries.free(this);
  }
}

/** Makes, finds, names and frees dentries (fs/dcache.c). */
export class Dentries {
  readonly #core: Core;
  readonly #byAddr = new Map<Offset, Dentry>();
  readonly #types: Readonly<Record<TypeName, number>>;
  readonly #typeMask: number;

  constructor(core: Core) {
    this.#core = core;
    const flag = (name: string, fallback: number): number =>
      core.layouts.enumerator('dentry_flags', `DCACHE_${name}`) ?? fallback;
    this.#typeMask = flag('ENTRY_TYPE', TYPE_MASK_DEFAULT);
    this.#types = {
      DIRECTORY: flag('DIRECTORY_TYPE', TYPE_DEFAULTS.DIRECTORY),
      REGULAR: flag('REGULAR_TYPE', TYPE_DEFAULTS.REGULAR),
      SPECIAL: flag('SPECIAL_TYPE', TYPE_DEFAULTS.SPECIAL),
      SYMLINK: flag('SYMLINK_TYPE', TYPE_DEFAULTS.SYMLINK),
    };
  }

  get live(): number {
    return this.#byAddr.size;
  }

  /** The dentry at this offset, if there is one. */
  at(addr: Offset): Dentry | undefined {
    return this.#byAddr.get(addr);
  }

  /** d_alloc(): negative and unhashed, with one reference, the caller's. A dentry without parent is a root. */
  make(sb: SuperBlock, parent: Dentry | undefined, name: string): Dentry {
    const s = this.#core.structs.dentry.alloc();
    const dentry = new Dentry(this, s, parent, name, sb);
    s.d_count = 1;
    s.d_sb = sb.addr;
    s.d_parent = dentry.parent.addr;
    if (parent !== undefined) parent.get();
    this.#writeName(dentry, name);
    this.#byAddr.set(s.addr, dentry);
    return dentry;
  }

  /** __d_instantiate(): gives the dentry its inode; takes over the caller's reference to the inode. */
  instantiate(dentry: Dentry, inode: Inode): void {
    dentry.inode = inode;
    dentry.s.d_inode = inode.addr;
    dentry.s.d_flags = (dentry.s.d_flags & ~this.#typeMask) | this.#typeFlag(inode.s.i_mode);
  }

  /** Makes lookups find it. A hashed dentry of a file system in memory keeps a reference to itself. */
  hash(dentry: Dentry): void {
    if (dentry.hashed) return;
    dentry.hashed = true;
    dentry.get();
    if (!dentry.isRoot) dentry.parent.children.set(dentry.name, dentry);
  }

  /** d_drop(): lookups do not find it any more. */
  unhash(dentry: Dentry): void {
    if (!dentry.hashed) return;
    dentry.hashed = false;
    dentry.parent.children.delete(dentry.name);
    dentry.put();
  }

  /** d_move(): the dentry gets the name and place of `target`, which is dropped. */
  move(dentry: Dentry, parent: Dentry, name: string): void {
    const before = dentry.parent;
    before.children.delete(dentry.name);
    parent.get();
    dentry.parent = parent;
    dentry.name = name;
    dentry.s.d_parent = parent.addr;
    this.#freeName(dentry);
    this.#writeName(dentry, name);
    parent.children.set(name, dentry);
    before.put();
  }

  free(dentry: Dentry): void {
    this.#freeName(dentry);
    this.#byAddr.delete(dentry.addr);
    this.#core.mem.free(dentry.addr);
    dentry.inode?.put();
    if (!dentry.isRoot) dentry.parent.put();
  }

  #typeFlag(mode: number): number {
    switch (mode & S.IFMT) {
      case S.IFDIR:
        return this.#types.DIRECTORY;
      case S.IFREG:
        return this.#types.REGULAR;
      case S.IFLNK:
        return this.#types.SYMLINK;
      default:
        return this.#types.SPECIAL;
    }
  }

  /** Short names live in the dentry itself, longer ones beside it. */
  #writeName(dentry: Dentry, name: string): void {
    const { mem, structs } = this.#core;
    const inline = structs.dentry.fields.d_iname;
    const bytes = utf8.encode(name);
    dentry.s.d_name_len = bytes.length;
    const at = inline.at(dentry.addr);
    mem.u8.fill(0, at, at + inline.size);
    if (bytes.length < inline.size) {
      mem.u8.set(bytes, at);
      dentry.s.d_name_name = at;
    } else dentry.s.d_name_name = mem.allocString(name);
  }

  #freeName(dentry: Dentry): void {
    const inline = this.#core.structs.dentry.fields.d_iname.at(dentry.addr);
    if (dentry.s.d_name_name !== inline) this.#core.mem.free(dentry.s.d_name_name);
  }
}
