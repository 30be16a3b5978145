import { ERRNO, MAP, PROT, VM } from '../../abi/index.ts';
import type { Mapping } from '../mm/map.ts';
import type { Mm } from '../mm/mm.ts';
import { PAGE_SIZE, pageAlign } from '../mm/user-memory.ts';
import { VM_MAYALL, VM_SOFTDIRTY } from '../mm/vma.ts';
import type { File } from './file.ts';

const { EINVAL, ENOEXEC } = ERRNO;

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const MAX_PHDRS_BYTES = 65536;
const ET = { EXEC: 2, DYN: 3 } as const;
const EM_X86_64 = 62;
const PT = { LOAD: 1, INTERP: 3, GNU_STACK: 0x6474e551 } as const;
const PF = { X: 1, W: 2, R: 4 } as const;
const PATH_MAX = 4096;
/** Where position-independent programs go without randomisation: two thirds up. */
const ET_DYN_BASE = 0x555555554000;
/** What arch_randomize_brk() leaves below the heap, always the same here: the heap must not join the bss. */
const BRK_GAP = 64 * PAGE_SIZE;

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** What exec needs of an ELF file. */
export interface ElfImage {
  readonly file: File;
  readonly relocatable: boolean;
  readonly loads: readonly Segment[];
  /** Of PT_INTERP. */
  readonly interpreter: string | undefined;
  /** PT_GNU_STACK asks for a stack that executes. */
  readonly execStack: boolean;
}

/** Reads the headers as load_elf_binary() does; -ENOEXEC for whatever it would not take. */
export function readElf(file: File): ElfImage | number {
  const header = bytesOf(file, 0, EHDR_BYTES);
  const view = new DataView(header.buffer);
  if (view.getUint32(0) !== 0x7f454c46) return -ENOEXEC;
  const type = view.getUint16(16, true);
  if (type !== ET.EXEC && type !== ET.DYN) return -ENOEXEC;
  if (view.getUint16(18, true) !== EM_X86_64 || !file.ops.mappable) return -ENOEXEC;
  const count = view.getUint16(56, true);
  const size = count * PHDR_BYTES;
  if (view.getUint16(54, true) !== PHDR_BYTES || size === 0 || size > MAX_PHDRS_BYTES)
    return -ENOEXEC;
  const start = u64(view, 32);
  if (start + size > file.inode.s.i_size) return -ENOEXEC;
  const table = new DataView(bytesOf(file, start, size).buffer);
  const segments = Array.from({ length: count }, (_, i) => segmentAt(table, i * PHDR_BYTES));
  const interpreter = interpreterOf(file, segments);
  if (typeof interpreter === 'number') return interpreter;
  const stack = segments.find((segment) => segment.type === PT.GNU_STACK);
  return {
    file,
    relocatable: type === ET.DYN,
    loads: segments.filter((segment) => segment.type === PT.LOAD),
    interpreter,
    execStack: stack !== undefined && (stack.flags & PF.X) !== 0,
  };
}

