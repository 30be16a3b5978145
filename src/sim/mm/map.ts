import { ERRNO, FMODE, MAP, PROT, VM } from '../../abi/index.ts';
import type { File } from '../fs/file.ts';
import { hookPoints, type Core } from '../task/core.ts';
import type { Task } from '../task/task.ts';
import { TASK_SIZE, type Mm } from './mm.ts';
import { PAGE_SIZE, isPageAligned, pageAlign } from './user-memory.ts';
import { VM_NORESERVE, VM_ACCESS, VM_MAYALL, VM_SOFTDIRTY, type Vma } from './vma.ts';

const { EACCES, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EOVERFLOW, EPERM } = ERRNO;

const PROT_GROWSDOWN = 0x01000000;
const PROT_GROWSUP = 0x02000000;
const PROT_ALL = PROT.READ | PROT.WRITE | PROT.EXEC;
const MAP_TYPE = 0xf;
/** vm.mmap_min_addr: hints below are raised to it. */
const MMAP_MIN_ADDR = 65536;

const HOOKS = ['mmap_file', 'mmap_addr', 'file_mprotect'] as const;

export interface MapRequest {
  readonly address: number;
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly file: File | undefined;
  /** In bytes, a multiple of the page size. */
  readonly offset: number;
}

/** mmap, mprotect, munmap and brk of one kernel (mm/mmap.c, mm/mprotect.c). */
export class Mapping {
  readonly #hooks;

  constructor(core: Core) {
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  /** vm_mmap_pgoff(): asks the LSMs before anything is checked. @returns the address or a negative errno. */
  mmap(mm: Mm, request: MapRequest): number {
    const { prot, flags, file } = request;
    const refused = this.#hooks.mmap_file.call(file?.addr ?? 0, prot, prot & 0xffffffff, flags);
    return refused < 0 ? refused : this.#doMmap(mm, request);
  }

  #doMmap(mm: Mm, request: MapRequest): number {
    const { prot, file } = request;
    if (request.length === 0) return -EINVAL;
    const flags =
      (request.flags & MAP.FIXED_NOREPLACE) !== 0 ? request.flags | MAP.FIXED : request.flags;
    const length = pageAlign(request.length);
    if (length === 0 || length > TASK_SIZE) return -ENOMEM;
    const pgoff = request.offset / PAGE_SIZE;
    if (pgoff + length / PAGE_SIZE > 2 ** 52) return -EOVERFLOW;
    if (mm.full) return -ENOMEM;
    const start = this.#place(mm, request.address, length, flags);
    if (start < 0) return start;
    if ((flags & MAP.FIXED_NOREPLACE) !== 0 && mm.intersects(start, start + length)) return -EEXIST;
    const base = (prot & PROT_ALL) | VM_MAYALL | VM_SOFTDIRTY | mapFlags(flags);
    const vmFlags =
      file === undefined ? anonymousFlags(base, flags) : fileFlags(base, prot, flags, file);
    if (vmFlags < 0) return vmFlags;
    const cleared = mm.intersects(start, start + length) ? mm.unmap(start, length) : 0;
    if (cleared < 0) return cleared;
    mm.insert(start, start + length, vmFlags, file === undefined ? start / PAGE_SIZE : pgoff, file);
    return start;
  }

