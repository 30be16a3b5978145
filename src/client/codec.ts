import type {
  Btf,
  BtfArray,
  BtfComposite,
  BtfEnum,
  BtfInt,
  BtfType,
  Member,
  TypeId,
} from '../btf/types.ts';
import { ValueError } from './errors.ts';

/**
 * A C value in JavaScript. Integers of up to 4 bytes, and floats, are numbers; wider integers and pointers bigints;
 * `bool` a boolean; an enum value its name (a number when it has none); a `char` array a string; other arrays of bytes
 * a `Uint8Array`; arrays and structs arrays and objects, the members of anonymous structs and unions among their
 * parent's. The raw bytes are taken in place of any of them.
 */
export type Value =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [member: string]: Value };

const isBytes = (value: Value): value is Uint8Array => value instanceof Uint8Array;
/** Callers that are not type-checked may hand in null. */
const isObject = (value: unknown): value is { readonly [member: string]: Value } =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Uint8Array) &&
  !Array.isArray(value);

const describe = (value: unknown): string => {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return 'an object';
  return typeof value === 'string' ? `"${value}"` : String(value);
};

/** How a type is written in C, for messages. */
function typeName(btf: Btf, id: TypeId): string {
  const type = btf.type(id);
  if (type.kind === 'array') return `${typeName(btf, type.element)}[${type.length}]`;
  if (type.kind === 'ptr') return 'a pointer';
  const name = type.name === '' ? `(anonymous ${type.kind})` : type.name;
  if (type.kind === 'struct' || type.kind === 'union') return `${type.kind} ${name}`;
  return isEnum(type) ? `enum ${name}` : name;
}

const isEnum = (type: BtfType): type is BtfEnum => type.kind === 'enum' || type.kind === 'enum64';
const isComposite = (type: BtfType): type is BtfComposite =>
  type.kind === 'struct' || type.kind === 'union';

/** Clang marks `char` by its name alone. */
function isChar(btf: Btf, id: TypeId): boolean {
  const type = btf.type(btf.resolve(id));
  return type.kind === 'int' && type.size === 1 && (type.char || type.name === 'char');
}
const isByte = (btf: Btf, id: TypeId): boolean => {
  const type = btf.type(btf.resolve(id));
  return type.kind === 'int' && type.size === 1 && !type.bool && !type.signed;
};

const readUnsigned = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
function writeUnsigned(out: Uint8Array, value: bigint): void {
  let rest = value;
  for (let i = 0; i < out.length; i++) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

interface IntShape {
  readonly bits: number;
  readonly signed: boolean;
}

function toInteger(shape: IntShape, what: string, value: Value, path: string): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new ValueError(path, `${what} takes an integer, not ${describe(value)}`);
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new ValueError(path, `${value} is not an integer that a number holds exactly`);
  const big = BigInt(value);
  const [min, max] = shape.signed
    ? [-(1n << BigInt(shape.bits - 1)), (1n << BigInt(shape.bits - 1)) - 1n]
    : [0n, (1n << BigInt(shape.bits)) - 1n];
  if (big < min || big > max)
    throw new ValueError(path, `${value} is outside ${what}, which is ${min}..${max}`);
  return BigInt.asUintN(shape.bits, big);
}

function intBits(type: BtfInt, bits: number, value: Value, path: string): bigint {
  if (type.bool) {
    if (typeof value === 'boolean') return value ? 1n : 0n;
    if (value === 0 || value === 1 || value === 0n || value === 1n) return BigInt(value);
    throw new ValueError(path, `${type.name} takes true or false, not ${describe(value)}`);
  }
  return toInteger({ bits, signed: type.signed }, type.name, value, path);
}

function enumBits(type: BtfEnum, bits: number, value: Value, path: string): bigint {
  const what = `enum ${type.name || '(anonymous)'}`;
  if (typeof value !== 'string') return toInteger({ bits, signed: type.signed }, what, value, path);
  const found = type.values.find((v) => v.name === value);
  if (found === undefined) {
    const names = type.values.map((v) => v.name).join(', ');
    throw new ValueError(path, `${what} has no value ${value}; it has ${names}`);
  }
  return BigInt.asUintN(bits, found.value);
}

