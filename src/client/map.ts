import { ERRNO } from '../abi/index.ts';
import type { Btf, TypeId } from '../btf/types.ts';
import type { MapInfo, Task } from '../kernel/index.ts';
import type { MapSpec } from '../object/spec.ts';
import { decode, encode, type Value } from './codec.ts';
import { BpfError, ValueError } from './errors.ts';
import { bpf } from './fds.ts';
import { infoOf } from './info.ts';
import { pin } from './pin.ts';

const { ENOENT } = ERRNO;

/** Something that maps of maps and arrays of programs hold by its file descriptor. */
export interface HasFd {
  readonly fd: number;
}

const PER_CPU = new Set([
  'PERCPU_HASH',
  'PERCPU_ARRAY',
  'LRU_PERCPU_HASH',
  'PERCPU_CGROUP_STORAGE',
]);
const INDEXED = new Set([
  'ARRAY',
  'PERCPU_ARRAY',
  'PROG_ARRAY',
  'ARRAY_OF_MAPS',
  'PERF_EVENT_ARRAY',
]);
const HOLDS_FDS = new Set(['PROG_ARRAY', 'ARRAY_OF_MAPS', 'HASH_OF_MAPS']);

const isHasFd = (value: unknown): value is HasFd =>
  typeof value === 'object' && value !== null && 'fd' in value && typeof value.fd === 'number';

/** Integers of a map without BTF, little endian. Only sizes that C has. */
function encodePlain(size: number, value: Value, path: string): Uint8Array {
  if (value instanceof Uint8Array) {
    if (value.length !== size)
      throw new ValueError(path, `takes ${size} bytes, not ${value.length}`);
    return value;
  }
  if (
    typeof value !== 'number' ||
    !Number.isInteger(value) ||
    size !== 4 ||
    value < 0 ||
    value > 0xffffffff
  )
    throw new ValueError(path, `the object has no type for it: give ${size} bytes`);
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
const decodeIndex = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);

/**
 * A map of a loaded collection. Keys and values are JavaScript values as the map's BTF says (see {@link Value}), or
 * their bytes. A per-CPU map takes and gives an array with one value for each possible CPU.
 */
export class BpfMap {
  readonly name: string;
  readonly fd: number;
  readonly spec: MapSpec;
  readonly #task: Task;
  readonly #btf: Btf | undefined;
  readonly #cpus: number;

  constructor(
    spec: MapSpec,
    fd: number,
    context: { readonly task: Task; readonly btf: Btf | undefined; readonly cpus: number },
  ) {
    this.name = spec.name;
    this.fd = fd;
    this.spec = spec;
    this.#task = context.task;
    this.#btf = context.btf;
    this.#cpus = context.cpus;
  }

