import { FormatError } from '../abi/format-error.ts';
import type { Btf } from '../btf/types.ts';

const SECTION_NAME = '.BTF.ext';
const MAGIC = 0xeb9f;
/** Header up to the line table; the CO-RE table came later. */
const MIN_HEADER = 24;
const HEADER_WITH_CORE = 32;
const INSN_SIZE = 8;

/** Records about one code section, ordered by instruction. */
export interface Records {
  /** Instruction in the section of each record. */
  readonly insns: Uint32Array;
  /** Byte offset of each record in `.BTF.ext`. */
  readonly places: Uint32Array;
}

/** Records by the name of their code section. */
export type RecordTable = ReadonlyMap<string, Records>;

export interface BtfExt {
  readonly view: DataView;
  /** `struct bpf_func_info`. */
  readonly funcs: RecordTable;
  /** `struct bpf_line_info`. */
  readonly lines: RecordTable;
  /** `struct bpf_core_relo`. */
  readonly core: RecordTable;
}

interface Table {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly minRecord: number;
}

const fail = (btf: Btf, offset: number, rule: string): never => {
  throw new FormatError({
    file: btf.file,
    format: 'BTF.ext',
    section: SECTION_NAME,
    offset,
    rule,
  });
};

/** Records in the order of the file. */
interface Found {
  readonly insns: number[];
  readonly places: number[];
}

const toRecords = ({ insns, places }: Found): Records => {
  if (insns.every((insn, i) => i === 0 || (insns[i - 1] ?? 0) <= insn))
    return { insns: Uint32Array.from(insns), places: Uint32Array.from(places) };
  const order = insns.map((_, i) => i).toSorted((a, b) => (insns[a] ?? 0) - (insns[b] ?? 0));
  return {
    insns: Uint32Array.from(order, (i) => insns[i] ?? 0),
    places: Uint32Array.from(order, (i) => places[i] ?? 0),
  };
};

/** A table is its record size, then for each code section a header and records that start with a byte offset. */
const readTable = (view: DataView, btf: Btf, table: Table): RecordTable => {
  const { name, start, end, minRecord } = table;
  const sections = new Map<string, Found>();
  if (start === end) return new Map();
  if (end - start < 4) fail(btf, start, `the ${name} table is cut off`);
  const recordSize = view.getUint32(start, true);
  if (recordSize < minRecord || recordSize % 4 !== 0)
    fail(btf, start, `records of the ${name} table have ${recordSize} bytes`);
  for (let at = start + 4; at < end;) {
    if (at + 8 > end) fail(btf, at, `the ${name} table is cut off`);
    const section = btf.string(view.getUint32(at, true));
    const count = view.getUint32(at + 4, true);
    if (count === 0) fail(btf, at + 4, `the ${name} table has no records for ${section}`);
    if (at + 8 + count * recordSize > end)
      fail(btf, at + 4, `${count} records of the ${name} table go past its end`);
    const records = sections.get(section) ?? { insns: [], places: [] };
    sections.set(section, records);
    at += 8;
    for (let i = 0; i < count; i++, at += recordSize) {
      const offset = view.getUint32(at, true);
      if (offset % INSN_SIZE !== 0)
        fail(btf, at, `a record of the ${name} table is about offset ${offset}, no instruction`);
      records.insns.push(offset / INSN_SIZE);
      records.places.push(at);
    }
  }
  return new Map([...sections].map(([section, found]) => [section, toRecords(found)]));
};

const readHeader = (view: DataView, btf: Btf): number => {
  if (view.byteLength < 8) return fail(btf, 0, 'the header is cut off');
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) fail(btf, 0, `the magic number is 0x${magic.toString(16)}, not 0xeb9f`);
  if (view.getUint8(2) !== 1) fail(btf, 2, `version ${view.getUint8(2)} is not supported, only 1`);
  if (view.getUint8(3) !== 0) fail(btf, 3, `flags ${view.getUint8(3)} are not supported`);
  const length = view.getUint32(4, true);
  if (length < MIN_HEADER || length > view.byteLength)
    fail(btf, 4, `a header of ${length} bytes in a section of ${view.byteLength}`);
  return length;
};

/**
 * Reads `.BTF.ext`, in which the compiler tells of functions, lines and CO-RE relocations by section and offset.
 * @throws {FormatError} for tables or records out of bounds, or about no instruction.
 */
export const readBtfExt = (bytes: Uint8Array, btf: Btf): BtfExt => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view, btf);
  const table = (name: string, at: number, minRecord: number): RecordTable => {
    if (at + 8 > header) return new Map();
    const start = header + view.getUint32(at, true);
    const end = start + view.getUint32(at + 4, true);
    if (end > view.byteLength) fail(btf, at, `the ${name} table goes past the end`);
    return readTable(view, btf, { name, start, end, minRecord });
  };
  return {
    view,
    funcs: table('func_info', 8, 8),
    lines: table('line_info', 16, 16),
    core: header >= HEADER_WITH_CORE ? table('core_relo', 24, 16) : new Map(),
  };
};

const lowerBound = (insns: Uint32Array, insn: number): number => {
  let low = 0;
  let high = insns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((insns[middle] ?? 0) < insn) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Calls back with each record about the instructions [start, end) of a section. */
export const forRecords = (
  records: Records | undefined,
  start: number,
  end: number,
  visit: (insn: number, place: number) => void,
): void => {
  if (records === undefined) return;
  const to = lowerBound(records.insns, end);
  for (let i = lowerBound(records.insns, start); i < to; i++)
    visit(records.insns[i] ?? 0, records.places[i] ?? 0);
};
