import type { Btf } from '../../btf/types.ts';
import type { SourceLine } from '../../kernel/decision.ts';

const RECORD = 16;

/** Which source line an instruction came from. */
export interface LineTable {
  /** @param insn slot of the instruction; -1 gives nothing. */
  at(insn: number): SourceLine | undefined;
}

/**
 * Records of `struct bpf_line_info`: u32 instruction, u32 file name, u32 line text, u32 line << 10 | column; each
 * covers the instructions up to the next one.
 */
export function lineTable(records: Uint8Array, btf: Btf | undefined): LineTable {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const count = btf === undefined ? 0 : Math.floor(records.length / RECORD);
  return {
    at(insn) {
      let found = -1;
      for (let i = 0; i < count && view.getUint32(i * RECORD, true) <= insn; i++) found = i;
      if (insn < 0 || found < 0 || btf === undefined) return undefined;
      const word = (index: number): number => view.getUint32(found * RECORD + index * 4, true);
      return { file: btf.string(word(1)), line: word(3) >>> 10, text: btf.string(word(2)).trim() };
    },
  };
}
