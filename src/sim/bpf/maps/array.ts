import { ERRNO } from '../../../abi/index.ts';
import type { Offset } from '../../mem/memory.ts';
import { BPF_EXIST, BPF_NOEXIST, roundUp8, type MapAttr, type MapEnv, type MapOps } from './ops.ts';

const { EINVAL, E2BIG, EEXIST, ENOENT } = ERRNO;

/** get_next_key of everything indexed by a 32-bit number. */
export function nextIndex(env: MapEnv, entries: number, key: Offset, next: Offset): number {
  const index = key === 0 ? 0xffffffff : env.mem.view.getUint32(key, true);
  if (index === entries - 1) return -ENOENT;
  env.mem.view.setUint32(next, index >= entries ? 0 : index + 1, true);
  return 0;
}

/** Updates of an array: every index exists from the start. */
export function checkArrayUpdate(index: number, entries: number, flags: number): number {
  if (flags > BPF_EXIST) return -EINVAL;
  if (index >= entries) return -E2BIG;
  return flags === BPF_NOEXIST ? -EEXIST : 0;
}

/** BPF_MAP_TYPE_ARRAY and PERCPU_ARRAY: all values in one block, CPU by CPU inside an element. */
export function arrayMap(env: MapEnv, attr: MapAttr, perCpu: boolean): MapOps {
  const { mem } = env;
  const { valueSize, maxEntries } = attr;
  const slot = roundUp8(valueSize);
  const slots = perCpu ? env.possibleCpus : 1;
  const stride = slot * slots;
  const values = mem.alloc(stride * maxEntries);
  const scratch = mem.alloc(8);
  const indexOf = (key: Offset): number => mem.view.getUint32(key, true);
  const cpuOffset = perCpu ? () => env.cpu() * slot : () => 0;

  return {
    userValueSize: perCpu ? stride : valueSize,
    lookup(key) {
      const index = indexOf(key);
      return index < maxEntries ? values + index * stride + cpuOffset() : 0;
    },
    update(key, value, flags) {
      const index = indexOf(key);
      const error = checkArrayUpdate(index, maxEntries, flags);
      if (error !== 0) return error;
      mem.u8.copyWithin(values + index * stride + cpuOffset(), value, value + valueSize);
      return 0;
    },
    delete: () => -EINVAL,
    nextKey: (key, next) => nextIndex(env, maxEntries, key, next),
    read(key, into) {
      const index = indexOf(key);
      if (index >= maxEntries) return -ENOENT;
      const at = values + index * stride;
      into.set(mem.u8.subarray(at, at + into.length));
      return 0;
    },
    write(key, from, flags) {
      const index = indexOf(key);
      const error = checkArrayUpdate(index, maxEntries, flags);
      if (error === 0) mem.u8.set(from, values + index * stride);
      return error;
    },
    forEach(visit) {
      let index = 0;
      while (index < maxEntries) {
        mem.view.setUint32(scratch, index, true);
        index += 1;
        if (!visit(scratch, values + (index - 1) * stride + cpuOffset())) break;
      }
      return index;
    },
    ...(!perCpu && maxEntries === 1 ? { directValue: () => values } : {}),
    free() {
      mem.free(values);
      mem.free(scratch);
    },
  };
}
