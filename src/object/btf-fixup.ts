import { BTF_MAGIC, BTF_VERSION, HEADER_SIZE, openRaw, type RawBtf } from '../btf/raw.ts';
import { decodeString } from '../btf/strings.ts';
import type { TypeId } from '../btf/types.ts';
import { elfError } from './elf.ts';

const KIND = { INT: 1, FUNC: 12, FUNC_PROTO: 13, VAR: 14, DATASEC: 15 } as const;
const LINKAGE = { STATIC: 0, GLOBAL: 1 } as const;
/** Name of the stand-in that `.ksyms` lists in place of functions. */
const DUMMY = 'dummy_ksym';

/** What the BTF of an object that no linker has seen leaves open, told by the ELF file around it. */
export interface BtfSurroundings {
  readonly file: string;
  /** In bytes; undefined when there is no such section. */
  sectionSize(name: string): number | undefined;
  /** Global variables by name. */
  readonly variables: ReadonlyMap<string, { readonly offset: number; readonly hidden: boolean }>;
  /** Global functions with STV_HIDDEN: the verifier may treat them as static. */
  readonly hiddenFunctions: ReadonlySet<string>;
  /** Place of each `.kconfig` extern, by the id of its VAR. */
  readonly kconfig: ReadonlyMap<TypeId, { readonly offset: number; readonly size: number }>;
  readonly kconfigSize: number;
}

export interface FixedBtf {
  readonly bytes: Uint8Array;
  /** Ids of the DATASECs by their name. */
  readonly datasecs: ReadonlyMap<string, TypeId>;
}

interface Draft {
  readonly raw: RawBtf;
  /** Type records and strings to be put behind those of the file. */
  readonly newTypes: number[];
  readonly newStrings: number[];
}

const kindAt = (raw: RawBtf, start: number): number => ((raw.words[start + 1] ?? 0) >>> 24) & 0x1f;
const vlenAt = (raw: RawBtf, start: number): number => (raw.words[start + 1] ?? 0) & 0xffff;
const nameAt = (raw: RawBtf, start: number): string =>
  decodeString(raw.strings, raw.words[start] ?? 0);

const typeError = (raw: RawBtf, start: number, rule: string): never => {
  throw elfError(raw.file, raw.typeStart + start * 4, rule, '.BTF');
};

/** Start of the record that the word at `at` refers to; it must be of one of these kinds. */
const refer = (raw: RawBtf, at: number, ...kinds: readonly number[]): number => {
  const start = raw.starts[(raw.words[at] ?? 0) - raw.firstId] ?? -1;
  if (start >= 0 && kinds.includes(kindAt(raw, start))) return start;
  return typeError(raw, at, `type ${raw.words[at]} does not belong here`);
};

/** Sorts the entries of a DATASEC by offset, which the kernel demands. */
const sortVars = (raw: RawBtf, start: number): void => {
  const count = vlenAt(raw, start);
  const entries = raw.words.subarray(start + 3, start + 3 + count * 3);
  const offset = (i: number): number => entries[i * 3 + 1] ?? 0;
  const order = Array.from({ length: count }, (_, i) => i);
  if (order.every((i) => i === 0 || offset(i - 1) <= offset(i))) return;
  const before = entries.slice();
  order.sort((a, b) => offset(a) - offset(b) || a - b);
  order.forEach((from, to) => entries.set(before.subarray(from * 3, from * 3 + 3), to * 3));
};

/** A section with contents in the file: clang leaves its size and the offsets of global variables 0. */
const fixSection = (raw: RawBtf, start: number, name: string, around: BtfSurroundings): void => {
  const { words } = raw;
  const unlinked = words[start + 2] === 0;
  if (unlinked) {
    const size = around.sectionSize(name);
    if (size === undefined || size > 0xffff_ffff)
      typeError(raw, start, `there is no section ${name}, or none whose size fits`);
    else words[start + 2] = size;
  }
  for (let at = start + 3; at < start + 3 + vlenAt(raw, start) * 3; at += 3) {
    const variable = refer(raw, at, KIND.VAR);
    if (words[variable + 3] === LINKAGE.STATIC) continue;
    const varName = nameAt(raw, variable);
    const symbol = around.variables.get(varName);
    if (symbol === undefined) typeError(raw, at, `variable ${varName} has no ELF symbol`);
    else {
      if (unlinked) words[at + 1] = symbol.offset;
      if (symbol.hidden) words[variable + 3] = LINKAGE.STATIC;
    }
  }
};

const fixKconfig = (raw: RawBtf, start: number, around: BtfSurroundings): void => {
  const { words } = raw;
  for (let at = start + 3; at < start + 3 + vlenAt(raw, start) * 3; at += 3) {
    const variable = refer(raw, at, KIND.VAR);
    const place = around.kconfig.get(words[at] ?? 0);
    words[variable + 3] = LINKAGE.GLOBAL;
    words[at + 1] = place?.offset ?? 0;
    words[at + 2] = place?.size ?? 0;
  }
  words[start + 2] = around.kconfigSize;
};

