import { findMember } from '../../btf/index.ts';
import type { Btf, BtfEnum, BtfInt, BtfType, Member, TypeId } from '../../btf/types.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';
import { nearestHint } from './nearest.ts';

/** Arguments that do not fit a hook: the fault of the test that wrote them. */
export class HookArgumentError extends Error {
  override readonly name = 'HookArgumentError';
}

/** A value read as another type than its place declares: a `sockaddr` that is a `sockaddr_in`. */
export class Typed {
  readonly type: string;
  readonly value: GraphValue;

  constructor(type: string, value: GraphValue) {
    this.type = type;
    this.value = value;
  }
}

/** `as('sockaddr_in', { sin_family: 2 })` where a pointer to another struct is wanted. */
export const as = (type: string, value: GraphValue): Typed => new Typed(type, value);

/**
 * What a place in kernel memory shall hold. The same plain object met twice is one struct in memory, so graphs may
 * share nodes and have cycles.
 */
export type GraphValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | Uint8Array
  | Typed
  | { readonly addr: Offset }
  | { readonly [member: string]: GraphValue }
  | readonly GraphValue[];

type Plain = { readonly [member: string]: GraphValue };

/** Structs built in kernel memory from data, as the BTF lays them out; {@link free} gives all of it back. */
export class ObjectGraph {
  /** Offsets of everything allocated. */
  readonly objects: Offset[] = [];
  /** Begins every error. */
  readonly subject: string;
  readonly #mem: KernelMemory;
  readonly #btf: Btf;
  readonly #placed = new Map<object, Offset>();

  constructor(mem: KernelMemory, btf: Btf, subject: string) {
    this.#mem = mem;
    this.#btf = btf;
    this.subject = subject;
  }

  /** Writes a value of this type into new memory. */
  place(type: TypeId, value: GraphValue, path: string): Offset {
    const at = this.#alloc(Math.max(8, this.#btf.sizeOf(type)));
    this.#write(at, { name: '', type, bitOffset: 0, bitSize: 0 }, value, path);
    return at;
  }

  free(): void {
    for (const object of this.objects) this.#mem.free(object);
    this.objects.length = 0;
  }

