import type { Btf, BtfArray, BtfComposite, BtfEnum, BtfInt, TypeId } from '../../btf/index.ts';
import type { Json, JsonObject } from './json.ts';

/**
 * How values of 16 bytes, bitfields, pointers and characters are written: bare in text for people (`0x1f`), as strings
 * where the output has to be JSON.
 */
export interface ValueStyle {
  readonly plain: boolean;
}

const unsigned = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

const hex = (value: bigint, { plain }: ValueStyle): Json => {
  const text = `0x${value.toString(16)}`;
  return plain ? { raw: text } : text;
};

/** `bitOffset` counts from the start of `bytes`. */
function bits(bytes: Uint8Array, bitOffset: number, bitSize: number): bigint {
  const first = Math.floor(bitOffset / 8);
  const covered = bytes.subarray(first, Math.ceil((bitOffset + bitSize) / 8));
  return BigInt.asUintN(bitSize, unsigned(covered) >> BigInt(bitOffset % 8));
}

function character(byte: number, { plain }: ValueStyle): Json {
  const text = JSON.stringify(String.fromCharCode(byte));
  if (byte >= 0x20 && byte < 0x7f) return { raw: text };
  if (plain) return { raw: `0x${byte.toString(16)}` };
  return { raw: `"\\u00${byte.toString(16).padStart(2, '0')}"` };
}

function int(type: BtfInt, bytes: Uint8Array, style: ValueStyle): Json {
  if (type.bitOffset !== 0 || type.bits % 8 !== 0)
    return hex(bits(bytes, type.bitOffset, type.bits), style);
  const value = unsigned(bytes.subarray(0, type.bits / 8));
  if (type.bits === 128) return hex(value, style);
  if (type.bool) return value !== 0n;
  if (type.char && !type.signed) return character(Number(value), style);
  return type.signed ? BigInt.asIntN(type.bits, value) : value;
}

function enumValue(type: BtfEnum, bytes: Uint8Array): Json {
  const value = BigInt.asIntN(type.size * 8, unsigned(bytes.subarray(0, type.size)));
  const named = type.values.find((v) => BigInt.asIntN(type.size * 8, v.value) === value);
  return named?.name ?? value;
}

/** Text of an array of printable `char` that a NUL ends; a typedef of `char` is no `char`. */
function text(btf: Btf, array: BtfArray, bytes: Uint8Array): string | undefined {
  let element = btf.type(array.element);
  while (element.kind === 'const' || element.kind === 'volatile' || element.kind === 'restrict')
    element = btf.type(element.type);
  if (element.kind !== 'int' || element.size !== 1) return undefined;
  if (element.name !== 'char' && !(element.char && !element.signed)) return undefined;
  const end = bytes.subarray(0, array.length).indexOf(0);
  if (end < 0) return undefined;
  const own = bytes.subarray(0, end);
  return own.every((byte) => byte > 0x1f && byte < 0x7f) ? String.fromCharCode(...own) : undefined;
}

function array(btf: Btf, type: BtfArray, bytes: Uint8Array, style: ValueStyle): Json {
  const string = text(btf, type, bytes);
  if (string !== undefined) return string;
  const size = btf.sizeOf(type.element);
  return Array.from({ length: type.length }, (_, i) =>
    valueJson(btf, type.element, bytes.subarray(i * size), style),
  );
}

function struct(btf: Btf, type: BtfComposite, bytes: Uint8Array, style: ValueStyle): JsonObject {
  const members = type.members.map(({ name, type: id, bitOffset, bitSize }): [string, Json] => {
    if (bitSize > 0) return [name, hex(bits(bytes, bitOffset, bitSize), style)];
    return [name, valueJson(btf, id, bytes.subarray(Math.floor(bitOffset / 8)), style)];
  });
  return { members };
}

/** A value of a BTF type, little endian, as bpftool writes it. `bytes` may go on after the value. */
export function valueJson(btf: Btf, id: TypeId, bytes: Uint8Array, style: ValueStyle): Json {
  const type = btf.type(id);
  switch (type.kind) {
    case 'int':
      return int(type, bytes, style);
    case 'ptr': {
      const value = unsigned(bytes.subarray(0, 8));
      if (!style.plain) return value;
      return { raw: value === 0n ? '(nil)' : `0x${value.toString(16)}` };
    }
    case 'array':
      return array(btf, type, bytes, style);
    case 'struct':
    case 'union':
      return struct(btf, type, bytes, style);
    case 'enum':
    case 'enum64':
      return enumValue(type, bytes);
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return valueJson(btf, type.type, bytes, style);
    case 'var':
      return { members: [[type.name, valueJson(btf, type.type, bytes, style)]] };
    case 'datasec': {
      const values = type.vars.map((v) => valueJson(btf, v.type, bytes.subarray(v.offset), style));
      return { members: [[type.name, values]] };
    }
    case 'float':
      return floatJson(bytes.subarray(0, type.size));
    case 'void':
    case 'fwd':
    case 'func':
    case 'func_proto':
    case 'decl_tag':
      return { raw: '(unknown)' };
    default:
      return type satisfies never;
  }
}

/** Beyond bpftool, which knows no floats. A number that JSON has no form for is text. */
function floatJson(bytes: Uint8Array): Json {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length !== 4 && bytes.length !== 8) return hex(unsigned(bytes), { plain: false });
  const value = bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  return Number.isFinite(value) ? value : String(value);
}
