import { BPF_F, BPF_MAP_TYPE, ERRNO } from '../../../abi/index.ts';
import type { Layouts } from '../../mem/layout.ts';
import { arrayMap } from './array.ts';
import { hashMap, type HashOptions } from './hash.ts';
import { lpmMap } from './lpm.ts';
import { roundUp8, type MapAttr, type MapEnv, type MapOps } from './ops.ts';
import { ringbufMap } from './ringbuf.ts';
import { hashOfMaps, slotArray, type TakeSlot } from './slots.ts';
import { storageMap, type OwnerOfFd } from './storage.ts';

const { EINVAL, E2BIG, ENOTSUPP, EPERM } = ERRNO;
const KMALLOC_MAX_SIZE = 4 * 1024 * 1024;
const PCPU_MIN_UNIT_SIZE = 32 * 1024;
const INT_MAX = 0x7fffffff;
const ACCESS = BPF_F.RDONLY | BPF_F.WRONLY | BPF_F.RDONLY_PROG | BPF_F.WRONLY_PROG;

/** What is asked of MAP_CREATE beyond {@link MapAttr}. */
export interface MapRequest extends MapAttr {
  readonly numaNode: number | undefined;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
}

export interface MapMakers extends MapEnv {
  readonly layouts: Layouts;
  /** For PROG_ARRAY. */
  readonly takeProgram: TakeSlot;
  /** For maps of maps. */
  readonly takeMap: TakeSlot;
  readonly taskOfPidfd: OwnerOfFd;
  readonly inodeOfFd: OwnerOfFd;
  /** Whether the caller has CAP_SYS_ADMIN. */
  admin(): boolean;
}

interface MapKind {
  /** `map_alloc_check`, and what `map_alloc` refuses before it allocates: 0 or a negative errno. */
  check(attr: MapRequest, makers: MapMakers): number;
  make(attr: MapAttr, makers: MapMakers): MapOps;
  /** Capability that creating one needs (map_create). */
  readonly capability: 'none' | 'CAP_BPF';
  /** Whether sleepable programs may use it. */
  readonly sleepable: boolean;
}

export interface MapTypeSupport {
  /** `enum bpf_map_type` without its prefix. */
  readonly name: string;
  readonly number: number;
  readonly support: 'yes' | 'no';
  readonly note?: string;
}

const accessOk = (flags: number): boolean =>
  (flags & BPF_F.RDONLY_PROG) === 0 || (flags & BPF_F.WRONLY_PROG) === 0;

function checkArray(attr: MapRequest, perCpu: boolean): number {
  const allowed =
    BPF_F.NUMA_NODE | BPF_F.MMAPABLE | ACCESS | BPF_F.PRESERVE_ELEMS | BPF_F.INNER_MAP;
  const { flags } = attr;
  if (attr.maxEntries === 0 || attr.keySize !== 4 || attr.valueSize === 0) return -EINVAL;
  if ((flags & ~allowed) !== 0 || !accessOk(flags)) return -EINVAL;
  if (perCpu && attr.numaNode !== undefined) return -EINVAL;
  if (attr.type !== BPF_MAP_TYPE.ARRAY && (flags & (BPF_F.MMAPABLE | BPF_F.INNER_MAP)) !== 0)
    return -EINVAL;
  if ((flags & BPF_F.PRESERVE_ELEMS) !== 0) return -EINVAL;
  if (attr.valueSize > INT_MAX) return -E2BIG;
  return perCpu && roundUp8(attr.valueSize) > PCPU_MIN_UNIT_SIZE ? -E2BIG : 0;
}

/** Arrays of descriptors (fd_array_map_alloc_check). */
function checkSlots(attr: MapRequest): number {
  if (attr.valueSize !== 4) return -EINVAL;
  if ((attr.flags & (BPF_F.RDONLY_PROG | BPF_F.WRONLY_PROG)) !== 0) return -EINVAL;
  return checkArray(attr, false);
}

function checkHash(attr: MapRequest, makers: MapMakers, options: HashOptions): number {
  const { flags } = attr;
  const perCpu = options.perCpu ?? false;
  const lru = options.lru ?? false;
  const allowed =
    BPF_F.NO_PREALLOC | BPF_F.NO_COMMON_LRU | BPF_F.NUMA_NODE | ACCESS | BPF_F.ZERO_SEED;
  if ((flags & BPF_F.ZERO_SEED) !== 0 && !makers.admin()) return -EPERM;
  if ((flags & ~allowed) !== 0 || !accessOk(flags)) return -EINVAL;
  if (!lru && (flags & BPF_F.NO_COMMON_LRU) !== 0) return -EINVAL;
  if (lru && (flags & BPF_F.NO_PREALLOC) !== 0) return -ENOTSUPP;
  const perCpuLru = (flags & BPF_F.NO_COMMON_LRU) !== 0;
  if (attr.numaNode !== undefined && (perCpu || perCpuLru)) return -EINVAL;
  if (attr.maxEntries === 0 || attr.keySize === 0 || attr.valueSize === 0) return -EINVAL;
  const header = makers.layouts.sizeOf('htab_elem');
  if (attr.keySize + attr.valueSize >= KMALLOC_MAX_SIZE - header) return -E2BIG;
  if (attr.maxEntries > 2 ** 31) return -E2BIG;
  return perCpu && roundUp8(attr.valueSize) > PCPU_MIN_UNIT_SIZE ? -E2BIG : 0;
}