  /** Checks an integer against the range of its type. */
  integer(type: TypeId, bits: number, value: GraphValue, path: string): bigint {
    const resolved = this.#btf.type(this.#btf.resolve(type));
    const named = resolved.kind === 'enum' || resolved.kind === 'enum64' ? resolved : undefined;
    if (typeof value === 'string' && named !== undefined)
      return this.#enumerator(named, value, path);
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'bigint' && !Number.isSafeInteger(number))
      return this.#fail(path, `an integer is wanted, ${show(value)} given`);
    const integer = BigInt(number as number | bigint);
    const signed = 'signed' in resolved && resolved.signed;
    const width = resolved.kind === 'int' && resolved.bool ? 1 : bits;
    const low = signed ? -(1n << BigInt(width - 1)) : 0n;
    const high = (1n << BigInt(signed ? width - 1 : width)) - 1n;
    if (integer < low || integer > high)
      this.#fail(path, `${integer} is out of range: ${low} to ${high}`);
    return integer;
  }

  #enumerator(type: BtfEnum, name: string, path: string): bigint {
    const found = type.values.find((v) => v.name === name);
    if (found !== undefined) return found.value;
    const hint = nearestHint(
      name,
      type.values.map((v) => v.name),
    );
    return this.#fail(path, `enum ${type.name} has no ${name}${hint}`);
  }

  #fail(path: string, rule: string): never {
    throw new HookArgumentError(`${this.subject}: ${path}: ${rule}`);
  }

  #alloc(size: number): Offset {
    const at = this.#mem.alloc(size);
    this.objects.push(at);
    return at;
  }

  #write(object: Offset, place: Member, value: GraphValue, path: string): void {
    const type = this.#btf.type(this.#btf.resolve(place.type));
    const at = object + Math.floor(place.bitOffset / 8);
    if (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64')
      this.#writeInteger(object, place, type, value, path);
    else if (type.kind === 'ptr') this.#writePointer(at, type.type, value, path);
    else if (type.kind === 'struct' || type.kind === 'union')
      this.#writeStruct(at, type, value, path);
    else if (type.kind === 'array') this.#writeArray(at, type.element, type.length, value, path);
    else this.#fail(path, `a ${type.kind} cannot be given a value`);
  }

  #writeInteger(
    object: Offset,
    place: Member,
    type: BtfInt | BtfEnum,
    value: GraphValue,
    path: string,
  ): void {
    const bits = place.bitSize > 0 ? place.bitSize : type.size * 8;
    const integer = BigInt.asUintN(bits, this.integer(place.type, bits, value, path));
    for (let i = 0; i < bits; i++) {
      const bit = place.bitOffset + i;
      const byte = object + (bit >> 3);
      const mask = 1 << (bit & 7);
      const set = (integer >> BigInt(i)) & 1n;
      this.#mem.u8[byte] = (this.#mem.u8[byte] ?? 0) & ~mask;
      if (set === 1n) this.#mem.u8[byte] = (this.#mem.u8[byte] ?? 0) | mask;
    }
  }

  #writePointer(at: Offset, to: TypeId, value: GraphValue, path: string): void {
    if (typeof value === 'number' || typeof value === 'bigint') {
      if (typeof value === 'number' && !Number.isSafeInteger(value))
        this.#fail(path, `an address is wanted, ${value} given`);
      this.#mem.view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
      return;
    }
    const target = this.#target(to, value, path);
    this.#mem.writePointer(at, target);
  }

  #target(to: TypeId, value: GraphValue, path: string): Offset {
    if (value === null) return 0;
    if (value instanceof Typed) return this.#targetAs(value, path);
    const type = this.#btf.type(this.#btf.resolve(to));
    if (typeof value === 'string') {
      if (type.kind !== 'void' && !(type.kind === 'int' && type.size === 1))
        this.#fail(path, `a string is given where a pointer to ${describe(type)} is wanted`);
      return this.#bytes(new TextEncoder().encode(`${value}\0`));
    }
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (isHandle(value, (name) => this.#member(type, name) !== undefined)) return value.addr;
    if (isList(value)) return this.#list(to, value, path);
    if (typeof value !== 'object' || (type.kind !== 'struct' && type.kind !== 'union'))
      return this.#fail(
        path,
        `${show(value)} is given where a pointer to ${describe(type)} is wanted`,
      );
    return this.#struct(type.id, value, path);
  }

  #targetAs(typed: Typed, path: string): Offset {
    const id = this.#btf.find(typed.type, 'struct', 'union', 'typedef');
    if (id === undefined) return this.#fail(path, `the booted kernel has no struct ${typed.type}`);
    return this.#target(id, typed.value, path);
  }

  #bytes(bytes: Uint8Array): Offset {
    const at = this.#alloc(bytes.length);
    this.#mem.u8.set(bytes, at);
    return at;
  }

  #list(element: TypeId, values: readonly GraphValue[], path: string): Offset {
    const kind = this.#btf.kind(this.#btf.resolve(element));
    if (kind === 'void' || kind === 'fwd')
      return this.#fail(path, 'a list is given for a pointer to void; give bytes');
    const at = this.#alloc(Math.max(1, values.length * this.#btf.sizeOf(element)));
    this.#elements(at, element, values, path);
    return at;
  }

  #struct(type: TypeId, value: Plain, path: string): Offset {
    const placed = this.#placed.get(value);
    if (placed !== undefined) return placed;
    const at = this.#alloc(this.#btf.sizeOf(type));
    this.#placed.set(value, at);
    this.#write(at, { name: '', type, bitOffset: 0, bitSize: 0 }, value, path);
    return at;
  }

  #writeStruct(at: Offset, type: BtfType, value: GraphValue, path: string): void {
    if (!isPlain(value)) return this.#fail(path, `${show(value)} is given for ${describe(type)}`);
    for (const [name, inner] of Object.entries(value)) {
      const member = this.#member(type, name);
      if (member === undefined) {
        const hint = nearestHint(name, this.#memberNames(type));
        return this.#fail(path, `${describe(type)} has no member ${name}${hint}`);
      }
      this.#write(at, member, inner, `${path}.${name}`);
    }
  }

  #writeArray(at: Offset, element: TypeId, length: number, value: GraphValue, path: string): void {
    const text = typeof value === 'string' ? new TextEncoder().encode(value) : undefined;
    const list = text ?? value;
    if (!(list instanceof Uint8Array) && !isList(list))
      return this.#fail(path, `${show(value)} is given for an array of ${length}`);
    if (list.length > length)
      return this.#fail(path, `${list.length} elements are given for an array of ${length}`);
    if (list instanceof Uint8Array) {
      if (this.#btf.sizeOf(element) !== 1)
        this.#fail(path, 'bytes or text are given for an array of larger elements');
      this.#mem.u8.set(list, at);
      return;
    }
    this.#elements(at, element, list, path);
  }

  #elements(at: Offset, type: TypeId, values: readonly GraphValue[], path: string): void {
    const bits = this.#btf.sizeOf(type) * 8;
    for (const [i, value] of values.entries())
      this.#write(at, { name: '', type, bitOffset: i * bits, bitSize: 0 }, value, `${path}[${i}]`);
  }

  /** A member by name, also inside anonymous structs and unions. */
  #member(type: BtfType, name: string): Member | undefined {
    return name.includes('.') ? undefined : findMember(this.#btf, type.id, name);
  }

  #memberNames(type: BtfType): string[] {
    if (type.kind !== 'struct' && type.kind !== 'union') return [];
    return type.members.flatMap((member) =>
      member.name === ''
        ? this.#memberNames(this.#btf.type(this.#btf.resolve(member.type)))
        : [member.name],
    );
  }
}

const isList = (value: GraphValue): value is readonly GraphValue[] => Array.isArray(value);

const isPlain = (value: GraphValue): value is Plain =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/** An object of the simulation, told from the description of a struct that has a member `addr`. */
function isHandle(
  value: GraphValue,
  hasMember: (name: string) => boolean,
): value is { readonly addr: Offset } {
  if (typeof value !== 'object' || value === null || !('addr' in value)) return false;
  if (typeof value.addr !== 'number') return false;
  return !isPlain(value) || (Object.keys(value).length === 1 && !hasMember('addr'));
}

function describe(type: BtfType): string {
  if (type.kind === 'void') return 'void';
  const name = type.name === '' ? '(anonymous)' : type.name;
  return type.kind === 'int' ? name : `${type.kind} ${name}`;
}

function show(value: GraphValue): string {
  if (typeof value === 'string') return `"${value}"`;
  if (isList(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
