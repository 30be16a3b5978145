import { ERRNO } from '../../../abi/index.ts';
import type { Offset } from '../../mem/memory.ts';
import {
  BPF_EXIST,
  BPF_NOEXIST,
  type LocalStorage,
  type MapAttr,
  type MapEnv,
  type MapOps,
} from './ops.ts';

const { EINVAL, EEXIST, ENOENT, ENOTSUPP } = ERRNO;

/** Offset of the kernel object that a descriptor stands for (a pidfd, an open file), or a negative errno. */
export type OwnerOfFd = (fd: number) => Offset;

/** BPF_MAP_TYPE_TASK_STORAGE and INODE_STORAGE: one value for each object that was given one. */
export function storageMap(env: MapEnv, attr: MapAttr, ownerOf: OwnerOfFd): MapOps {
  const { mem } = env;
  const { valueSize } = attr;
  const values = new Map<Offset, Offset>();
  /** A program may still hold a pointer into a value that was removed, so its memory stays with the map. */
  const spare: Offset[] = [];
  const owner = (key: Offset): number => ownerOf(mem.view.getInt32(key, true));

  const storage: LocalStorage = {
    get: (object) => values.get(object) ?? 0,
    create(object, init) {
      const value = spare.pop() ?? mem.alloc(valueSize);
      if (init === 0) mem.u8.fill(0, value, value + valueSize);
      else mem.u8.copyWithin(value, init, init + valueSize);
      values.set(object, value);
      return value;
    },
    remove(object) {
      const value = values.get(object);
      if (value === undefined) return -ENOENT;
      values.delete(object);
      spare.push(value);
      return 0;
    },
  };

  return {
    userValueSize: valueSize,
    storage,
    lookup: () => 0,
    // Programs use the storage helpers; the generic ones are refused for these maps.
    update: () => -EINVAL,
    delete(key) {
      const object = owner(key);
      return object < 0 ? object : storage.remove(object);
    },
    nextKey: () => -ENOTSUPP,
    read(key, into) {
      const object = owner(key);
      if (object < 0) return object;
      const value = storage.get(object);
      if (value === 0) return -ENOENT;
      into.set(mem.u8.subarray(value, value + valueSize));
      return 0;
    },
    write(key, from, flags) {
      if (flags > BPF_EXIST) return -EINVAL;
      const object = owner(key);
      if (object < 0) return object;
      const old = storage.get(object);
      if (old !== 0 && flags === BPF_NOEXIST) return -EEXIST;
      if (old === 0 && flags === BPF_EXIST) return -ENOENT;
      mem.u8.set(from, old === 0 ? storage.create(object, 0) : old);
      return 0;
    },
    free() {
      for (const value of [...values.values(), ...spare]) mem.free(value);
    },
  };
}
