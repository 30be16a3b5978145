import { BPF_F, BPF_MAP_TYPE, ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import type { BpfMap } from '../map.ts';
import type { BpfState } from '../state.ts';
import { mapArgument, memory, pointerResult, result, u32, u64, type Helper } from './args.ts';

const { EINVAL, E2BIG } = ERRNO;
const MAX_LOOPS = 1 << 23;

/** Kinds that programs use through helpers of their own. */
const SPECIAL: readonly number[] = [
  BPF_MAP_TYPE.RINGBUF,
  BPF_MAP_TYPE.TASK_STORAGE,
  BPF_MAP_TYPE.INODE_STORAGE,
  BPF_MAP_TYPE.PROG_ARRAY,
];

/** The map of an element helper, unless the verifier of Linux refuses the pair (check_map_func_compatibility). */
function elementMap(state: BpfState, call: Call, writes: boolean): BpfMap | undefined {
  const map = mapArgument(state, call, 1);
  if (map === undefined) return undefined;
  const nested = writes && map.inner !== undefined;
  if (SPECIAL.includes(map.attr.type) || nested) {
    call.fault(`the helper does not go with the type of map ${map.name}`);
    return undefined;
  }
  const forbidden = writes ? BPF_F.RDONLY_PROG : BPF_F.WRONLY_PROG;
  if ((map.attr.flags & forbidden) !== 0) {
    call.fault(`${writes ? 'write into' : 'read from'} map forbidden: ${map.name}`);
    return undefined;
  }
  return map;
}

const lookup: Helper = {
  make: (state) => (call) => {
    const map = elementMap(state, call, false);
    if (map === undefined) return;
    const key = memory(call, 2, map.attr.keySize);
    if (key !== 0) pointerResult(call, map.ops.lookup(key));
  },
};

const update: Helper = {
  make: (state) => (call) => {
    const map = elementMap(state, call, true);
    if (map === undefined) return;
    const key = memory(call, 2, map.attr.keySize);
    const value = memory(call, 3, map.attr.valueSize);
    if (key !== 0 && value !== 0) result(call, map.ops.update(key, value, u64(call, 4)));
  },
};

const remove: Helper = {
  make: (state) => (call) => {
    const map = elementMap(state, call, true);
    if (map === undefined) return;
    const key = memory(call, 2, map.attr.keySize);
    if (key !== 0) result(call, map.ops.delete(key));
  },
};

const forEach: Helper = {
  make: (state) => (call) => {
    const map = mapArgument(state, call, 1);
    if (map === undefined) return;
    const { ops } = map;
    if (ops.forEach === undefined || u64(call, 4) !== 0) return result(call, -EINVAL);
    const callback = u32(call, 2);
    const { baseHi } = call.memory;
    const context = [call.lo[3] ?? 0, call.hi[3] ?? 0] as const;
    const count = ops.forEach(
      (key, value) =>
        call.callback(callback, [[map.addr, baseHi], [key, baseHi], [value, baseHi], context]) ===
        0,
    );
    result(call, count);
  },
};

const loop: Helper = {
  make: () => (call) => {
    const count = u32(call, 1);
    if (u64(call, 4) !== 0) return result(call, -EINVAL);
    if (count > MAX_LOOPS) return result(call, -E2BIG);
    const callback = u32(call, 2);
    const context = [call.lo[3] ?? 0, call.hi[3] ?? 0] as const;
    let i = 0;
    while (i < count) {
      i += 1;
      if (call.callback(callback, [[i - 1, 0], context]) !== 0) break;
    }
    result(call, i);
  },
};

const tailCall: Helper = {
  make: (state) => (call) => {
    const map = mapArgument(state, call, 2);
    if (map === undefined) return;
    if (map.attr.type !== BPF_MAP_TYPE.PROG_ARRAY)
      return call.fault(`R2 is map ${map.name}, which is no program array`);
    const target = state.programAt.get(map.ops.slot?.(u32(call, 3))?.addr ?? 0);
    if (target === undefined) result(call, -EINVAL);
    else call.tailCall(target.prepared.executable);
  },
};

export const MAP_HELPERS: Readonly<Record<string, Helper>> = {
  map_lookup_elem: lookup,
  map_update_elem: update,
  map_delete_elem: remove,
  for_each_map_elem: forEach,
  loop,
  tail_call: tailCall,
};
