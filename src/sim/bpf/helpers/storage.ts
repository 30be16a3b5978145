import { BPF_MAP_TYPE, ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import type { LocalStorage } from '../maps/ops.ts';
import type { BpfState } from '../state.ts';
import {
  isMapped,
  mapArgument,
  memory,
  pointer,
  pointerResult,
  result,
  u64,
  type Helper,
} from './args.ts';

const { EINVAL } = ERRNO;
const GET_F_CREATE = 1;

function storageOf(
  state: BpfState,
  call: Call,
  type: number,
): { storage: LocalStorage; valueSize: number } | undefined {
  const map = mapArgument(state, call, 1);
  const storage = map?.attr.type === type ? map.ops.storage : undefined;
  if (map === undefined) return undefined;
  if (storage !== undefined) return { storage, valueSize: map.attr.valueSize };
  call.fault(`R1 is map ${map.name}, which is no local storage of this kind`);
  return undefined;
}

const get = (type: number): Helper => ({
  make: (state) => (call) => {
    const found = storageOf(state, call, type);
    if (found === undefined) return;
    const { storage, valueSize } = found;
    const owner = pointer(call, 2);
    const flags = u64(call, 4);
    if (flags > GET_F_CREATE || !isMapped(call, owner, 1)) return pointerResult(call, 0);
    const value = storage.get(owner);
    if (value !== 0 || flags !== GET_F_CREATE) return pointerResult(call, value);
    const given = call.lo[3] !== 0 || call.hi[3] !== 0;
    const init = given ? memory(call, 3, valueSize) : 0;
    if (init !== 0 || !given) pointerResult(call, storage.create(owner, init));
  },
});

const remove = (type: number): Helper => ({
  make: (state) => (call) => {
    const storage = storageOf(state, call, type)?.storage;
    if (storage === undefined) return;
    const owner = pointer(call, 2);
    result(call, isMapped(call, owner, 1) ? storage.remove(owner) : -EINVAL);
  },
});

export const STORAGE_HELPERS: Readonly<Record<string, Helper>> = {
  task_storage_get: get(BPF_MAP_TYPE.TASK_STORAGE),
  task_storage_delete: remove(BPF_MAP_TYPE.TASK_STORAGE),
  inode_storage_get: get(BPF_MAP_TYPE.INODE_STORAGE),
  inode_storage_delete: remove(BPF_MAP_TYPE.INODE_STORAGE),
};