function interpreterOf(file: File, segments: readonly Segment[]): string | undefined | number {
  const segment = segments.find(({ type }) => type === PT.INTERP);
  if (segment === undefined) return undefined;
  const { fileSize, offset } = segment;
  if (fileSize > PATH_MAX || fileSize < 2 || offset + fileSize > file.inode.s.i_size)
    return -ENOEXEC;
  const bytes = bytesOf(file, offset, fileSize);
  if (bytes[fileSize - 1] !== 0) return -ENOEXEC;
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/**
 * Maps the segments, asking the LSMs for each, and sets the bounds of code, data and heap.
 * @param base where a relocatable image goes; undefined lets the kernel choose, as for interpreters.
 * @returns 0 or a negative errno.
 */
export function mapElf(mapping: Mapping, mm: Mm, image: ElfImage, program: boolean): number {
  const bounds = { startCode: Infinity, endCode: 0, startData: 0, endData: 0, end: 0 };
  let bias = image.relocatable && program && image.interpreter !== undefined ? ET_DYN_BASE : 0;
  const chosen = image.relocatable && bias === 0;
  const total = totalSize(image.loads);
  for (const [i, segment] of image.loads.entries()) {
    if (segment.fileSize > segment.memorySize) return -EINVAL;
    const fixed = i > 0 ? MAP.FIXED : !chosen ? MAP.FIXED_NOREPLACE : 0;
    const wanted = i === 0 && chosen ? 0 : segment.address + bias;
    const start = mapSegment(mapping, mm, image.file, segment, wanted, fixed, i === 0 ? total : 0);
    if (start < 0) return start;
    if (i === 0 && image.relocatable) bias = start - pageStart(segment.address);
    measure(bounds, segment, bias);
  }
  if (program) setBounds(mm, bounds);
  return 0;
}

type Bounds = {
  startCode: number;
  endCode: number;
  startData: number;
  endData: number;
  end: number;
};

function measure(bounds: Bounds, segment: Segment, bias: number): void {
  const start = segment.address + bias;
  const fileEnd = start + segment.fileSize;
  if ((segment.flags & PF.X) !== 0) {
    bounds.startCode = Math.min(bounds.startCode, start);
    bounds.endCode = Math.max(bounds.endCode, fileEnd);
  }
  bounds.startData = Math.max(bounds.startData, start);
  bounds.endData = Math.max(bounds.endData, fileEnd);
  bounds.end = Math.max(bounds.end, start + segment.memorySize);
}

function setBounds(mm: Mm, bounds: Bounds): void {
  mm.s.start_code = Number.isFinite(bounds.startCode) ? bounds.startCode : 0;
  mm.s.end_code = bounds.endCode;
  mm.s.start_data = bounds.startData;
  mm.s.end_data = bounds.endData;
  mm.s.start_brk = mm.s.brk = pageAlign(bounds.end) + BRK_GAP;
}

/** elf_load(): the part from the file, zeros behind it. @returns the address of the first page or a negative errno. */
function mapSegment(
  mapping: Mapping,
  mm: Mm,
  file: File,
  segment: Segment,
  address: number,
  fixed: number,
  total: number,
): number {
  const inPage = segment.address % PAGE_SIZE;
  const prot =
    ((segment.flags & PF.R) !== 0 ? PROT.READ : 0) |
    ((segment.flags & PF.W) !== 0 ? PROT.WRITE : 0) |
    ((segment.flags & PF.X) !== 0 ? PROT.EXEC : 0);
  let start = pageStart(address);
  const mapped = pageAlign(segment.fileSize + inPage);
  if (segment.fileSize > 0) {
    if (segment.offset % PAGE_SIZE !== inPage) return -EINVAL;
    const length = Math.max(mapped, pageAlign(total));
    start = mapping.mmap(mm, {
      address: start,
      length,
      prot,
      flags: MAP.PRIVATE | fixed,
      file,
      offset: segment.offset - inPage,
    });
    if (start < 0) return start;
    if (length > mapped) mm.unmap(start + mapped, length - mapped);
  }
  return addBss(mm, segment, start, segment.fileSize > 0 ? mapped : 0, prot);
}

function addBss(mm: Mm, segment: Segment, start: number, mapped: number, prot: number): number {
  const inPage = segment.address % PAGE_SIZE;
  if (mapped > 0 && segment.memorySize > segment.fileSize && (prot & PROT.WRITE) !== 0)
    mm.write(start + inPage + segment.fileSize, new Uint8Array(mapped - inPage - segment.fileSize));
  const from = start + mapped;
  const to = start + pageAlign(segment.memorySize + inPage);
  if (to <= from) return start;
  if (mm.intersects(from, to)) mm.unmap(from, to - from);
  const exec = (prot & PROT.EXEC) !== 0 ? VM.EXEC : 0;
  const flags = VM.READ | VM.WRITE | exec | VM_MAYALL | VM.ACCOUNT | VM_SOFTDIRTY;
  mm.insert(from, to, flags, from / PAGE_SIZE);
  return start;
}

function totalSize(loads: readonly Segment[]): number {
  const first = loads[0];
  const last = loads.at(-1);
  if (first === undefined || last === undefined) return 0;
  return last.address + last.memorySize - pageStart(first.address);
}

const pageStart = (address: number): number => Math.floor(address / PAGE_SIZE) * PAGE_SIZE;

const u64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

const segmentAt = (view: DataView, at: number): Segment => ({
  type: view.getUint32(at, true),
  flags: view.getUint32(at + 4, true),
  offset: u64(view, at + 8),
  address: u64(view, at + 16),
  fileSize: u64(view, at + 32),
  memorySize: u64(view, at + 40),
});

function bytesOf(file: File, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.inode.pages.read(offset, bytes);
  return bytes;
}
