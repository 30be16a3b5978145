import type { Btf, TypeId } from '../../btf/types.ts';
import type { KernelMemory, Offset } from './memory.ts';

/**
 * Where one member of a kernel struct lives, with accessors on the kernel's memory. Made from the booted BTF, so the
 * same code fills the structs of every kernel release.
 *
 * `get`/`set` take integers (up to 2^53, signed as the member is) and, for pointers, offsets into kernel memory with
 * 0 for NULL. Aggregates have only `offset` and `size`.
 */
export interface Field {
  /** False when the booted kernel has no such member: `get` gives 0 and `set` does nothing. */
  readonly exists: boolean;
  /** In bytes from the start of the struct. */
  readonly offset: number;
  readonly size: number;
  readonly kind: 'int' | 'pointer' | 'aggregate';
  get(object: Offset): number;
  set(object: Offset, value: number): void;
  /** Offset of the member itself inside `object`. */
  at(object: Offset): Offset;
}

/** One object in kernel memory with a property for each modelled member: reading it reads the memory. */
export type StructView<K extends string> = { readonly addr: Offset } & Record<K, number>;

/** A struct of the booted kernel and the members of it that the simulation models. */
export interface StructType<K extends string> {
  /** In bytes; 0 when the booted kernel has no such struct. */
  readonly size: number;
  readonly fields: Readonly<Record<K, Field>>;
  /** The object at `addr`. */
  at(addr: Offset): StructView<K>;
  /** A new zeroed object, `extra` bytes larger than the struct (a flexible array at its end). */
  alloc(extra?: number): StructView<K>;
}

interface Place {
  readonly bitOffset: number;
  readonly bitSize: number;
  readonly type: TypeId;
}

const ABSENT: Field = {
  exists: false,
  offset: 0,
  size: 0,
  kind: 'int',
  get: () => 0,
  set: () => {},
  at: () => 0,
};

/** Struct layouts of the booted kernel, and the list of members that the simulation fills. */
export class Layouts {
  readonly btf: Btf;
  readonly #mem: KernelMemory;
  /** `struct.member` paths that some part of the simulation reads or writes: what is modelled. */
  readonly modelled = new Set<string>();
  readonly #ids = new Map<string, TypeId | undefined>();

  constructor(btf: Btf, mem: KernelMemory) {
    this.btf = btf;
    this.#mem = mem;
  }

  /** Size in bytes of `struct name`; 0 when the booted kernel has none. */
  sizeOf(name: string): number {
    const id = this.#find(name);
    return id === undefined ? 0 : this.btf.sizeOf(id);
  }

  /**
   * @param paths member paths through nested and anonymous structs (`f_path.dentry`), the first that exists is taken:
   *   releases rename members.
   */
  field(struct: string, ...paths: readonly string[]): Field {
    const id = this.#find(struct);
    if (id === undefined) return ABSENT;
    for (const path of paths) {
      const place = this.#walk(id, path.split('.'));
      if (place === undefined) continue;
      this.modelled.add(`${struct}.${path}`);
      return this.#accessor(place);
    }
    return ABSENT;
  }

  /** One accessor for each named member; the value is its path, or several in order of preference. */
  fields<K extends string>(
    struct: string,
    paths: Readonly<Record<K, string | readonly string[]>>,
  ): Record<K, Field> {
    const out = {} as Record<K, Field>;
    for (const key of Object.keys(paths) as K[]) {
      const path: string | readonly string[] = paths[key];
      out[key] = this.field(struct, ...(typeof path === 'string' ? [path] : path));
    }
    return out;
  }

  /** The struct as views whose properties are its members, by the given names. */
  struct<K extends string>(
    name: string,
    paths: Readonly<Record<K, string | readonly string[]>>,
  ): StructType<K> {
    const mem = this.#mem;
    const size = this.sizeOf(name);
    const fields = this.fields(name, paths);
    class Struct {
      readonly addr: Offset;
      constructor(addr: Offset) {
        this.addr = addr;
      }
    }
    for (const key of Object.keys(fields) as K[]) {
      const field = fields[key];
      Object.defineProperty(Struct.prototype, key, {
        get(this: Struct) {
          return field.get(this.addr);
        },
        set(this: Struct, value: number) {
          field.set(this.addr, value);
        },
      });
    }
    const at = (addr: Offset): StructView<K> => new Struct(addr) as StructView<K>;
    return { size, fields, at, alloc: (extra = 0) => at(mem.alloc(size + extra)) };
  }

  /** Value of an enumerator of the booted kernel; undefined when it has no such enum or enumerator. */
  enumerator(type: string, name: string): number | undefined {
    const id = this.btf.find(type, 'enum', 'enum64');
    if (id === undefined) return undefined;
    const found = this.btf.type(id);
    if (found.kind !== 'enum' && found.kind !== 'enum64') return undefined;
    const value = found.values.find((v) => v.name === name);
    return value === undefined ? undefined : Number(value.value);
  }

  #find(name: string): TypeId | undefined {
    if (!this.#ids.has(name)) this.#ids.set(name, this.btf.find(name, 'struct', 'union'));
    return this.#ids.get(name);
  }

