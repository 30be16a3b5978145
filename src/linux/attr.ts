import { BPF_ATTR, BPF_CMD_ATTR, type FieldLayout, STRUCT_SIZE } from '../abi/index.ts';
import type { BpfCommand } from '../kernel/bpf.ts';
import { type Block, cstring } from './executor.ts';

/** A pointer in an attribute is given as what it points to: bytes, or text that gets its NUL here. */
export type AttrValue = number | bigint | string | Uint8Array | Block | null | undefined;
export type AttrFields = Readonly<Record<string, AttrValue>>;

/** The largest `union bpf_attr` known. The kernel takes a longer one than its own if the rest is zero. */
const ATTR_SIZE = Math.max(...Object.values(STRUCT_SIZE.bpf_attr));

/** `union bpf_attr` of one command in memory, and what the kernel wrote back into it. */
export class Attr {
  readonly block: Block;
  readonly #layout: Readonly<Record<string, FieldLayout>>;
  readonly #view: DataView;

  constructor(block: Block, layout: Readonly<Record<string, FieldLayout>>) {
    this.block = block;
    this.#layout = layout;
    this.#view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#at(field), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#at(field), true);
  }

  #at(field: string): number {
    const layout = this.#layout[field];
    if (layout === undefined) throw new TypeError(`union bpf_attr has no field ${field} here`);
    return layout.offset;
  }
}

/** @throws TypeError for a command that the generated tables lack. */
export function layoutOf(command: BpfCommand): Readonly<Record<string, FieldLayout>> {
  const member: keyof typeof BPF_ATTR | undefined = BPF_CMD_ATTR[command];
  if (member === undefined) throw new TypeError(`bpf command ${command} is unknown`);
  return BPF_ATTR[member];
}

function blockOf(value: string | Uint8Array | Block): Block {
  if (typeof value === 'string') return cstring(value);
  return value instanceof Uint8Array ? { bytes: value } : value;
}

/** `attachBtfId` is `attach_btf_id`. */
export const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The fields of one command, by their names in camel case, as `union bpf_attr`, little endian. Fields that are
 * undefined or null are 0.
 * @throws TypeError for a field that the command has not.
 */
export function encodeAttr(command: BpfCommand, fields: AttrFields): Attr {
  const layout = layoutOf(command);
  const bytes = new Uint8Array(ATTR_SIZE);
  const view = new DataView(bytes.buffer);
  const pointers: { offset: number; to: Block }[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = layout[snakeCase(name)];
    if (field === undefined) throw new TypeError(`bpf command ${command} has no field ${name}`);
    if (value === undefined || value === null) continue;
    const { offset, size } = field;
    if (typeof value === 'bigint' || typeof value === 'number') {
      if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
      else view.setUint32(offset, Number(value), true);
      continue;
    }
    const to = blockOf(value);
    // Eight bytes are a pointer; a longer field holds the bytes of a name itself, which may fill it to the last.
    if (size === 8) pointers.push({ offset, to });
    else bytes.set(to.bytes.subarray(0, size), offset);
  }
  return new Attr({ bytes, pointers }, layout);
}