function encodeText(out: Uint8Array, text: string, path: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= out.length)
    throw new ValueError(path, `"${text}" and its NUL do not fit in char[${out.length}]`);
  out.set(bytes);
}

function encodeArray(btf: Btf, type: BtfArray, value: Value, out: Uint8Array, path: string): void {
  if (typeof value === 'string' && isChar(btf, type.element)) {
    encodeText(out, value, path);
    return;
  }
  if (!Array.isArray(value))
    throw new ValueError(path, `${typeName(btf, type.id)} cannot be ${describe(value)}`);
  if (value.length !== type.length)
    throw new ValueError(path, `has ${type.length} elements, not ${value.length}`);
  const size = btf.sizeOf(type.element);
  value.forEach((element: Value, i) =>
    encodeInto(btf, type.element, element, out.subarray(i * size, (i + 1) * size), `${path}[${i}]`),
  );
}

interface Placed extends Member {
  /** In bits from the start of the outermost struct. */
  readonly bitOffset: number;
}

/** Members with those of anonymous structs and unions lifted into their parent. */
function membersOf(btf: Btf, type: BtfComposite, base = 0): readonly Placed[] {
  return type.members.flatMap((member) => {
    const bitOffset = base + member.bitOffset;
    if (member.name !== '') return [{ ...member, bitOffset }];
    const inner = btf.type(btf.resolve(member.type));
    return isComposite(inner) ? membersOf(btf, inner, bitOffset) : [];
  });
}

const scalarBits = (type: BtfInt | BtfEnum, bits: number, value: Value, path: string): bigint =>
  type.kind === 'int' ? intBits(type, bits, value, path) : enumBits(type, bits, value, path);

function encodeBitfield(
  btf: Btf,
  member: Placed,
  value: Value,
  out: Uint8Array,
  path: string,
): void {
  const type = btf.type(btf.resolve(member.type));
  if (type.kind !== 'int' && !isEnum(type))
    throw new ValueError(path, `a bitfield cannot be of kind ${type.kind}`);
  const bits = scalarBits(type, member.bitSize, value, path);
  const from = Math.floor(member.bitOffset / 8);
  const to = Math.ceil((member.bitOffset + member.bitSize) / 8);
  const bytes = out.subarray(from, to);
  const shift = BigInt(member.bitOffset - from * 8);
  const mask = ((1n << BigInt(member.bitSize)) - 1n) << shift;
  writeUnsigned(bytes, (readUnsigned(bytes) & ~mask) | (bits << shift));
}

function encodeComposite(
  btf: Btf,
  type: BtfComposite,
  value: Value,
  out: Uint8Array,
  path: string,
): void {
  if (!isObject(value))
    throw new ValueError(path, `${typeName(btf, type.id)} takes an object, not ${describe(value)}`);
  const members = membersOf(btf, type);
  for (const [name, input] of Object.entries(value)) {
    const at = `${path}.${name}`;
    const member = members.find((m) => m.name === name);
    if (member === undefined) {
      const names = members.map((m) => m.name).join(', ');
      throw new ValueError(at, `${typeName(btf, type.id)} has no such member; it has ${names}`);
    }
    if (member.bitSize > 0) {
      encodeBitfield(btf, member, input, out, at);
      continue;
    }
    const from = member.bitOffset / 8;
    encodeInto(btf, member.type, input, out.subarray(from, from + btf.sizeOf(member.type)), at);
  }
}

