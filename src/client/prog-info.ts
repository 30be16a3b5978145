import type { ProgramSpec } from '../object/spec.ts';

const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;

/** `struct bpf_func_info` records; undefined when some function of the program has no BTF. */
export function funcInfo(program: ProgramSpec): Uint8Array | undefined {
  const out = new DataView(new ArrayBuffer(program.functions.length * FUNC_INFO_SIZE));
  for (const [i, { insn, btfId }] of program.functions.entries()) {
    if (btfId === undefined) return undefined;
    out.setUint32(i * FUNC_INFO_SIZE, insn, true);
    out.setUint32(i * FUNC_INFO_SIZE + 4, btfId, true);
  }
  return out.byteLength === 0 ? undefined : new Uint8Array(out.buffer);
}

/** Offset of each string in the string section of raw BTF (little endian). */
function stringOffsets(btf: Uint8Array): ReadonlyMap<string, number> {
  const view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
  const start = view.getUint32(4, true) + view.getUint32(16, true);
  const strings = btf.subarray(start, start + view.getUint32(20, true));
  const offsets = new Map<string, number>();
  const text = new TextDecoder();
  for (let from = 0; from < strings.length;) {
    const end = strings.indexOf(0, from);
    if (end < 0) break;
    const string = text.decode(strings.subarray(from, end));
    if (!offsets.has(string)) offsets.set(string, from);
    from = end + 1;
  }
  return offsets;
}

/** The kernel keeps line and column in one word: 22 bits of line above 10 bits of column. */
const lineColumn = (line: number, column: number): number =>
  (Math.min(line, 0x3fffff) << 10) | Math.min(column, 0x3ff);

/**
 * `struct bpf_line_info` records, whose strings are offsets into the object's BTF. Undefined when there are none, or
 * when the first instruction of a function has no line, which the kernel demands.
 */
export function lineInfo(program: ProgramSpec, btf: Uint8Array): Uint8Array | undefined {
  const { lines, functions } = program;
  const starts = new Set(lines.map((line) => line.insn));
  if (lines.length === 0 || !functions.every((f) => starts.has(f.insn))) return undefined;
  const offsets = stringOffsets(btf);
  const out = new DataView(new ArrayBuffer(lines.length * LINE_INFO_SIZE));
  for (const [i, line] of lines.entries()) {
    const at = i * LINE_INFO_SIZE;
    out.setUint32(at, line.insn, true);
    out.setUint32(at + 4, offsets.get(line.file) ?? 0, true);
    out.setUint32(at + 8, offsets.get(line.text) ?? 0, true);
    out.setUint32(at + 12, lineColumn(line.line, line.column), true);
  }
  return new Uint8Array(out.buffer);
}