/** Adds a type record behind the others. */
const addType = (draft: Draft, words: readonly number[]): TypeId => {
  const { raw, newTypes } = draft;
  // All added records, INT and VAR, have four words.
  const id = raw.typeCount + newTypes.length / 4;
  newTypes.push(...words);
  return id;
};

const addString = (draft: Draft, text: string): number => {
  const offset = draft.raw.strings.length + draft.newStrings.length;
  draft.newStrings.push(...new TextEncoder().encode(`${text}\0`));
  return offset;
};

const findInt = (draft: Draft): TypeId => {
  const { raw } = draft;
  const found = raw.starts.findIndex(
    (start) => kindAt(raw, start) === KIND.INT && ((raw.words[start + 3] ?? 0) & 0xff) === 32,
  );
  if (found >= 0) return raw.firstId + found;
  const info = KIND.INT << 24;
  const signed32 = 0x0100_0020;
  return addType(draft, [addString(draft, 'int'), info, 4, signed32]);
};

/** The kernel wants a name for each parameter of a function that programs call. */
const fixFunction = (raw: RawBtf, start: number, name: number): void => {
  const { words } = raw;
  words[start + 1] = ((KIND.FUNC << 24) | LINKAGE.GLOBAL) >>> 0;
  const proto = refer(raw, start + 2, KIND.FUNC_PROTO);
  for (let at = proto + 3; at < proto + 3 + vlenAt(raw, proto) * 2; at += 2)
    if (words[at + 1] !== 0 && words[at] === 0) words[at] = name;
};

/**
 * The kernel takes no externs: `.ksyms` gets as many 4-byte variables as it lists externs, which no instruction uses.
 */
const fixKsyms = (draft: Draft, start: number): void => {
  const { raw } = draft;
  const { words } = raw;
  const count = vlenAt(raw, start);
  const intId = findInt(draft);
  let dummy: { readonly name: number; readonly id: TypeId } | undefined;
  const makeDummy = (): { readonly name: number; readonly id: TypeId } => {
    const name = addString(draft, DUMMY);
    return { name, id: addType(draft, [name, KIND.VAR << 24, intId, LINKAGE.GLOBAL]) };
  };
  for (let i = 0; i < count; i++) {
    const at = start + 3 + i * 3;
    const extern = refer(raw, at, KIND.VAR, KIND.FUNC);
    if (kindAt(raw, extern) === KIND.FUNC) {
      dummy ??= makeDummy();
      fixFunction(raw, extern, dummy.name);
      words[at] = dummy.id;
    } else {
      words[extern + 2] = intId;
      words[extern + 3] = LINKAGE.GLOBAL;
    }
    words[at + 1] = i * 4;
    words[at + 2] = 4;
  }
  words[start + 2] = count * 4;
};

const build = ({ raw, newTypes, newStrings }: Draft): Uint8Array => {
  const typeLength = raw.words.byteLength + newTypes.length * 4;
  const stringLength = raw.strings.length + newStrings.length;
  const bytes = new Uint8Array(HEADER_SIZE + typeLength + stringLength);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, BTF_MAGIC, true);
  view.setUint8(2, BTF_VERSION);
  view.setUint32(4, HEADER_SIZE, true);
  view.setUint32(12, typeLength, true);
  view.setUint32(16, typeLength, true);
  view.setUint32(20, stringLength, true);
  const types = new Uint32Array(bytes.buffer, HEADER_SIZE, typeLength / 4);
  types.set(raw.words);
  types.set(newTypes, raw.words.length);
  bytes.set(raw.strings, HEADER_SIZE + typeLength);
  bytes.set(newStrings, HEADER_SIZE + typeLength + raw.strings.length);
  return bytes;
};

/**
 * A copy of an object's BTF that BPF_BTF_LOAD takes: sizes and offsets of sections filled in and sorted, externs
 * turned into variables, hidden functions into static ones (libbpf: `bpf_object__collect_externs`,
 * `btf_fixup_datasec`). Ids and string offsets stay as they are; new ones come after them.
 * @throws {FormatError} when a section or symbol that the BTF speaks of is missing.
 */
export const fixBtf = (bytes: Uint8Array, around: BtfSurroundings): FixedBtf => {
  const given = openRaw(bytes, around.file, undefined);
  const raw: RawBtf = { ...given, words: given.words.slice() };
  const draft: Draft = { raw, newTypes: [], newStrings: [] };
  const datasecs = new Map<string, TypeId>();
  raw.starts.forEach((start, i) => {
    const kind = kindAt(raw, start);
    if (kind === KIND.DATASEC) {
      const name = nameAt(raw, start);
      if (datasecs.has(name)) typeError(raw, start, `a second DATASEC ${name}`);
      datasecs.set(name, raw.firstId + i);
      if (name === '.kconfig') fixKconfig(raw, start, around);
      else if (name === '.ksyms') fixKsyms(draft, start);
      else fixSection(raw, start, name, around);
      sortVars(raw, start);
    } else if (kind === KIND.FUNC && around.hiddenFunctions.has(nameAt(raw, start)))
      raw.words[start + 1] = ((KIND.FUNC << 24) | LINKAGE.STATIC) >>> 0;
  });
  return { bytes: build(draft), datasecs };
};