  #walk(root: TypeId, path: readonly string[]): Place | undefined {
    let place: Place = { bitOffset: 0, bitSize: 0, type: root };
    for (const name of path) {
      const next = this.#member(this.btf.resolve(place.type), name);
      if (next === undefined) return undefined;
      place = { ...next, bitOffset: place.bitOffset + next.bitOffset };
    }
    return place;
  }

  #member(id: TypeId, name: string): Place | undefined {
    const type = this.btf.type(id);
    if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
    for (const member of type.members) {
      if (member.name === name) return member;
      if (member.name !== '') continue;
      const inner = this.#member(this.btf.resolve(member.type), name);
      if (inner !== undefined) return { ...inner, bitOffset: inner.bitOffset + member.bitOffset };
    }
    return undefined;
  }

  #accessor({ bitOffset, bitSize, type }: Place): Field {
    const resolved = this.btf.type(this.btf.resolve(type));
    const size = this.btf.sizeOf(type);
    const offset = bitSize > 0 ? Math.floor(bitOffset / (size * 8)) * size : bitOffset / 8;
    if (resolved.kind === 'ptr') return new MemberField(this.#mem, offset, size, 'pointer');
    if (resolved.kind !== 'int' && resolved.kind !== 'enum' && resolved.kind !== 'enum64')
      return new MemberField(this.#mem, offset, size, 'aggregate');
    if (bitSize === 0)
      return new MemberField(this.#mem, offset, size, resolved.signed ? 'signed' : 'unsigned');
    return new BitField(this.#mem, offset, size, bitOffset - offset * 8, bitSize);
  }
}

type Form = 'pointer' | 'aggregate' | 'signed' | 'unsigned';

class MemberField implements Field {
  readonly exists = true;
  readonly offset: number;
  readonly size: number;
  readonly kind: Field['kind'];
  readonly #mem: KernelMemory;
  readonly #form: Form;

  constructor(mem: KernelMemory, offset: number, size: number, form: Form) {
    this.#mem = mem;
    this.offset = offset;
    this.size = size;
    this.#form = form;
    this.kind = form === 'signed' || form === 'unsigned' ? 'int' : form;
  }

  at(object: Offset): Offset {
    return object + this.offset;
  }

  get(object: Offset): number {
    const at = object + this.offset;
    if (this.#form === 'pointer') return this.#mem.readPointer(at);
    if (this.#form === 'aggregate') return 0;
    return readInteger(this.#mem.view, at, this.size, this.#form === 'signed');
  }

  set(object: Offset, value: number): void {
    const at = object + this.offset;
    if (this.#form === 'pointer') this.#mem.writePointer(at, value);
    else if (this.#form !== 'aggregate') writeInteger(this.#mem.view, at, this.size, value);
  }
}

function readInteger(view: DataView, at: Offset, size: number, signed: boolean): number {
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, true) : view.getUint16(at, true);
    case 4:
      return signed ? view.getInt32(at, true) : view.getUint32(at, true);
    default: {
      const high = signed ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true);
      return high * 2 ** 32 + view.getUint32(at, true);
    }
  }
}

function writeInteger(view: DataView, at: Offset, size: number, value: number): void {
  switch (size) {
    case 1:
      view.setUint8(at, value);
      break;
    case 2:
      view.setUint16(at, value, true);
      break;
    case 4:
      view.setUint32(at, value, true);
      break;
    default:
      view.setUint32(at, value >>> 0, true);
      view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}

/** Bitfields of up to 32 bits that do not straddle their storage unit's low or high word. */
class BitField implements Field {
  readonly exists = true;
  readonly offset: number;
  readonly size: number;
  readonly kind = 'int';
  readonly #mem: KernelMemory;
  /** The word that holds the bits: its place in the struct and its bytes. */
  readonly #word: number;
  readonly #bytes: number;
  readonly #shift: number;
  readonly #mask: number;

  constructor(mem: KernelMemory, offset: number, size: number, inUnit: number, bitSize: number) {
    this.#mem = mem;
    this.offset = offset;
    this.size = size;
    const high = size === 8 && inUnit >= 32;
    this.#word = offset + (high ? 4 : 0);
    this.#bytes = Math.min(size, 4);
    this.#shift = high ? inUnit - 32 : inUnit;
    this.#mask = bitSize === 32 ? 0xffffffff : 2 ** bitSize - 1;
  }

  at(object: Offset): Offset {
    return object + this.offset;
  }

  get(object: Offset): number {
    const word = readInteger(this.#mem.view, object + this.#word, this.#bytes, false);
    return ((word >>> this.#shift) & this.#mask) >>> 0;
  }

  set(object: Offset, value: number): void {
    const at = object + this.#word;
    const word = readInteger(this.#mem.view, at, this.#bytes, false);
    const kept = word & ~(this.#mask << this.#shift);
    const next = (kept | ((value & this.#mask) << this.#shift)) >>> 0;
    writeInteger(this.#mem.view, at, this.#bytes, next);
  }
}
