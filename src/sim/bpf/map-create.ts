import { BPF_F, BPF_MAP_TYPE, ERRNO, errnoName } from '../../abi/index.ts';
import type { Btf } from '../../btf/types.ts';
import type { MapCreateAttr } from '../../kernel/bpf.ts';
import type { Offset } from '../mem/memory.ts';
import { CAP_BPF, capable, refuseUnprivileged } from './capabilities.ts';
import type { BpfTask } from './host.ts';
import { BpfMap } from './map.ts';
import { mapMakers } from './map-makers.ts';
import type { MapAttr } from './maps/ops.ts';
import { mapKind, mapTypeName, type MapRequest } from './maps/types.ts';
import { checkName, refuse } from './objects.ts';
import type { BpfBtf, BpfState } from './state.ts';

const { EINVAL, ENOMEM, ENOTSUPP } = ERRNO;

const DATASEC_MAP = 'a map without a key type must be an array of one value that is a data section';
const MAP_OF_MAPS: readonly number[] = [BPF_MAP_TYPE.ARRAY_OF_MAPS, BPF_MAP_TYPE.HASH_OF_MAPS];
/** Kinds without `map_meta_equal`: they cannot be the inner maps of others. */
const NEVER_INNER: readonly number[] = [BPF_MAP_TYPE.PROG_ARRAY];
/** Kinds that take no BTF for key and value (map_check_no_btf). */
const NO_BTF: readonly number[] = [BPF_MAP_TYPE.PROG_ARRAY, ...MAP_OF_MAPS];

/**
 * BPF_MAP_CREATE, in the order of `map_create` in kernel/bpf/syscall.c.
 * @param attrAt offset of `union bpf_attr`, for the hook.
 * @returns the new descriptor.
 */
export function createMap(
  state: BpfState,
  task: BpfTask,
  attr: MapCreateAttr,
  attrAt: Offset,
): number {
  const request = requestOf(attr);
  const { type } = request;
  const label = `${mapTypeName(type)} (#${type})`;
  const kind = mapKind(type);
  if (kind === undefined) refuse(EINVAL, `map type ${label} is not modelled`);
  checkAttributes(attr, label);
  const makers = mapMakers(state, () => created);
  const checked = kind.check(request, makers);
  if (checked !== 0) refuse(-checked, `${label} refuses ${attributesText(request)}`);
  if (!capable(state, CAP_BPF)) {
    refuseUnprivileged(state);
    if (kind.capability === 'CAP_BPF') refuse(ERRNO.EPERM, `map type ${label} needs CAP_BPF`);
  }
  const inner = innerOf(state, task, attr, type);
  const name = attr.mapName ?? '';
  if (checkName(name) !== 0) refuse(EINVAL, `"${name}" is no name for a map`);
  const btf = btfOf(state, task, attr);
  if (btf !== undefined) checkTypes(btf.btf, request, label);
  const ops = allocate(() => kind.make(request, makers));
  const addr = state.kernel.newMap(request, name);
  const created: BpfMap = new BpfMap(state, { attr: request, name, ops, addr, btf, inner });
  try {
    askHooks(state, addr, attrAt);
  } catch (error) {
    created.put();
    throw error;
  }
  created.settle();
  return state.mapDescriptor(task, created);
}

function requestOf(attr: MapCreateAttr): MapRequest {
  const flags = attr.mapFlags ?? 0;
  return {
    type: attr.mapType,
    keySize: attr.keySize,
    valueSize: attr.valueSize,
    maxEntries: attr.maxEntries,
    flags,
    numaNode: (flags & BPF_F.NUMA_NODE) === 0 ? undefined : (attr.numaNode ?? 0),
    btfKeyTypeId: attr.btfKeyTypeId ?? 0,
    btfValueTypeId: attr.btfValueTypeId ?? 0,
  };
}

