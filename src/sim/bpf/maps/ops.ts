import type { KernelMemory, Offset } from '../../mem/memory.ts';

/** The attributes of a map after all checks. Sizes in bytes. */
export interface MapAttr {
  /** `enum bpf_map_type`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** What the implementation of a map needs from its kernel. */
export interface MapEnv {
  readonly mem: KernelMemory;
  readonly possibleCpus: number;
  /** The CPU that runs now. */
  cpu(): number;
  /** Seeds hash tables. */
  randomU32(): number;
}

/**
 * What one kind of map does. Keys and values are in kernel memory; results are 0 or a negative errno as Linux's map
 * operations give them. Operations that a kind lacks answer as its Linux counterpart.
 */
export interface MapOps {
  /** Where a program finds the value (for the running CPU), 0 when there is none. */
  lookup(key: Offset): Offset;
  update(key: Offset, value: Offset, flags: number): number;
  delete(key: Offset): number;
  /** @param key 0 asks for the first key. */
  nextKey(key: Offset, next: Offset): number;
  /** Size of a value as bpf(2) copies it: per-CPU maps give one 8-byte aligned slot a possible CPU. */
  readonly userValueSize: number;
  /** Copies the value of a key out for bpf(2). */
  read(key: Offset, into: Uint8Array): number;
  /** Takes a value from bpf(2). */
  write(key: Offset, from: Uint8Array, flags: number): number;
  /** Visits elements until `visit` answers false; gives how many were visited. Absent: the kind cannot be walked. */
  forEach?(visit: (key: Offset, value: Offset) => boolean): number;
  /** The one value that programs may address directly; absent where there is no such value. */
  directValue?(): Offset;
  /** Present in ring buffers. */
  readonly ring?: RingBuffer;
  /** Present in local storage. */
  readonly storage?: LocalStorage;
  /** Object in a slot of a program or map array. */
  slot?(index: number): Slot | undefined;
  /** Runs when user space holds the map no more, though programs may. */
  usersGone?(): void;
  free(): void;
}

/** A program or map that sits in another map. */
export interface Slot {
  readonly id: number;
  readonly addr: Offset;
  put(): void;
}

/** BPF_MAP_TYPE_RINGBUF. Positions and sizes in bytes. */
export interface RingBuffer {
  /** Offset of a new record's bytes, 0 when there is no room. */
  reserve(size: number): Offset;
  /** Whether {@link take} would find a record. */
  readonly readable: boolean;
  /** Takes the records that are there, oldest first, until one that is still being written. */
  take(visit: (at: Offset, length: number, discarded: boolean) => void): void;
  readonly size: number;
  readonly consumer: number;
  readonly producer: number;
}

/** Values that hang on kernel objects. Owners are offsets. */
export interface LocalStorage {
  /** Offset of the owner's value, 0 when it has none. */
  get(owner: Offset): Offset;
  /** @param init offset of the first value, 0 for zeroes. Gives the value's offset. */
  create(owner: Offset, init: Offset): Offset;
  /** @returns 0 or -ENOENT. */
  remove(owner: Offset): number;
}

export const BPF_NOEXIST = 1;
export const BPF_EXIST = 2;

export const roundUp8 = (size: number): number => (size + 7) & ~7;
