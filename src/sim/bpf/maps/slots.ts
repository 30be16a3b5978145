import { ERRNO } from '../../../abi/index.ts';
import type { Offset } from '../../mem/memory.ts';
import { nextIndex } from './array.ts';
import { hashMap } from './hash.ts';
import type { MapAttr, MapEnv, MapOps, Slot } from './ops.ts';

const { EINVAL, E2BIG, ENOENT } = ERRNO;

/** Finds the object behind a descriptor, checks that it fits the map, and takes a reference; or a negative errno. */
export type TakeSlot = (fd: number) => Slot | number;

const fdOf = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset, value.length).getInt32(0, true);

const writeId = (into: Uint8Array, slot: Slot): void =>
  new DataView(into.buffer, into.byteOffset, into.length).setUint32(0, slot.id, true);

/**
 * BPF_MAP_TYPE_PROG_ARRAY and ARRAY_OF_MAPS: user space stores descriptors and reads ids, the map holds pointers.
 * Programs are dropped when user space lets go of the map, as they may refer back to it; maps are not.
 */
export function slotArray(
  env: MapEnv,
  attr: MapAttr,
  take: TakeSlot,
  dropWithUsers: boolean,
): MapOps {
  const { mem } = env;
  const { maxEntries } = attr;
  const pointers = mem.alloc(maxEntries * 8);
  const slots = new Map<number, Slot>();
  const indexOf = (key: Offset): number => mem.view.getUint32(key, true);

  function set(index: number, slot: Slot | undefined): void {
    const old = slots.get(index);
    mem.writePointer(pointers + index * 8, slot?.addr ?? 0);
    if (slot === undefined) slots.delete(index);
    else slots.set(index, slot);
    old?.put();
  }
  const clear = (): void => {
    for (const index of slots.keys()) set(index, undefined);
  };

  return {
    userValueSize: 4,
    lookup(key) {
      const index = indexOf(key);
      return index < maxEntries ? mem.readPointer(pointers + index * 8) : 0;
    },
    // Only bpf(2) can store: programs have no descriptors.
    update: () => -EINVAL,
    delete(key) {
      const index = indexOf(key);
      if (index >= maxEntries) return -E2BIG;
      if (!slots.has(index)) return -ENOENT;
      set(index, undefined);
      return 0;
    },
    nextKey: (key, next) => nextIndex(env, maxEntries, key, next),
    read(key, into) {
      const slot = slots.get(indexOf(key));
      if (slot === undefined) return -ENOENT;
      writeId(into, slot);
      return 0;
    },
    write(key, from, flags) {
      if (flags !== 0) return -EINVAL;
      const index = indexOf(key);
      if (index >= maxEntries) return -E2BIG;
      const slot = take(fdOf(from));
      if (typeof slot === 'number') return slot;
      set(index, slot);
      return 0;
    },
    slot: (index) => slots.get(index),
    ...(dropWithUsers ? { usersGone: clear } : {}),
    free() {
      clear();
      mem.free(pointers);
    },
  };
}

/** BPF_MAP_TYPE_HASH_OF_MAPS: a hash table of pointers to maps. */
export function hashOfMaps(env: MapEnv, attr: MapAttr, take: TakeSlot): MapOps {
  const { mem } = env;
  const table = hashMap(env, { ...attr, valueSize: 8 });
  const held = new Map<Offset, Slot[]>();
  const pointer = new Uint8Array(8);

  function at(key: Offset): Slot | undefined {
    const value = table.lookup(key);
    return value === 0 ? undefined : held.get(mem.readPointer(value))?.at(-1);
  }
  function drop(slot: Slot | undefined): void {
    if (slot === undefined) return;
    const list = held.get(slot.addr);
    list?.pop();
    if (list?.length === 0) held.delete(slot.addr);
    slot.put();
  }

  return {
    userValueSize: 4,
    nextKey: (key, next) => table.nextKey(key, next),
    lookup(key) {
      const value = table.lookup(key);
      return value === 0 ? 0 : mem.readPointer(value);
    },
    update: () => -EINVAL,
    delete(key) {
      const old = at(key);
      const error = table.delete(key);
      if (error === 0) drop(old);
      return error;
    },
    read(key, into) {
      const slot = at(key);
      if (slot === undefined) return -ENOENT;
      writeId(into, slot);
      return 0;
    },
    write(key, from, flags) {
      const slot = take(fdOf(from));
      if (typeof slot === 'number') return slot;
      const old = at(key);
      const view = new DataView(pointer.buffer);
      view.setUint32(0, slot.addr, true);
      view.setInt32(4, mem.baseHi, true);
      const error = table.write(key, pointer, flags);
      if (error !== 0) {
        slot.put();
        return error;
      }
      const list = held.get(slot.addr);
      if (list === undefined) held.set(slot.addr, [slot]);
      else list.push(slot);
      drop(old);
      return 0;
    },
    free() {
      for (const list of held.values()) for (const slot of list) slot.put();
      table.free();
    },
  };
}
