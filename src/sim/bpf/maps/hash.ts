import { ERRNO } from '../../../abi/index.ts';
import type { KernelMemory, Offset } from '../../mem/memory.ts';
import { BPF_EXIST, BPF_NOEXIST, roundUp8, type MapAttr, type MapEnv, type MapOps } from './ops.ts';

const { EINVAL, E2BIG, EEXIST, ENOENT } = ERRNO;

/*
 * A hash table in kernel memory.
 *
 *   buckets   one u32 a bucket: offset of the first element, 0 when empty
 *   element    0  u32 next in the bucket
 *              4  u32 hash
 *              8  u32 older, in the order of use (LRU maps)
 *             12  u32 newer
 *             16  key, padded to 8
 *                 value, padded to 8; per-CPU maps: one slot a CPU
 */
const NEXT = 0;
const HASH = 4;
const OLDER = 8;
const NEWER = 12;
const KEY = 16;

export interface HashOptions {
  readonly perCpu?: boolean;
  /** A full map gives up the element that was not used for the longest time. */
  readonly lru?: boolean;
}

/** BPF_MAP_TYPE_HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH. */
export function hashMap(env: MapEnv, attr: MapAttr, options: HashOptions = {}): MapOps {
  const table = new HashTable(env, attr, options);
  const { mem } = env;
  const { valueSize } = attr;
  const slot = roundUp8(valueSize);
  const { perCpu = false } = options;
  const cpuOffset = perCpu ? () => env.cpu() * slot : () => 0;
  const userValueSize = perCpu ? slot * env.possibleCpus : valueSize;

  /** Runs `fill` on the value of the element that shall hold the key from now on. */
  function put(key: Offset, flags: number, fill: (value: Offset, fresh: boolean) => void): number {
    if (flags > BPF_EXIST) return -EINVAL;
    const hash = table.hash(key);
    const old = table.find(key, hash);
    if (old !== 0 && flags === BPF_NOEXIST) return -EEXIST;
    if (old === 0 && flags === BPF_EXIST) return -ENOENT;
    if (perCpu && old !== 0) {
      fill(table.valueOf(old), false);
      table.touch(old);
      return 0;
    }
    // A program that holds the old element goes on seeing the old value, as on Linux.
    const made = table.take(old !== 0);
    if (made === 0) return -E2BIG;
    fill(table.valueOf(made), true);
    table.insert(made, key, hash);
    if (old !== 0) table.remove(old);
    return 0;
  }

  return {
    userValueSize,
    lookup(key) {
      const element = table.find(key, table.hash(key));
      if (element === 0) return 0;
      table.touch(element);
      return table.valueOf(element) + cpuOffset();
    },
    update: (key, value, flags) =>
      put(key, flags, (at, fresh) => {
        if (perCpu && fresh) mem.u8.fill(0, at, at + userValueSize);
        mem.u8.copyWithin(at + cpuOffset(), value, value + valueSize);
      }),
    delete(key) {
      const element = table.find(key, table.hash(key));
      if (element === 0) return -ENOENT;
      table.remove(element);
      return 0;
    },
    nextKey(key, next) {
      const current = key === 0 ? 0 : table.find(key, table.hash(key));
      const element = current === 0 ? table.first(0) : table.after(current);
      if (element === 0) return -ENOENT;
      mem.u8.copyWithin(next, element + KEY, element + KEY + attr.keySize);
      return 0;
    },
    read(key, into) {
      const element = table.find(key, table.hash(key));
      if (element === 0) return -ENOENT;
      const at = table.valueOf(element);
      into.set(mem.u8.subarray(at, at + into.length));
      return 0;
    },
    write: (key, from, flags) => put(key, flags, (at) => mem.u8.set(from, at)),
    forEach(visit) {
      let count = 0;
      for (let element = table.first(0); element !== 0;) {
        const following = table.after(element);
        count += 1;
        if (!visit(element + KEY, table.valueOf(element) + cpuOffset())) break;
        element = following;
      }
      return count;
    },
    free: () => table.free(),
  };
}

/** Elements, buckets and the order of use. */
export class HashTable {
  count = 0;
  readonly #mem: KernelMemory;
  readonly #keySize: number;
  readonly #valueAt: number;
  readonly #elementSize: number;
  readonly #max: number;
  readonly #mask: number;
  readonly #seed: number;
  readonly #buckets: Offset;
  readonly #lru: boolean;
  /** Elements that were used once: a program may still hold a pointer into one, so they never leave the map. */
  readonly #free: Offset[] = [];
  readonly #all: Offset[] = [];
  #oldest = 0;
  #newest = 0;

