import type { Btf, TypeId } from '../btf/index.ts';
import type { Value } from '../client/index.ts';
import { UsageError } from './context.ts';

type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };

const INTEGER = /^-?(?:\d+|0x[\da-f]+)$/i;

/** Decimal or hexadecimal, of any size. */
function bigInteger(text: string): bigint {
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

/** `c0 00 02 01` or `c0000201`. */
function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/[\s:]/g, '');
  return /^(?:[\da-f]{2})+$/i.test(digits)
    ? Uint8Array.from(Buffer.from(digits, 'hex'))
    : undefined;
}

const isByte = (value: JsonValue): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;

/**
 * A JSON value as one of a C type: integers too large for JSON as text (`"0xffffffffffffffff"`), byte arrays as text in
 * hexadecimal. What does not fit the type is left as it is: whoever encodes it says what is wrong.
 */
function ofType(value: JsonValue, btf: Btf, id: TypeId): Value {
  if (value === null) throw new UsageError('null is no value in C');
  const type = btf.type(btf.resolve(id));
  if (type.kind === 'array') {
    if (typeof value === 'string' && isByteArray(btf, type.element))
      return hexBytes(value) ?? value;
    if (Array.isArray(value)) return value.map((element) => ofType(element, btf, type.element));
  }
  const isInteger = ['int', 'ptr', 'enum', 'enum64'].includes(type.kind);
  if (isInteger && typeof value === 'string' && INTEGER.test(value)) return bigInteger(value);
  if ((type.kind === 'struct' || type.kind === 'union') && isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, ofMember(member, btf, id, name)]),
    );
  return plain(value);
}

const isObject = (value: JsonValue): value is { [name: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isByteArray(btf: Btf, element: TypeId): boolean {
  const type = btf.type(btf.resolve(element));
  return type.kind === 'int' && type.size === 1 && !type.signed && type.name !== 'char';
}

/** Members of anonymous members stand among their parent's. */
function ofMember(value: JsonValue, btf: Btf, id: TypeId, name: string): Value {
  const type = memberType(btf, id, name);
  return type === undefined ? plain(value) : ofType(value, btf, type);
}

function memberType(btf: Btf, id: TypeId, name: string): TypeId | undefined {
  const type = btf.type(btf.resolve(id));
  if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
  for (const member of type.members) {
    if (member.name === name) return member.type;
    const inner = member.name === '' ? memberType(btf, member.type, name) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function plain(value: JsonValue): Value {
  if (value === null) throw new UsageError('null is no value in C');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

/** A C type that a value is for; undefined for what a map has no BTF of, which takes bytes. */
export type ValueType = { readonly btf: Btf; readonly id: TypeId } | undefined;

function typed(value: JsonValue, type: ValueType): Value {
  if (type !== undefined) return ofType(value, type.btf, type.id);
  if (typeof value === 'string') return hexBytes(value) ?? value;
  return Array.isArray(value) && value.every(isByte) ? Uint8Array.from(value) : plain(value);
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** A value on the command line: a number, true or false, JSON, or else the text itself (`char` arrays, enums). */
export function parseValue(text: string, type: ValueType): Value {
  if (INTEGER.test(text)) return isText(type) ? text : bigInteger(text);
  return typed(parseJson(text) ?? text, type);
}

function isText(type: ValueType): boolean {
  if (type === undefined) return false;
  const resolved = type.btf.type(type.btf.resolve(type.id));
  if (resolved.kind !== 'array') return false;
  const element = type.btf.type(type.btf.resolve(resolved.element));
  return element.kind === 'int' && (element.char || element.name === 'char');
}

type Entry = readonly [key: Value, value: Value];

/**
 * The elements of a map from JSON: `{ "KEY": VALUE, … }`, or for keys that are no text `[[KEY, VALUE], …]`, or as
 * `krsi map dump` prints them, `[{ "key": KEY, "value": VALUE }, …]`.
 * @throws UsageError
 */
export function parseEntries(
  text: string,
  name: string,
  types: { readonly key: ValueType; readonly value: ValueType },
): readonly Entry[] {
  const json = parseJson(text);
  if (json === undefined) throw new UsageError(`${name}: is no JSON`);
  const entry = (key: JsonValue | undefined, value: JsonValue | undefined, i: number): Entry => {
    if (key === undefined || value === undefined)
      throw new UsageError(`${name}: element ${i} has no key or no value`);
    return [typed(key, types.key), typed(value, types.value)];
  };
  if (Array.isArray(json))
    return json.map((element, i) => {
      if (Array.isArray(element)) return entry(element[0], element[1], i);
      const { key, value } = isObject(element) ? element : {};
      return entry(key, value, i);
    });
  if (!isObject(json)) throw new UsageError(`${name}: holds neither an object nor an array`);
  return Object.entries(json).map(([key, value], i) => {
    const [, parsed] = entry(key, value, i);
    return [parseValue(key, types.key), parsed];
  });
}
