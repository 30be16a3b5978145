import { BPF_ELEM, ERRNO, errnoName } from '../../abi/index.ts';
import type { MapElemAttr } from '../../kernel/bpf.ts';
import type { Offset } from '../mem/memory.ts';
import { versionOf } from '../task/core.ts';
import { CAP_BPF, capable } from './capabilities.ts';
import type { BpfTask } from './host.ts';
import type { BpfMap } from './map.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

const { EBUSY, EINVAL, EPERM, EFAULT } = ERRNO;
const F_LOCK = BPF_ELEM.F_LOCK;

const fail = (errno: number, map: BpfMap): never =>
  refuse(-errno, `map ${map.name === '' ? map.id : map.name}: ${errnoName(errno)}`);

/** Comes before what is asked of the value (__bpf_copy_key). */
function checkKey(map: BpfMap, key: Uint8Array | null): void {
  if (key !== null && map.attr.keySize === 0) refuse(EINVAL, 'the map has no keys');
}

/** Runs an operation with the key, and room for another one behind it, in kernel memory. */
function withKey<T>(
  state: BpfState,
  map: BpfMap,
  key: Uint8Array | null,
  use: (key: Offset, room: Offset) => T,
): T {
  const { keySize } = map.attr;
  checkKey(map, key);
  if (key !== null && key.length !== keySize)
    refuse(EFAULT, `the key is ${key.length} bytes, those of the map are ${keySize}`);
  const { mem } = state.host;
  const at = mem.alloc(keySize * 2 + 16);
  try {
    if (key !== null) mem.u8.set(key, at);
    return use(key === null ? 0 : at, at + ((keySize + 7) & ~7));
  } finally {
    mem.free(at);
  }
}

function readable(map: BpfMap): void {
  if (!map.userReadable) refuse(EPERM, 'the map was made with BPF_F_WRONLY');
}

function writable(map: BpfMap): void {
  if (map.frozen) refuse(EPERM, `map ${map.name} is frozen`);
  if (!map.userWritable) refuse(EPERM, 'the map was made with BPF_F_RDONLY');
}

/** Without a bpf_spin_lock in the value BPF_F_LOCK is an error on Linux as well. */
function noLock(flags: number): void {
  if ((flags & F_LOCK) !== 0) refuse(EINVAL, 'flag BPF_F_LOCK is not modelled');
}

function checkValue(map: BpfMap, value: Uint8Array): void {
  const wanted = map.ops.userValueSize;
  if (value.length !== wanted)
    refuse(EFAULT, `the value is ${value.length} bytes, bpf(2) copies ${wanted}`);
}

/** BPF_MAP_LOOKUP_ELEM: fills `value`. */
export function lookupElem(
  state: BpfState,
  task: BpfTask,
  attr: MapElemAttr & { readonly value: Uint8Array },
): number {
  const flags = attr.flags ?? 0;
  if ((flags & ~F_LOCK) !== 0) refuse(EINVAL, `a lookup takes no flags but BPF_F_LOCK`);
  const map = state.map(task, attr.mapFd);
  readable(map);
  noLock(flags);
  checkKey(map, attr.key);
  checkValue(map, attr.value);
  const errno = withKey(state, map, attr.key, (key) => map.ops.read(key, attr.value));
  return errno < 0 ? fail(errno, map) : 0;
}

/** BPF_MAP_UPDATE_ELEM. */
export function updateElem(
  state: BpfState,
  task: BpfTask,
  attr: MapElemAttr & { readonly value: Uint8Array },
): number {
  const map = state.map(task, attr.mapFd);
  const flags = attr.flags ?? 0;
  writable(map);
  noLock(flags);
  checkKey(map, attr.key);
  checkValue(map, attr.value);
  const errno = withKey(state, map, attr.key, (key) => map.ops.write(key, attr.value, flags));
  return errno < 0 ? fail(errno, map) : 0;
}

/** BPF_MAP_DELETE_ELEM. */
export function deleteElem(state: BpfState, task: BpfTask, attr: MapElemAttr): number {
  if ((attr.flags ?? 0) !== 0) refuse(EINVAL, 'a deletion takes no flags');
  const map = state.map(task, attr.mapFd);
  writable(map);
  const errno = withKey(state, map, attr.key, (key) => map.ops.delete(key));
  return errno < 0 ? fail(errno, map) : 0;
}

/** BPF_MAP_GET_NEXT_KEY: fills `nextKey`. */
export function nextKey(
  state: BpfState,
  task: BpfTask,
  attr: { readonly mapFd: number; readonly key: Uint8Array | null; readonly nextKey: Uint8Array },
): number {
  const map = state.map(task, attr.mapFd);
  readable(map);
  const { keySize } = map.attr;
  if (attr.nextKey.length !== keySize)
    refuse(EFAULT, `the next key has room for ${attr.nextKey.length} bytes, not ${keySize}`);
  const errno = withKey(state, map, attr.key, (key, room) => {
    const result = map.ops.nextKey(key, room);
    if (result === 0) attr.nextKey.set(state.host.mem.u8.subarray(room, room + keySize));
    return result;
  });
  return errno < 0 ? fail(errno, map) : 0;
}

/** BPF_MAP_FREEZE: user space may write no more; programs still may. */
export function freezeMap(
  state: BpfState,
  task: BpfTask,
  attr: { readonly mapFd: number },
): number {
  const map = state.map(task, attr.mapFd);
  if (versionOf(state.host.release) >= 6005) writable(map);
  else if (map.frozen) refuse(EBUSY, `map ${map.name} is frozen`);
  else if (!capable(state, CAP_BPF)) refuse(EPERM, 'freezing needs CAP_BPF');
  map.freeze();
  return 0;
}
