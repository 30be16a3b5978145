import { ERRNO, VM } from '../../abi/index.ts';
import type { File } from '../fs/file.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import { PAGE_SIZE, Pages, overPages, pageAlign, pageOf } from './user-memory.ts';
import { VM_ACCESS, mergeable, type Vma } from './vma.ts';

const { EINVAL, ENOMEM } = ERRNO;

export const TASK_SIZE = 0x7ffffffff000;
/** mmap_base() without randomisation: a gap of 128 MiB under the top for the stack. */
const MMAP_BASE = TASK_SIZE - 0x8000000;
/** vm.max_map_count. */
const MAX_MAP_COUNT = 65530;
/** From which kernel on mm_struct.flags has a type of its own; the low word holds the dumpable bits in all. */
const MMF_DUMPABLE_MASK = 3;

/** An address space: `struct mm_struct`, its mappings in order of address, and the pages behind them. */
export class Mm {
  readonly s: Struct<'mm_struct'>;
  readonly #core: Core;
  readonly #userNs: Offset;
  #vmas: Vma[] = [];
  readonly #pages = new Pages();
  #exe: File | undefined;

  constructor(core: Core, userNs: Offset) {
    this.#core = core;
    this.#userNs = userNs;
    this.s = core.structs.mm_struct.alloc();
    this.s.mm_users = this.s.mm_count = 1;
    this.s.mmap_base = MMAP_BASE;
    this.s.task_size = TASK_SIZE;
    this.s.user_ns = userNs;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  get vmas(): readonly Vma[] {
    return this.#vmas;
  }

  get exe(): File | undefined {
    return this.#exe;
  }

  /** The file that was executed; takes a reference. */
  setExe(file: File): void {
    file.get();
    this.#exe?.put();
    this.#exe = file;
    this.s.exe_file = file.addr;
  }

  /** 0 nobody may look into the task, 1 its user may (SUID_DUMP_DISABLE, SUID_DUMP_USER). */
  get dumpable(): number {
    return this.#core.mem.view.getUint32(this.#flagsAt(), true) & MMF_DUMPABLE_MASK;
  }

  setDumpable(value: 0 | 1): void {
    const at = this.#flagsAt();
    const { view } = this.#core.mem;
    view.setUint32(at, (view.getUint32(at, true) & ~MMF_DUMPABLE_MASK) | value, true);
  }

  /** dup_mm(): the same mappings with pages of their own; shared mappings share through their file. */
  clone(): Mm {
    const copy = new Mm(this.#core, this.#userNs);
    const { mem, structs } = this.#core;
    mem.u8.copyWithin(copy.addr, this.addr, this.addr + structs.mm_struct.size);
    copy.s.mm_users = copy.s.mm_count = 1;
    copy.s.map_count = copy.s.total_vm = 0;
    copy.s.exe_file = 0;
    if (this.#exe !== undefined) copy.setExe(this.#exe);
    for (const { s, file } of this.#vmas)
      copy.insert(s.vm_start, s.vm_end, s.vm_flags, s.vm_pgoff, file);
    for (const [index, page] of this.#pages.entries()) copy.#pages.set(index, page.slice());
    return copy;
  }

  /** mmput(): the last user ends the address space. */
  put(): void {
    this.s.mm_users -= 1;
    if (this.s.mm_users > 0) return;
    for (const vma of this.#vmas) this.#drop(vma);
    this.#vmas = [];
    this.#exe?.put();
    this.#core.mem.free(this.addr);
  }

  /** The mapping that holds `address`, or the next one above it (find_vma). */
  findVma(address: number): Vma | undefined {
    return this.#vmas.find((vma) => vma.s.vm_end > address);
  }

  /** The mapping that holds `address`. */
  vmaAt(address: number): Vma | undefined {
    const vma = this.findVma(address);
    return vma !== undefined && vma.s.vm_start <= address ? vma : undefined;
  }

  intersects(start: number, end: number): boolean {
    const vma = this.findVma(start);
    return vma !== undefined && vma.s.vm_start < end;
  }

  /** Adds a mapping where none is, joined with its neighbours where Linux would join them. */
  insert(start: number, end: number, flags: number, pgoff: number, file?: File): Vma {
    const s = this.#core.structs.vm_area_struct.alloc();
    s.vm_start = start;
    s.vm_end = end;
    s.vm_mm = this.addr;
    s.vm_flags = flags;
    s.vm_pgoff = pgoff;
    s.vm_file = file?.get().addr ?? 0;
    const vma = { s, file };
    this.#place(vma);
    this.s.total_vm += (end - start) / PAGE_SIZE;
    return this.merge(vma);
  }

  /** Whether `count` more mappings are allowed. */
  get full(): boolean {
    return this.s.map_count > MAX_MAP_COUNT;
  }

  /** Joins the mapping with the one before and the one after it if they are alike. */
  merge(vma: Vma): Vma {
    let merged = vma;
    const at = this.#vmas.indexOf(vma);
    const previous = this.#vmas[at - 1];
    if (previous !== undefined && mergeable(previous, merged)) {
      previous.s.vm_end = merged.s.vm_end;
      this.#remove(merged);
      merged = previous;
    }
    const next = this.#vmas[this.#vmas.indexOf(merged) + 1];
    if (next !== undefined && mergeable(merged, next)) {
      merged.s.vm_end = next.s.vm_end;
      this.#remove(next);
    }
    return merged;
  }

  /**
   * Splits at `address` (split_vma).
   * @param below the new struct takes the part below, else the part above.
   * @returns the new part, or -ENOMEM when there are too many mappings.
   */
  split(vma: Vma, address: number, below: boolean): Vma | number {
    if (this.s.map_count >= MAX_MAP_COUNT) return -ENOMEM;
    const { mem, structs } = this.#core;
    const s = structs.vm_area_struct.alloc();
    mem.u8.copyWithin(s.addr, vma.s.addr, vma.s.addr + structs.vm_area_struct.size);
    const upper = below ? vma.s : s;
    const lower = below ? s : vma.s;
    upper.vm_pgoff = vma.s.vm_pgoff + (address - vma.s.vm_start) / PAGE_SIZE;
    lower.vm_end = address;
    upper.vm_start = address;
    vma.file?.get();
    const part = { s, file: vma.file };
    this.#place(part);
    return part;
  }

  /** do_munmap(). @returns 0, -EINVAL or -ENOMEM. */
  unmap(start: number, length: number): number {
    if (start % PAGE_SIZE !== 0 || start > TASK_SIZE || length > TASK_SIZE - start) return -EINVAL;
    const end = start + pageAlign(length);
    if (end === start) return -EINVAL;
    const first = this.findVma(start);
    if (first !== undefined && first.s.vm_start < start && first.s.vm_end > start) {
      const part = this.split(first, start, true);
      if (typeof part === 'number') return part;
    }
    const last = this.findVma(end);
    if (last !== undefined && last.s.vm_start < end) {
      const part = this.split(last, end, true);
      if (typeof part === 'number') return part;
    }
    for (const vma of this.#vmas.filter((v) => v.s.vm_start >= start && v.s.vm_end <= end)) {
      this.s.total_vm -= (vma.s.vm_end - vma.s.vm_start) / PAGE_SIZE;
      for (let page = pageOf(vma.s.vm_start); page < pageOf(vma.s.vm_end); page++)
        this.#pages.delete(page);
      this.#remove(vma);
    }
    return 0;
  }

  /** The highest free place below mmap_base (arch_get_unmapped_area_topdown), or -ENOMEM. */
  findFree(length: number): number {
    let top = this.s.mmap_base;
    for (let i = this.#vmas.length - 1; i >= 0; i--) {
      const vma = this.#vmas[i];
      if (vma === undefined || vma.s.vm_start >= top) continue;
      if (vma.s.vm_end <= top && top - vma.s.vm_end >= length) return top - length;
      top = Math.min(top, vma.s.vm_start);
    }
    return top - length >= 65536 ? top - length : -ENOMEM;
  }

  /** The bytes at a user address as copy_from_user() gets them; undefined where it faults. */
  read(address: number, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    const whole = overPages(address, length, false, this.#pageAt, (page, from, to, done) =>
      out.set(page.subarray(from, to), done),
    );
    return whole ? out : undefined;
  }

  /** As read(), without bringing pages in: what a program that must not sleep can read. */
  readNofault(address: number, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    const present = (page: number): Uint8Array | undefined => {
      if (!this.#readable(page)) return undefined;
      return this.#pages.get(page) ?? this.#filePage(page);
    };
    const whole = overPages(address, length, false, present, (page, from, to, done) =>
      out.set(page.subarray(from, to), done),
    );
    return whole ? out : undefined;
  }

  /** Writes as copy_to_user() does; false where it faults, and what is before that stays written. */
  write(address: number, bytes: Uint8Array): boolean {
    return overPages(address, bytes.length, true, this.#pageAt, (page, from, to, done) =>
      page.set(bytes.subarray(done, done + to - from), from),
    );
  }

  /** A string up to its NUL or `max` bytes; undefined where reading faults before either. */
  readString(address: number, max: number): string | undefined {
    const bytes: number[] = [];
    while (bytes.length < max) {
      const at = address + bytes.length;
      const chunk = this.read(at, Math.min(max - bytes.length, PAGE_SIZE - (at % PAGE_SIZE)));
      if (chunk === undefined) return undefined;
      const end = chunk.indexOf(0);
      bytes.push(...(end < 0 ? chunk : chunk.subarray(0, end)));
      if (end >= 0) break;
    }
    return new TextDecoder().decode(new Uint8Array(bytes));
  }

  /** The page behind a user page number, made or copied now if need be (handle_mm_fault). */
  readonly #pageAt = (page: number, write: boolean): Uint8Array | undefined => {
    const vma = this.vmaAt(page * PAGE_SIZE);
    if (vma === undefined || (vma.s.vm_flags & (write ? VM.WRITE : VM_ACCESS)) === 0)
      return undefined;
    const own = this.#pages.get(page);
    if (own !== undefined) return own;
    if (vma.file === undefined) return this.#pages.ensure(page);
    const index = vma.s.vm_pgoff + page - pageOf(vma.s.vm_start);
    // Behind the end of the file there is nothing to map: SIGBUS, which copies see as a fault.
    if (index >= Math.ceil(vma.file.inode.s.i_size / PAGE_SIZE)) return undefined;
    const shared = vma.file.inode.pages.ensure(index);
    if (!write || (vma.s.vm_flags & VM.SHARED) !== 0) return shared;
    const copy = shared.slice();
    this.#pages.set(page, copy);
    return copy;
  };

  #readable(page: number): boolean {
    const vma = this.vmaAt(page * PAGE_SIZE);
    return vma !== undefined && (vma.s.vm_flags & VM_ACCESS) !== 0;
  }

  #filePage(page: number): Uint8Array | undefined {
    const vma = this.vmaAt(page * PAGE_SIZE);
    if (vma?.file === undefined) return undefined;
    return vma.file.inode.pages.get(vma.s.vm_pgoff + page - pageOf(vma.s.vm_start));
  }

  #place(vma: Vma): void {
    const at = this.#vmas.findIndex((other) => other.s.vm_start > vma.s.vm_start);
    if (at < 0) this.#vmas.push(vma);
    else this.#vmas.splice(at, 0, vma);
    this.s.map_count += 1;
  }

  #remove(vma: Vma): void {
    this.#vmas.splice(this.#vmas.indexOf(vma), 1);
    this.s.map_count -= 1;
    this.#drop(vma);
  }

  #drop(vma: Vma): void {
    vma.file?.put();
    this.#core.mem.free(vma.s.addr);
  }

  #flagsAt(): Offset {
    return this.#core.structs.mm_struct.fields.flags.at(this.addr);
  }
}