  /** What the kernel tells of it. */
  info(): Promise<MapInfo> {
    return infoOf(this.#task, this.fd, 'map', `map '${this.name}'`);
  }

  /** Keeps the map under a name in a bpffs. */
  async pin(path: string): Promise<void> {
    await pin(this.#task, this.fd, path, `map '${this.name}'`);
  }

  /** The value, or undefined when the map has no such key. Of a map of maps it is the inner map's id. */
  async get(key: Value): Promise<Value | undefined> {
    try {
      return this.#decodeValue(await this.getRaw(key));
    } catch (error) {
      if (error instanceof BpfError && error.errno === ENOENT) return undefined;
      throw error;
    }
  }

  /** The bytes of a value, which must exist. */
  async getRaw(key: Value): Promise<Uint8Array> {
    const value = new Uint8Array(this.#valueBytes());
    await this.#bpf('MAP_LOOKUP_ELEM', { mapFd: this.fd, key: this.#encodeKey(key), value });
    return value;
  }

  /** @param flags BPF_ANY 0, BPF_NOEXIST 1 or BPF_EXIST 2. */
  async set(key: Value, value: Value | HasFd, flags = 0): Promise<void> {
    await this.#bpf('MAP_UPDATE_ELEM', {
      mapFd: this.fd,
      key: this.#encodeKey(key),
      value: this.#encodeValue(value),
      flags,
    });
  }

  async setRaw(key: Value, value: Uint8Array): Promise<void> {
    const attr = { mapFd: this.fd, key: this.#encodeKey(key), value };
    await this.#bpf('MAP_UPDATE_ELEM', attr);
  }

  /** @returns false when the map has no such key. */
  async delete(key: Value): Promise<boolean> {
    const attr = { mapFd: this.fd, key: this.#encodeKey(key) };
    const result = await this.#task.bpf('MAP_DELETE_ELEM', attr);
    if (result.ok) return true;
    if (result.errno === ENOENT) return false;
    throw new BpfError({ ...result, command: 'MAP_DELETE_ELEM' }, `map '${this.name}'`);
  }

  /** All keys, in the kernel's order. Keys that come and go meanwhile may be missed. */
  async keys(): Promise<readonly Value[]> {
    const keys: Value[] = [];
    let key: Uint8Array | null = null;
    for (;;) {
      const nextKey = new Uint8Array(this.spec.keySize);
      const result = await this.#task.bpf('MAP_GET_NEXT_KEY', { mapFd: this.fd, key, nextKey });
      if (!result.ok) {
        if (result.errno === ENOENT) return keys;
        throw new BpfError({ ...result, command: 'MAP_GET_NEXT_KEY' }, `map '${this.name}'`);
      }
      keys.push(this.#decodeKey(nextKey));
      key = nextKey;
    }
  }

  async entries(): Promise<readonly (readonly [key: Value, value: Value])[]> {
    const entries: (readonly [Value, Value])[] = [];
    for (const key of await this.keys()) {
      const value = await this.get(key);
      if (value !== undefined) entries.push([key, value]);
    }
    return entries;
  }

  async #bpf(command: 'MAP_LOOKUP_ELEM' | 'MAP_UPDATE_ELEM', attr: ElemAttr): Promise<void> {
    await bpf(this.#task, command, attr, `map '${this.name}'`);
  }

  #encodeKey(key: Value): Uint8Array {
    const path = `${this.name} key`;
    const typed = this.#typed(this.spec.keyType);
    return typed === undefined
      ? encodePlain(this.spec.keySize, key, path)
      : encode(typed.btf, typed.id, key, path);
  }

  #decodeKey(bytes: Uint8Array): Value {
    const typed = this.#typed(this.spec.keyType);
    if (typed !== undefined) return decode(typed.btf, typed.id, bytes);
    return INDEXED.has(this.spec.type) ? decodeIndex(bytes) : bytes;
  }

  /** Each CPU's value starts on a multiple of 8 bytes. */
  #slotBytes(): number {
    return Math.ceil(this.spec.valueSize / 8) * 8;
  }
  #valueBytes(): number {
    if (!PER_CPU.has(this.spec.type)) return this.spec.valueSize;
    return this.#slotBytes() * this.#cpus;
  }

  #encodeValue(value: Value | HasFd): Uint8Array {
    const path = `${this.name} value`;
    if (isHasFd(value)) {
      if (HOLDS_FDS.has(this.spec.type)) return encodePlain(4, value.fd, path);
      throw new ValueError(path, `a map of type ${this.spec.type} holds no maps or programs`);
    }
    if (!PER_CPU.has(this.spec.type) || value instanceof Uint8Array)
      return this.#encodeOne(value, path);
    if (!Array.isArray(value) || value.length !== this.#cpus)
      throw new ValueError(path, `takes an array of ${this.#cpus} values, one for each CPU`);
    const out = new Uint8Array(this.#valueBytes());
    value.forEach((one: Value, cpu) => {
      out.set(this.#encodeOne(one, `${path} of CPU ${cpu}`), cpu * this.#slotBytes());
    });
    return out;
  }

  #encodeOne(value: Value, path: string): Uint8Array {
    const typed = this.#typed(this.spec.valueType);
    return typed === undefined
      ? encodePlain(this.spec.valueSize, value, path)
      : encode(typed.btf, typed.id, value, path);
  }

  #decodeValue(bytes: Uint8Array): Value {
    if (!PER_CPU.has(this.spec.type)) return this.#decodeOne(bytes);
    return Array.from({ length: this.#cpus }, (_, cpu) =>
      this.#decodeOne(bytes.subarray(cpu * this.#slotBytes()).subarray(0, this.spec.valueSize)),
    );
  }

  #decodeOne(bytes: Uint8Array): Value {
    if (HOLDS_FDS.has(this.spec.type)) return decodeIndex(bytes);
    const typed = this.#typed(this.spec.valueType);
    return typed === undefined ? bytes.slice() : decode(typed.btf, typed.id, bytes);
  }

  /** A data section is bytes to a map; its variables have types. */
  #typed(id: TypeId | undefined): { readonly btf: Btf; readonly id: TypeId } | undefined {
    const btf = this.#btf;
    if (btf === undefined || id === undefined || this.spec.data !== undefined) return undefined;
    return { btf, id };
  }
}

interface ElemAttr {
  readonly mapFd: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags?: number;
}
