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
    const mem = this.#mem;
    const resolved = this.btf.type(this.btf.resolve(type));
    const size = this.btf.sizeOf(type);
    const offset = bitSize > 0 ? Math.floor(bitOffset / (size * 8)) * size : bitOffset / 8;
    const at = (object: Offset): Offset => object + offset;
    const base = { exists: true, offset, size, at };
    if (resolved.kind === 'ptr')
      return {
        ...base,
        kind: 'pointer',
        get: (object) => mem.readPointer(object + offset),
        set: (object, value) => mem.writePointer(object + offset, value),
      };
    if (resolved.kind !== 'int' && resolved.kind !== 'enum' && resolved.kind !== 'enum64')
      return { ...base, kind: 'aggregate', get: () => 0, set: () => {} };
    if (bitSize > 0)
      return { ...base, kind: 'int', ...bitfield(mem, offset, size, bitOffset, bitSize) };
    return { ...base, kind: 'int', ...integer(mem, offset, size, resolved.signed) };
  }
}

type Access = Pick<Field, 'get' | 'set'>;

function integer(mem: KernelMemory, offset: number, size: number, signed: boolean): Access {
  switch (size) {
    case 1:
      return {
        get: (o) => (signed ? mem.view.getInt8(o + offset) : mem.view.getUint8(o + offset)),
        set: (o, v) => mem.view.setUint8(o + offset, v),
      };
    case 2:
      return {
        get: (o) =>
          signed ? mem.view.getInt16(o + offset, true) : mem.view.getUint16(o + offset, true),
        set: (o, v) => mem.view.setUint16(o + offset, v, true),
      };
    case 4:
      return {
        get: (o) =>
          signed ? mem.view.getInt32(o + offset, true) : mem.view.getUint32(o + offset, true),
        set: (o, v) => mem.view.setUint32(o + offset, v, true),
      };
    default:
      return {
        get: (o) => {
          const high = signed
            ? mem.view.getInt32(o + offset + 4, true)
            : mem.view.getUint32(o + offset + 4, true);
          return high * 2 ** 32 + mem.view.getUint32(o + offset, true);
        },
        set: (o, v) => {
          mem.view.setUint32(o + offset, v >>> 0, true);
          mem.view.setInt32(o + offset + 4, Math.floor(v / 2 ** 32), true);
        },
      };
  }
}

/** Bitfields of up to 32 bits that do not straddle their storage unit's low or high word. */
function bitfield(
  mem: KernelMemory,
  offset: number,
  size: number,
  bitOffset: number,
  bitSize: number,
): Access {
  const inUnit = bitOffset - offset * 8;
  const word = size === 8 && inUnit >= 32 ? 4 : 0;
  const shift = inUnit - word * 8;
  const mask = bitSize === 32 ? 0xffffffff : 2 ** bitSize - 1;
  const bytes = Math.min(size, 4);
  const read = (o: Offset): number => {
    const at = o + offset + word;
    if (bytes === 1) return mem.view.getUint8(at);
    return bytes === 2 ? mem.view.getUint16(at, true) : mem.view.getUint32(at, true);
  };
  return {
    get: (o) => (read(o) >>> shift) & mask,
    set: (o, v) => {
      const at = o + offset + word;
      const next = ((read(o) & ~(mask << shift)) | ((v & mask) << shift)) >>> 0;
      if (bytes === 1) mem.view.setUint8(at, next);
      else if (bytes === 2) mem.view.setUint16(at, next, true);
      else mem.view.setUint32(at, next, true);
    },
  };
}
