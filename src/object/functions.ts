import {
  elfError,
  SHF_EXECINSTR,
  SHT,
  STB,
  STT,
  type Elf,
  type ElfSection,
  type Symbols,
} from './elf.ts';

export const TEXT_SECTION = '.text';
const INSN_SIZE = 8;

/** One function of the object, before it is linked into programs. */
export interface Func {
  readonly name: string;
  readonly section: ElfSection;
  /** Instructions [start, end) of the section. */
  readonly start: number;
  readonly end: number;
  readonly isStatic: boolean;
  /** Global, but with STV_HIDDEN. */
  readonly hidden: boolean;
}

/** Functions of each section with instructions, by section index, ordered by their start. */
export type Functions = ReadonlyMap<number, readonly Func[]>;

export const isCodeSection = (section: ElfSection): boolean =>
  section.type === SHT.PROGBITS && (section.flags & SHF_EXECINSTR) !== 0 && section.size > 0;

const codeSections = (elf: Elf): ReadonlyMap<number, Func[]> => {
  const sections = new Map<number, Func[]>();
  const names = new Set<string>();
  for (const section of elf.sections.filter(isCodeSection)) {
    if (section.size % INSN_SIZE !== 0)
      throw elfError(elf.file, 0, `${section.size} bytes are not whole instructions`, section.name);
    // The records of .BTF.ext know sections by name alone.
    if (names.has(section.name))
      throw elfError(elf.file, 0, 'there are two program sections of this name', section.name);
    names.add(section.name);
    sections.set(section.index, []);
  }
  return sections;
};

const readFunction = (elf: Elf, symbols: Symbols, index: number, section: ElfSection): Func => {
  const name = symbols.name(index);
  const offset = symbols.value(index);
  const size = symbols.size(index);
  const fail = (rule: string): never => {
    const place = Math.min(offset, section.size);
    throw elfError(elf.file, place, `function ${name} ${rule}`, section.name);
  };
  if (size === 0) fail('has no instructions');
  if (offset % INSN_SIZE !== 0 || size % INSN_SIZE !== 0)
    fail(`at ${offset} of ${size} bytes is not made of whole instructions`);
  if (offset + size > section.size) fail('goes past the end of its section');
  return {
    name,
    section,
    start: offset / INSN_SIZE,
    end: (offset + size) / INSN_SIZE,
    isStatic: symbols.bind(index) === STB.LOCAL,
    hidden: symbols.hidden(index),
  };
};

/** @throws {FormatError} for a function without instructions, past its section's end, or over another. */
export const readFunctions = (elf: Elf, symbols: Symbols): Functions => {
  const sections = codeSections(elf);
  for (let i = 1; i < symbols.count; i++) {
    if (symbols.type(i) !== STT.FUNC) continue;
    const section = elf.sections[symbols.sectionIndex(i)];
    if (section !== undefined)
      sections.get(section.index)?.push(readFunction(elf, symbols, i, section));
  }
  for (const functions of sections.values()) {
    functions.sort((a, b) => a.start - b.start);
    functions.forEach((f, i) => {
      const before = functions[i - 1];
      if (before !== undefined && before.end > f.start)
        throw elfError(
          elf.file,
          f.start * INSN_SIZE,
          `functions ${before.name} and ${f.name} overlap`,
          f.section.name,
        );
    });
  }
  return sections;
};

/** The function that starts exactly at an instruction of a section. */
export const functionAt = (
  functions: Functions,
  section: number,
  insn: number,
): Func | undefined => {
  const list = functions.get(section) ?? [];
  let low = 0;
  let high = list.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const start = list[middle]?.start ?? 0;
    if (start === insn) return list[middle];
    if (start < insn) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
};