function checkAttributes(attr: MapCreateAttr, label: string): void {
  const flags = attr.mapFlags ?? 0;
  if ((flags & (BPF_F.TOKEN_FD | BPF_F.VTYPE_BTF_OBJ_FD)) !== 0)
    refuse(EINVAL, 'flags BPF_F_TOKEN_FD and BPF_F_VTYPE_BTF_OBJ_FD are not modelled');
  if ((attr.btfKeyTypeId ?? 0) !== 0 && (attr.btfValueTypeId ?? 0) === 0)
    refuse(EINVAL, 'a BTF type is given for the key but none for the value');
  if ((attr.mapExtra ?? 0n) !== 0n) refuse(EINVAL, `map_extra means nothing to map type ${label}`);
  if ((flags & (BPF_F.RDONLY | BPF_F.WRONLY)) === (BPF_F.RDONLY | BPF_F.WRONLY))
    refuse(EINVAL, 'BPF_F_RDONLY and BPF_F_WRONLY exclude each other');
  if ((flags & BPF_F.NUMA_NODE) !== 0 && (attr.numaNode ?? 0) !== 0)
    refuse(EINVAL, `NUMA node ${attr.numaNode} is not online: the simulated machine has node 0`);
}

const attributesText = (attr: MapAttr): string =>
  `key_size ${attr.keySize}, value_size ${attr.valueSize}, max_entries ${attr.maxEntries}, ` +
  `map_flags 0x${attr.flags.toString(16)}`;

function allocate<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) refuse(ENOMEM, error.message);
    throw error;
  }
}

/** What may be put into a map of maps: the attributes of the map behind inner_map_fd (bpf_map_meta_alloc). */
function innerOf(
  state: BpfState,
  task: BpfTask,
  attr: MapCreateAttr,
  type: number,
): MapAttr | undefined {
  if (!MAP_OF_MAPS.includes(type)) return undefined;
  const map = state.map(task, attr.innerMapFd ?? 0);
  if (map.inner !== undefined) refuse(EINVAL, 'maps of maps do not nest');
  if (NEVER_INNER.includes(map.attr.type))
    refuse(ENOTSUPP, `a ${mapTypeName(map.attr.type)} cannot be an inner map`);
  return map.attr;
}

function btfOf(state: BpfState, task: BpfTask, attr: MapCreateAttr): BpfBtf | undefined {
  if ((attr.btfKeyTypeId ?? 0) === 0 && (attr.btfValueTypeId ?? 0) === 0) return undefined;
  return state.btf(task, attr.btfFd ?? 0);
}

/** Sizes and kinds of the BTF types must be those of the map (map_check_btf). */
function checkTypes(btf: Btf, request: MapRequest, label: string): void {
  const { btfKeyTypeId: keyType, btfValueTypeId: valueType, type } = request;
  for (const id of [keyType, valueType])
    if (id < 0 || id >= btf.typeCount) refuse(EINVAL, `the BTF object has no type ${id}`);
  if (keyType !== 0 && btf.sizeOf(keyType) !== request.keySize)
    refuse(EINVAL, `the key's BTF type is ${btf.sizeOf(keyType)} bytes, not ${request.keySize}`);
  if (btf.sizeOf(valueType) !== request.valueSize)
    refuse(
      EINVAL,
      `the value's BTF type is ${btf.sizeOf(valueType)} bytes, not ${request.valueSize}`,
    );
  if (NO_BTF.includes(type)) refuse(ENOTSUPP, `map type ${label} takes no BTF types`);
  if (keyType === 0) {
    const section = btf.kind(btf.resolve(valueType)) === 'datasec';
    const single = type === BPF_MAP_TYPE.ARRAY && request.maxEntries === 1;
    return section && single ? undefined : refuse(EINVAL, DATASEC_MAP);
  }
  const key = btf.type(btf.resolve(keyType));
  const indexed: readonly number[] = [
    BPF_MAP_TYPE.ARRAY,
    BPF_MAP_TYPE.PERCPU_ARRAY,
    BPF_MAP_TYPE.TASK_STORAGE,
    BPF_MAP_TYPE.INODE_STORAGE,
  ];
  if (indexed.includes(type) && !(key.kind === 'int' && key.bits === 32 && key.bitOffset === 0))
    refuse(EINVAL, `the key of a ${label} must be a 32-bit integer`);
  if (type === BPF_MAP_TYPE.LPM_TRIE && key.kind !== 'struct')
    refuse(EINVAL, `the key of a ${label} must be a struct`);
}

/** security_bpf_map_create; before 6.9 it is bpf_map_alloc_security. */
function askHooks(state: BpfState, addr: Offset, attrAt: Offset): void {
  const { lsm } = state.host;
  const refused =
    lsm.hook('bpf_map_create').call(addr, attrAt, 0, 0) ||
    lsm.hook('bpf_map_alloc_security').call(addr);
  if (refused !== 0) refuse(Math.abs(refused), `an LSM refused: ${errnoName(refused)}`);
}
