import { FormatError } from '../abi/format-error.ts';
import { decodeString } from '../btf/strings.ts';

export const SHT = { PROGBITS: 1, SYMTAB: 2, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SHF_EXECINSTR = 4;
export const ET_REL = 1;
export const EM_BPF = 247;
export const STT = { OBJECT: 1, FUNC: 2, SECTION: 3 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const SHN_UNDEF = 0;
/** STV_INTERNAL and STV_HIDDEN. */
const HIDDEN: ReadonlySet<number> = new Set([1, 2]);
const SHN_LORESERVE = 0xff00;
const SHN_COMMON = 0xfff2;
const SHN_XINDEX = 0xffff;

const SHT_NULL = 0;
const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const REL_SIZE = 16;

/** One section header. Sizes and offsets are in bytes. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** `sh_type`, see {@link SHT}. */
  readonly type: number;
  /** The low 32 bits of `sh_flags`. */
  readonly flags: number;
  /** From the start of the file. */
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

/** A 64-bit little-endian ELF file of any machine: its sections. */
export interface Elf {
  /** Name for messages. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** `e_type`. */
  readonly type: number;
  /** `e_machine`. */
  readonly machine: number;
  /** By section index; 0 is the null section. */
  readonly sections: readonly ElfSection[];
  /** The first section of this name. */
  section(name: string): ElfSection | undefined;
  /** A view of its bytes in the file; empty for SHT_NOBITS. */
  contents(section: ElfSection): Uint8Array;
}

/** `offset` counts from the start of the section if one is given, else of the file. */
export const elfError = (
  file: string,
  offset: number,
  rule: string,
  section?: string,
): FormatError =>
  new FormatError({
    file,
    format: 'ELF',
    offset,
    rule,
    ...(section === undefined ? {} : { section }),
  });

/** Exact up to 2^53; what lies above is past the end of any file and fails the bounds checks as well. */
const readU64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);

/** Checks `e_ident` and the places that the header gives. */
const checkHeader = (view: DataView, file: string): void => {
  const fail = (offset: number, rule: string): never => {
    throw elfError(file, offset, rule);
  };
  if (view.byteLength < 16) fail(0, `${view.byteLength} bytes are too few for an ELF header`);
  if (view.getUint32(0, false) !== 0x7f454c46) fail(0, 'no ELF file: the magic number is missing');
  const fileClass = view.getUint8(4);
  if (fileClass === 1) fail(4, '32-bit ELF (ELFCLASS32) is not supported, only 64-bit');
  if (fileClass !== 2) fail(4, `unknown file class ${fileClass}`);
  const data = view.getUint8(5);
  if (data === 2) fail(5, 'big-endian ELF (ELFDATA2MSB) is not supported, only little-endian');
  if (data !== 1) fail(5, `unknown data encoding ${data}`);
  if (view.getUint8(6) !== 1) fail(6, `ELF version ${view.getUint8(6)} is not supported, only 1`);
  if (view.byteLength < HEADER_SIZE)
    fail(0, `${view.byteLength} bytes are too few for an ELF header`);
  if (readU64(view, 40) === 0) fail(40, 'there are no section headers');
  const entrySize = view.getUint16(58, true);
  if (entrySize !== SECTION_HEADER_SIZE)
    fail(58, `section headers have ${entrySize} bytes, not ${SECTION_HEADER_SIZE}`);
};

/** Where the section headers lie, after `e_shoff`, `e_shnum` and the overflow of the latter. */
const locateHeaders = (view: DataView, file: string): { start: number; count: number } => {
  const start = readU64(view, 40);
  const fits = (count: number): boolean => start + count * SECTION_HEADER_SIZE <= view.byteLength;
  if (!fits(1))
    throw elfError(file, 40, `section headers at ${start} are past the end of the file`);
  // From 0xff00 sections on the count stands in the first section header.
  const count = view.getUint16(60, true) || readU64(view, start + 32);
  if (count === 0) throw elfError(file, 60, 'there are no section headers');
  if (!fits(count))
    throw elfError(file, 60, `${count} section headers go past the end of the file`);
  return { start, count };
};

const readSection = (
  view: DataView,
  file: string,
  at: number,
  index: number,
  nameAt: (offset: number, at: number) => string,
): ElfSection => {
  const type = view.getUint32(at + 4, true);
  const offset = readU64(view, at + 24);
  const size = readU64(view, at + 32);
  if (type !== SHT_NULL && type !== SHT.NOBITS && offset + size > view.byteLength) {
    const place = `section ${index} at ${offset} of ${size} bytes`;
    throw elfError(file, at, `${place} goes past the end of the file`);
  }
  return {
    index,
    name: nameAt(view.getUint32(at, true), at),
    type,
    flags: view.getUint32(at + 8, true),
    offset,
    size,
    link: view.getUint32(at + 40, true),
    info: view.getUint32(at + 44, true),
    entrySize: readU64(view, at + 56),
  };
};

/** Reads the strings of a table, which must end with NUL. `at` is where their offset was found. */
const stringReader = (
  bytes: Uint8Array,
  section: ElfSection,
  file: string,
): ((offset: number, at: number) => string) => {
  const table = bytes.subarray(section.offset, section.offset + section.size);
  if (section.type === SHT.NOBITS || table.at(-1) !== 0)
    throw elfError(file, section.offset, `section ${section.index} is no string table`);
  return (offset, at) => {
    if (offset < table.length) return decodeString(table, offset);
    throw elfError(file, at, `string offset ${offset} is past the end of its table`);
  };
};

/**
 * Opens an ELF file and checks that all its sections lie inside.
 * @throws {FormatError} for anything but a well-formed ELF64 little-endian file with sections.
 */
export const readElf = (given: Uint8Array, options: { readonly file: string }): Elf => {
  const { file } = options;
  // Subclasses may cut differently: the slice of Node's Buffer is no copy.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, file);
  const { start, count } = locateHeaders(view, file);
  const header = (index: number): number => start + index * SECTION_HEADER_SIZE;
  const shstrndx = view.getUint16(62, true);
  const nameIndex = shstrndx === SHN_XINDEX ? view.getUint32(header(0) + 40, true) : shstrndx;
  if (nameIndex === 0 || nameIndex >= count)
    throw elfError(file, 62, 'there is no table of section names');
  const names = readSection(view, file, header(nameIndex), nameIndex, () => '');
  const nameAt = stringReader(bytes, names, file);
  const sections: ElfSection[] = [];
  for (let i = 0; i < count; i++) sections.push(readSection(view, file, header(i), i, nameAt));
  return {
    file,
    bytes,
    view,
    type: view.getUint16(16, true),
    machine: view.getUint16(18, true),
    sections,
    section: (name) => sections.find((s) => s.name === name),
    contents: (s) => bytes.subarray(s.offset, s.type === SHT.NOBITS ? s.offset : s.offset + s.size),
  };
};

/** How many records of `size` bytes a table section holds. */
const entryCount = (elf: Elf, section: ElfSection, size: number): number => {
  if (section.entrySize !== size || section.size % size !== 0)
    throw elfError(elf.file, 0, `the table's records do not have ${size} bytes`, section.name);
  return section.size / size;
};

/** The symbol table, read record by record. */
export interface Symbols {
  readonly section: ElfSection;
  readonly count: number;
  name(index: number): string;
  /** STT_*: the kind of thing that it names. */
  type(index: number): number;
  /** STB_*. */
  bind(index: number): number;
  /** STV_HIDDEN or STV_INTERNAL: not for other files. */
  hidden(index: number): boolean;
  /** Index of the section that defines it; 0 if it is an extern. */
  sectionIndex(index: number): number;
  /** Offset in bytes into its section. */
  value(index: number): number;
  /** In bytes. */
  size(index: number): number;
}

const EMPTY_SECTION: ElfSection = {
  index: 0,
  name: '',
  type: 0,
  flags: 0,
  offset: 0,
  size: 0,
  link: 0,
  info: 0,
  entrySize: SYMBOL_SIZE,
};

/** @throws {FormatError} for a table without strings or with records of a foreign size. */
export const readSymbols = (elf: Elf): Symbols => {
  const { view, file } = elf;
  const section = elf.sections.find((s) => s.type === SHT.SYMTAB) ?? EMPTY_SECTION;
  const count = entryCount(elf, section, SYMBOL_SIZE);
  const strings = elf.sections[section.link];
  if (count > 0 && strings === undefined)
    throw elfError(file, 0, `the symbols' string table ${section.link} is missing`, section.name);
  const nameAt =
    count > 0 && strings !== undefined ? stringReader(elf.bytes, strings, file) : () => '';
  const at = (index: number): number => section.offset + index * SYMBOL_SIZE;
  return {
    section,
    count,
    name: (i) => nameAt(view.getUint32(at(i), true), at(i)),
    type: (i) => view.getUint8(at(i) + 4) & 0xf,
    bind: (i) => view.getUint8(at(i) + 4) >>> 4,
    hidden: (i) => HIDDEN.has(view.getUint8(at(i) + 5) & 3),
    sectionIndex: (i) => {
      const index = view.getUint16(at(i) + 6, true);
      if (index === SHN_XINDEX || index === SHN_COMMON)
        throw elfError(
          file,
          i * SYMBOL_SIZE,
          `symbol ${i} has the section index ${index === SHN_XINDEX ? 'SHN_XINDEX' : 'SHN_COMMON'}, ` +
            'which is not supported',
          section.name,
        );
      if (index < SHN_LORESERVE && index >= elf.sections.length)
        throw elfError(file, i * SYMBOL_SIZE, `symbol ${i} is in no section`, section.name);
      return index;
    },
    value: (i) => readU64(view, at(i) + 8),
    size: (i) => readU64(view, at(i) + 16),
  };
};

/** One record of a SHT_REL section. */
export interface Relocation {
  /** In bytes into the section that it changes. */
  readonly offset: number;
  /** R_BPF_*. */
  readonly type: number;
  /** Index into the symbol table. */
  readonly symbol: number;
}

/** @throws {FormatError} for records of a foreign size, without their symbol, or outside the section they change. */
export const readRelocations = (
  elf: Elf,
  section: ElfSection,
  target: ElfSection,
  symbols: Symbols,
): readonly Relocation[] => {
  const count = entryCount(elf, section, REL_SIZE);
  const relocations: Relocation[] = [];
  for (let i = 0; i < count; i++) {
    const at = section.offset + i * REL_SIZE;
    const offset = readU64(elf.view, at);
    const symbol = elf.view.getUint32(at + 12, true);
    const fail = (rule: string): never => {
      throw elfError(elf.file, i * REL_SIZE, rule, section.name);
    };
    if (offset >= target.size) fail(`relocation at ${offset} is outside of ${target.name}`);
    if (symbol >= symbols.count)
      fail(`relocation at ${offset} names symbol ${symbol}, there is none`);
    relocations.push({ offset, type: elf.view.getUint32(at + 8, true), symbol });
  }
  return relocations;
};