  /** get_unmapped_area(). */
  #place(mm: Mm, hint: number, length: number, flags: number): number {
    let address = hint;
    if ((flags & MAP.FIXED) !== 0) {
      if (address > TASK_SIZE - length) return -ENOMEM;
      if (!isPageAligned(address)) return -EINVAL;
    } else {
      if (address !== 0) address = Math.max(pageAlign(address), MMAP_MIN_ADDR);
      const free =
        address !== 0 && address <= TASK_SIZE - length && !mm.intersects(address, address + length);
      if (!free) address = mm.findFree(length);
      if (address < 0) return address;
    }
    const refused = this.#hooks.mmap_addr.call(address);
    return refused < 0 ? refused : address;
  }

  /** do_mprotect_pkey(). @returns 0 or a negative errno; mappings before the one refused stay changed. */
  mprotect(mm: Mm, start: number, length: number, requested: number): number {
    const prot = requested & ~(PROT_GROWSDOWN | PROT_GROWSUP);
    const grows = requested & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows === (PROT_GROWSDOWN | PROT_GROWSUP) || !isPageAligned(start)) return -EINVAL;
    if (length === 0) return 0;
    const end = start + pageAlign(length);
    if (end > Number.MAX_SAFE_INTEGER) return -ENOMEM;
    if ((prot & ~(PROT_ALL | PROT.SEM)) !== 0) return -EINVAL;
    let vma = mm.findVma(start);
    if (vma === undefined) return -ENOMEM;
    let from = start;
    if ((grows & PROT_GROWSDOWN) !== 0) {
      if (vma.s.vm_start >= end || (vma.s.vm_flags & VM.GROWSDOWN) === 0) return -EINVAL;
      from = vma.s.vm_start;
    } else {
      if (vma.s.vm_start > start) return -ENOMEM;
      if ((grows & PROT_GROWSUP) !== 0) return -EINVAL;
    }
    while (from < end) {
      if (vma === undefined || vma.s.vm_start > from) return -ENOMEM;
      const to = Math.min(vma.s.vm_end, end);
      const result = this.#protect(mm, vma, from, to, prot);
      if (result < 0) return result;
      from = to;
      vma = mm.findVma(from);
    }
    return 0;
  }

  #protect(mm: Mm, vma: Vma, from: number, to: number, prot: number): number {
    const flags = (prot & VM_ACCESS) | (vma.s.vm_flags & ~VM_ACCESS);
    // The MAY bits sit four places above those they allow.
    if ((flags & ~(flags >>> 4) & VM_ACCESS) !== 0) return -EACCES;
    const refused = this.#hooks.file_mprotect.call(vma.s.addr, prot, prot);
    if (refused < 0) return refused;
    if (flags === vma.s.vm_flags) return 0;
    if (from > vma.s.vm_start) {
      const part = mm.split(vma, from, true);
      if (typeof part === 'number') return part;
    }
    if (to < vma.s.vm_end) {
      const part = mm.split(vma, to, false);
      if (typeof part === 'number') return part;
    }
    vma.s.vm_flags = flags;
    mm.merge(vma);
    return 0;
  }

  /** brk(2). @returns the end of the heap after the call, the old one if it could not be moved. */
  brk(mm: Mm, wanted: number): number {
    const { s } = mm;
    const before = s.brk;
    if (wanted < s.start_brk || wanted > TASK_SIZE) return before;
    const oldEnd = pageAlign(before);
    const newEnd = pageAlign(wanted);
    if (newEnd < oldEnd && mm.unmap(newEnd, oldEnd - newEnd) < 0) return before;
    if (newEnd > oldEnd) {
      // A page stays free below the next mapping.
      if (mm.full || mm.intersects(oldEnd, newEnd + PAGE_SIZE)) return before;
      mm.insert(oldEnd, newEnd, HEAP_FLAGS, oldEnd / PAGE_SIZE);
    }
    s.brk = wanted;
    return wanted;
  }
}

/** VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT: readable and writable, and may be made executable. */
export const HEAP_FLAGS = VM.READ | VM.WRITE | VM_MAYALL | VM.ACCOUNT | VM_SOFTDIRTY;

/** The mm of a live task; those that ask have one. */
export const mmOf = (task: Task): Mm => {
  if (task.mm === undefined) throw new Error(`task ${task.pid} has exited`);
  return task.mm;
};

function mapFlags(flags: number): number {
  return (
    ((flags & MAP.GROWSDOWN) !== 0 ? VM.GROWSDOWN : 0) |
    ((flags & MAP.LOCKED) !== 0 ? VM.LOCKED : 0) |
    ((flags & MAP.NORESERVE) !== 0 ? VM_NORESERVE : 0)
  );
}

function anonymousFlags(flags: number, mapped: number): number {
  switch (mapped & MAP_TYPE) {
    case MAP.SHARED:
      return (flags & VM.GROWSDOWN) !== 0 ? -EINVAL : flags | VM.SHARED | VM.MAYSHARE;
    case MAP.PRIVATE:
      return (flags & VM.WRITE) !== 0 ? flags | VM.ACCOUNT : flags;
    default:
      return -EINVAL;
  }
}

function fileFlags(base: number, prot: number, mapped: number, file: File): number {
  let flags = base;
  const type = mapped & MAP_TYPE;
  const mode = file.s.f_mode;
  if (type === MAP.SHARED || type === MAP.SHARED_VALIDATE) {
    // MAP_SYNC needs a DAX file system, of which there is none.
    if (type === MAP.SHARED_VALIDATE && (mapped & MAP.SYNC) !== 0) return -EOPNOTSUPP;
    if ((prot & PROT.WRITE) !== 0 && (mode & FMODE.WRITE) === 0) return -EACCES;
    flags |= VM.SHARED | VM.MAYSHARE;
    if ((mode & FMODE.WRITE) === 0) flags &= ~(VM.MAYWRITE | VM.SHARED);
  } else if (type !== MAP.PRIVATE) return -EINVAL;
  if ((mode & FMODE.READ) === 0) return -EACCES;
  if (file.noexec) {
    if ((flags & VM.EXEC) !== 0) return -EPERM;
    flags &= ~VM.MAYEXEC;
  }
  if (!file.ops.mappable) return -ENODEV;
  if ((flags & VM.GROWSDOWN) !== 0) return -EINVAL;
  return flags;
}