  constructor(env: MapEnv, attr: MapAttr, options: HashOptions) {
    this.#mem = env.mem;
    this.#keySize = attr.keySize;
    this.#valueAt = KEY + roundUp8(attr.keySize);
    const slots = options.perCpu === true ? env.possibleCpus : 1;
    this.#elementSize = this.#valueAt + roundUp8(attr.valueSize) * slots;
    this.#max = attr.maxEntries;
    const count = 2 ** Math.ceil(Math.log2(attr.maxEntries));
    this.#mask = count - 1;
    this.#seed = env.randomU32();
    this.#buckets = env.mem.alloc(count * 4);
    this.#lru = options.lru ?? false;
  }

  hash(key: Offset): number {
    const { view } = this.#mem;
    const size = this.#keySize;
    let hash = this.#seed ^ size;
    let i = 0;
    for (; i + 4 <= size; i += 4) hash = mix(hash, view.getInt32(key + i, true));
    for (; i < size; i++) hash = mix(hash, view.getUint8(key + i));
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }

  find(key: Offset, hash: number): Offset {
    const { view } = this.#mem;
    let element = view.getUint32(this.#bucketOf(hash), true);
    while (element !== 0) {
      if (view.getInt32(element + HASH, true) === hash && this.#sameKey(element + KEY, key))
        return element;
      element = view.getUint32(element + NEXT, true);
    }
    return 0;
  }

  valueOf(element: Offset): Offset {
    return element + this.#valueAt;
  }

  /** An element to fill; 0 when the map is full. `replacing` takes the spare one that an update needs. */
  take(replacing: boolean): Offset {
    if (!replacing && this.count >= this.#max) {
      if (!this.#lru) return 0;
      this.remove(this.#oldest);
    }
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const made = this.#mem.alloc(this.#elementSize);
    this.#all.push(made);
    return made;
  }

  insert(element: Offset, key: Offset, hash: number): void {
    const { view, u8 } = this.#mem;
    const bucket = this.#bucketOf(hash);
    u8.copyWithin(element + KEY, key, key + this.#keySize);
    view.setUint32(element + NEXT, view.getUint32(bucket, true), true);
    view.setInt32(element + HASH, hash, true);
    view.setUint32(bucket, element, true);
    this.count += 1;
    if (this.#lru) this.#append(element);
  }

  remove(element: Offset): void {
    const { view } = this.#mem;
    let link = this.#bucketOf(view.getInt32(element + HASH, true));
    while (view.getUint32(link, true) !== element) link = view.getUint32(link, true) + NEXT;
    view.setUint32(link, view.getUint32(element + NEXT, true), true);
    this.count -= 1;
    if (this.#lru) this.#unlink(element);
    this.#free.push(element);
  }

  /** Marks the element as the one used last. */
  touch(element: Offset): void {
    if (!this.#lru || element === this.#newest) return;
    this.#unlink(element);
    this.#append(element);
  }

  /** The first element at or behind a bucket. */
  first(from: number): Offset {
    const { view } = this.#mem;
    for (let i = from; i <= this.#mask; i++) {
      const element = view.getUint32(this.#buckets + i * 4, true);
      if (element !== 0) return element;
    }
    return 0;
  }

  after(element: Offset): Offset {
    const { view } = this.#mem;
    const next = view.getUint32(element + NEXT, true);
    if (next !== 0) return next;
    return this.first((view.getInt32(element + HASH, true) & this.#mask) + 1);
  }

  free(): void {
    for (const element of this.#all) this.#mem.free(element);
    this.#mem.free(this.#buckets);
  }

  #bucketOf(hash: number): Offset {
    return this.#buckets + (hash & this.#mask) * 4;
  }

  #sameKey(a: Offset, b: Offset): boolean {
    const { u8 } = this.#mem;
    for (let i = 0; i < this.#keySize; i++) if (u8[a + i] !== u8[b + i]) return false;
    return true;
  }

  #append(element: Offset): void {
    const { view } = this.#mem;
    view.setUint32(element + OLDER, this.#newest, true);
    view.setUint32(element + NEWER, 0, true);
    if (this.#newest === 0) this.#oldest = element;
    else view.setUint32(this.#newest + NEWER, element, true);
    this.#newest = element;
  }

  #unlink(element: Offset): void {
    const { view } = this.#mem;
    const older = view.getUint32(element + OLDER, true);
    const newer = view.getUint32(element + NEWER, true);
    if (older === 0) this.#oldest = newer;
    else view.setUint32(older + NEWER, newer, true);
    if (newer === 0) this.#newest = older;
    else view.setUint32(newer + OLDER, older, true);
  }
}

function mix(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const rotated = Math.imul((k << 15) | (k >>> 17), 0x1b873593) ^ hash;
  return (Math.imul((rotated << 13) | (rotated >>> 19), 5) + 0xe6546b64) | 0;
}