function checkLpm(attr: MapRequest, makers: MapMakers): number {
  const allowed = BPF_F.NO_PREALLOC | BPF_F.NUMA_NODE | ACCESS;
  const largest = KMALLOC_MAX_SIZE - 256 - makers.layouts.sizeOf('lpm_trie_node');
  if (attr.maxEntries === 0 || (attr.flags & BPF_F.NO_PREALLOC) === 0) return -EINVAL;
  if ((attr.flags & ~allowed) !== 0 || !accessOk(attr.flags)) return -EINVAL;
  if (attr.keySize < 5 || attr.keySize > 260) return -EINVAL;
  return attr.valueSize < 1 || attr.valueSize > largest ? -EINVAL : 0;
}

function checkRingbuf(attr: MapRequest): number {
  const size = attr.maxEntries;
  if ((attr.flags & ~BPF_F.NUMA_NODE) !== 0 || attr.keySize !== 0 || attr.valueSize !== 0)
    return -EINVAL;
  const powerOfTwo = size !== 0 && Number.isInteger(Math.log2(size));
  return powerOfTwo && size % 4096 === 0 ? 0 : -EINVAL;
}

function checkStorage(attr: MapRequest, makers: MapMakers): number {
  const allowed = BPF_F.NO_PREALLOC | BPF_F.CLONE;
  if ((attr.flags & ~allowed) !== 0 || (attr.flags & BPF_F.NO_PREALLOC) === 0) return -EINVAL;
  if (attr.maxEntries !== 0 || attr.keySize !== 4 || attr.valueSize === 0) return -EINVAL;
  if (attr.btfKeyTypeId === 0 || attr.btfValueTypeId === 0) return -EINVAL;
  const largest = 0xffff - makers.layouts.sizeOf('bpf_local_storage_elem');
  return attr.valueSize > largest ? -E2BIG : 0;
}

const hashKind = (capability: MapKind['capability'], options: HashOptions): MapKind => ({
  check: (attr, makers) => checkHash(attr, makers, options),
  make: (attr, makers) => hashMap(makers, attr, options),
  capability,
  sleepable: true,
});

const KINDS: Readonly<Record<string, MapKind>> = {
  HASH: hashKind('none', {}),
  PERCPU_HASH: hashKind('none', { perCpu: true }),
  LRU_HASH: hashKind('CAP_BPF', { lru: true }),
  LRU_PERCPU_HASH: hashKind('CAP_BPF', { lru: true, perCpu: true }),
  ARRAY: {
    check: (attr) => checkArray(attr, false),
    make: (attr, makers) => arrayMap(makers, attr, false),
    capability: 'none',
    sleepable: true,
  },
  PERCPU_ARRAY: {
    check: (attr) => checkArray(attr, true),
    make: (attr, makers) => arrayMap(makers, attr, true),
    capability: 'none',
    sleepable: true,
  },
  PROG_ARRAY: {
    check: checkSlots,
    make: (attr, makers) => slotArray(makers, attr, makers.takeProgram, true),
    capability: 'none',
    sleepable: false,
  },
  ARRAY_OF_MAPS: {
    check: checkSlots,
    make: (attr, makers) => slotArray(makers, attr, makers.takeMap, false),
    capability: 'none',
    sleepable: true,
  },
  HASH_OF_MAPS: {
    check: (attr, makers) => (attr.valueSize === 4 ? checkHash(attr, makers, {}) : -EINVAL),
    make: (attr, makers) => hashOfMaps(makers, attr, makers.takeMap),
    capability: 'none',
    sleepable: true,
  },
  LPM_TRIE: {
    check: checkLpm,
    make: (attr, makers) => lpmMap(makers, attr),
    capability: 'CAP_BPF',
    sleepable: false,
  },
  RINGBUF: {
    check: checkRingbuf,
    make: (attr, makers) => ringbufMap(makers, attr),
    capability: 'none',
    sleepable: true,
  },
  TASK_STORAGE: {
    check: checkStorage,
    make: (attr, makers) => storageMap(makers, attr, makers.taskOfPidfd),
    capability: 'CAP_BPF',
    sleepable: true,
  },
  INODE_STORAGE: {
    check: checkStorage,
    make: (attr, makers) => storageMap(makers, attr, makers.inodeOfFd),
    capability: 'CAP_BPF',
    sleepable: true,
  },
};

const NOTES: Readonly<Record<string, string>> = {
  LRU_HASH: 'evicts exactly the least recently used; Linux approximates and may evict more',
  LRU_PERCPU_HASH: 'evicts exactly the least recently used; Linux approximates and may evict more',
  TASK_STORAGE: 'bpf(2) reaches values by pidfd, which is not modelled; programs reach them',
  INODE_STORAGE: 'BPF_F_CLONE has no effect',
};

/** Every map type by name, and whether the simulation models it. */
export const MAP_TYPES: readonly MapTypeSupport[] = Object.entries(BPF_MAP_TYPE)
  .filter(([, number]) => number !== 0)
  .map(([name, number]) => {
    const note = NOTES[name];
    const support = name in KINDS ? 'yes' : 'no';
    return { name, number, support, ...(note === undefined ? {} : { note }) };
  });

export const mapTypeName = (type: number): string =>
  Object.entries(BPF_MAP_TYPE).find(([, number]) => number === type)?.[0] ?? 'unknown';

/** Undefined when the type is unknown or not modelled. */
export const mapKind = (type: number): MapKind | undefined => KINDS[mapTypeName(type)];
