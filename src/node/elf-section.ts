import { FormatError } from '../abi/index.ts';

/** `Elf64_Ehdr` and `Elf64_Shdr` (elf(5)); all offsets and sizes in bytes. */
const EI_CLASS = 4;
const EI_DATA = 5;
const E_SHOFF = 0x28;
const E_SHENTSIZE = 0x3a;
const E_SHNUM = 0x3c;
const E_SHSTRNDX = 0x3e;
const EHDR_SIZE = 0x40;
const SHDR_SIZE = 0x40;
const SH_TYPE = 4;
const SH_OFFSET = 0x18;
const SH_SIZE = 0x20;
const SHT_NOBITS = 8;

export const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

/**
 * Finds one section of a kernel image or module by name. Objects for BPF have a reader of their own; this one takes
 * any machine and looks at nothing but the section table.
 * @returns a view of the section's bytes, undefined when there is no such section.
 * @throws {FormatError} for a damaged table, 32-bit or big-endian files.
 */
export function elfSection(bytes: Uint8Array, file: string, name: string): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (offset: number, rule: string): never => {
    throw new FormatError({ file, format: 'ELF', offset, rule });
  };
  if (bytes.length < EHDR_SIZE) fail(0, `${bytes.length} bytes are no ELF header`);
  if (bytes[EI_CLASS] !== 2) fail(EI_CLASS, 'is not a 64-bit file');
  if (bytes[EI_DATA] !== 1) fail(EI_DATA, 'is a big-endian file; only little-endian is read');
  const word = (at: number): number => Number(view.getBigUint64(at, true));
  const table = word(E_SHOFF);
  const count = view.getUint16(E_SHNUM, true);
  if (count > 0 && view.getUint16(E_SHENTSIZE, true) !== SHDR_SIZE)
    fail(E_SHENTSIZE, `section headers are not ${SHDR_SIZE} bytes long`);
  if (table + count * SHDR_SIZE > bytes.length)
    fail(E_SHOFF, 'the section table runs past the end of the file');
  const contents = (at: number): Uint8Array => {
    const start = word(at + SH_OFFSET);
    const end = start + word(at + SH_SIZE);
    if (end > bytes.length) fail(at + SH_OFFSET, 'a section runs past the end of the file');
    return bytes.subarray(start, end);
  };
  const strings = view.getUint16(E_SHSTRNDX, true);
  if (count === 0) return undefined;
  if (strings >= count) fail(E_SHSTRNDX, `section ${strings} for the names is not there`);
  const names = contents(table + strings * SHDR_SIZE);
  const wanted = new TextEncoder().encode(`${name}\0`);
  for (let at = table; at < table + count * SHDR_SIZE; at += SHDR_SIZE) {
    const start = view.getUint32(at, true);
    if (!wanted.every((byte, i) => names[start + i] === byte)) continue;
    if (view.getUint32(at + SH_TYPE, true) !== SHT_NOBITS) return contents(at);
  }
  return undefined;
}
