import { BPF_ATTR, BPF_CMD_ATTR } from '../../abi/index.ts';
import type { BpfCommand } from '../../kernel/bpf.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';

type Layout = Readonly<Record<string, { readonly offset: number; readonly size: number }>>;

/** Fields whose length the C side passes in a field of its own, in records of so many bytes. */
const COUNTED: Readonly<Record<string, { count: string; record: number; recordSize?: string }>> = {
  insns: { count: 'insn_cnt', record: 8 },
  func_info: { count: 'func_info_cnt', record: 8, recordSize: 'func_info_rec_size' },
  line_info: { count: 'line_info_cnt', record: 16, recordSize: 'line_info_rec_size' },
  btf: { count: 'btf_size', record: 1 },
};

/** Bytes up to the end of the command's last field: what libbpf passes as `size`. */
export const attrSize = (command: BpfCommand): number =>
  Math.max(...Object.values(layoutOf(command)).map((field) => field.offset + field.size));

const layoutOf = (command: BpfCommand): Layout => BPF_ATTR[BPF_CMD_ATTR[command]];

/**
 * Writes `union bpf_attr` as the hooks on bpf(2) see it. Pointers to user memory stay NULL: the caller's buffers have
 * no address in the simulated task.
 */
export function writeAttr(mem: KernelMemory, at: Offset, command: BpfCommand, attr: object): void {
  const layout = layoutOf(command);
  const set = (name: string, value: number | bigint): void => {
    const field = layout[name];
    if (field === undefined) return;
    if (field.size === 8)
      mem.view.setBigUint64(at + field.offset, BigInt.asUintN(64, BigInt(value)), true);
    else mem.view.setUint32(at + field.offset, Number(value) >>> 0, true);
  };
  for (const [key, value] of Object.entries(attr) as [string, unknown][]) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value === 'number' || typeof value === 'bigint') set(name, value);
    else if (typeof value === 'string') writeName(mem, at, layout[name], value);
    else if (value instanceof Uint8Array) {
      const counted = COUNTED[name];
      if (counted === undefined) continue;
      set(counted.count, value.length / counted.record);
      if (counted.recordSize !== undefined) set(counted.recordSize, counted.record);
    }
  }
}

function writeName(
  mem: KernelMemory,
  at: Offset,
  field: Layout[string] | undefined,
  text: string,
): void {
  if (field?.size !== 16) return;
  mem.u8.set(new TextEncoder().encode(text).subarray(0, 15), at + field.offset);
}