function encodeFloat(out: Uint8Array, value: Value, path: string): void {
  if (typeof value !== 'number')
    throw new ValueError(path, `takes a number, not ${describe(value)}`);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  if (out.length === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
}

function encodeInto(btf: Btf, id: TypeId, value: Value, out: Uint8Array, path: string): void {
  if (isBytes(value)) {
    if (value.length !== out.length)
      throw new ValueError(path, `takes ${out.length} bytes, not ${value.length}`);
    out.set(value);
    return;
  }
  const type = btf.type(btf.resolve(id));
  if (type.kind === 'int' || isEnum(type))
    writeUnsigned(out, scalarBits(type, type.size * 8, value, path));
  else if (type.kind === 'ptr')
    writeUnsigned(out, toInteger({ bits: 64, signed: false }, 'a pointer', value, path));
  else if (type.kind === 'float') encodeFloat(out, value, path);
  else if (type.kind === 'array') encodeArray(btf, type, value, out, path);
  else if (isComposite(type)) encodeComposite(btf, type, value, out, path);
  else throw new ValueError(path, `a value of kind ${type.kind} can only be given as bytes`);
}

/**
 * Writes a value as C lays it out (little endian). Members that are left out are zero.
 * @param path names the value in messages.
 * @throws ValueError when the type cannot hold the value.
 */
export function encode(btf: Btf, id: TypeId, value: Value, path: string): Uint8Array {
  const out = new Uint8Array(btf.sizeOf(id));
  encodeInto(btf, id, value, out, path);
  return out;
}

const intValue = (bits: bigint, shape: IntShape): number | bigint => {
  const value = shape.signed ? BigInt.asIntN(shape.bits, bits) : bits;
  return shape.bits <= 32 ? Number(value) : value;
};

function decodeEnum(type: BtfEnum, bits: bigint, width: number): string | number | bigint {
  const value = type.signed ? BigInt.asIntN(width, bits) : bits;
  const name = type.values.find((v) => v.value === value)?.name;
  return name ?? intValue(bits, { bits: width, signed: type.signed });
}

function decodeScalar(btf: Btf, id: TypeId, bits: bigint, width: number): Value {
  const type = btf.type(btf.resolve(id));
  if (isEnum(type)) return decodeEnum(type, bits, width);
  if (type.kind !== 'int') return bits;
  if (type.bool) return bits !== 0n;
  return narrow(intValue(bits, { bits: width, signed: type.signed }), type.size);
}
/** A bitfield of a 64-bit type is a bigint at any width, so that its type does not depend on its width. */
const narrow = (value: number | bigint, size: number): number | bigint =>
  size > 4 ? BigInt(value) : value;

function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder('utf-8').decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function decodeArray(btf: Btf, type: BtfArray, bytes: Uint8Array): Value {
  if (isChar(btf, type.element)) return decodeText(bytes);
  if (isByte(btf, type.element)) return bytes.slice();
  const size = btf.sizeOf(type.element);
  return Array.from({ length: type.length }, (_, i) =>
    decode(btf, type.element, bytes.subarray(i * size, (i + 1) * size)),
  );
}

function decodeMember(btf: Btf, member: Placed, bytes: Uint8Array): Value {
  const from = Math.floor(member.bitOffset / 8);
  if (member.bitSize === 0)
    return decode(btf, member.type, bytes.subarray(from, from + btf.sizeOf(member.type)));
  const to = Math.ceil((member.bitOffset + member.bitSize) / 8);
  const shift = BigInt(member.bitOffset - from * 8);
  const bits = BigInt.asUintN(member.bitSize, readUnsigned(bytes.subarray(from, to)) >> shift);
  return decodeScalar(btf, member.type, bits, member.bitSize);
}

function decodeFloat(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

/**
 * Reads a value of the type from its bytes (little endian). Types that have no value of their own stay bytes.
 * @param bytes at least the size of the type; what follows is ignored.
 */
export function decode(btf: Btf, id: TypeId, bytes: Uint8Array): Value {
  const type = btf.type(btf.resolve(id));
  const size = type.kind === 'void' || type.kind === 'fwd' ? bytes.length : btf.sizeOf(id);
  if (bytes.length < size)
    throw new ValueError(typeName(btf, id), `has ${size} bytes, not ${bytes.length}`);
  const own = bytes.subarray(0, size);
  if (type.kind === 'int' || type.kind === 'ptr' || isEnum(type))
    return decodeScalar(btf, id, readUnsigned(own), size * 8);
  if (type.kind === 'float') return decodeFloat(own);
  if (type.kind === 'array') return decodeArray(btf, type, own);
  if (isComposite(type))
    return Object.fromEntries(membersOf(btf, type).map((m) => [m.name, decodeMember(btf, m, own)]));
  return own.slice();
}
