import { BPF_F, BPF_MAP_TYPE } from '../abi/index.ts';
import type { Btf } from '../btf/types.ts';
import type { MapCreateAttr, Task } from '../kernel/index.ts';
import type { CollectionSpec, MapSpec } from '../object/spec.ts';
import { BpfError, LoadError, WrongKindError } from './errors.ts';
import { bpf, type Fds } from './fds.ts';
import type { NamedPins } from './map-by-name.ts';

const PAGE_SIZE = 4096;
/** Names of kernel objects have at most 15 bytes. */
const MAX_NAME = 15;

/** Types for which the kernel takes no BTF of keys and values (libbpf's bpf_object__create_map). */
const WITHOUT_BTF = new Set([
  'PERF_EVENT_ARRAY',
  'CGROUP_ARRAY',
  'STACK_TRACE',
  'ARRAY_OF_MAPS',
  'HASH_OF_MAPS',
  'DEVMAP',
  'DEVMAP_HASH',
  'CPUMAP',
  'XSKMAP',
  'SOCKMAP',
  'SOCKHASH',
  'QUEUE',
  'STACK',
  'RINGBUF',
  'USER_RINGBUF',
  'PROG_ARRAY',
]);

const isRing = (type: string): boolean => type === 'RINGBUF' || type === 'USER_RINGBUF';

/** A ring buffer's size is a power of two and at least one page; libbpf rounds up what the object asks for. */
function ringSize(size: number): number {
  let rounded = PAGE_SIZE;
  while (rounded < size) rounded *= 2;
  return rounded;
}

/**
 * The name a map has in the kernel. A data section is called after the object, as libbpf does: the start of the
 * object's name and the section, 15 bytes together.
 */
export function kernelMapName(file: string, map: MapSpec): string {
  if (map.data === undefined) return map.name.slice(0, MAX_NAME);
  const { section } = map.data;
  if (section.indexOf('.', 1) > 0) return section.slice(0, MAX_NAME).replaceAll(/[^\w.]/g, '_');
  const base = file.slice(file.lastIndexOf('/') + 1).split('.', 1)[0] ?? '';
  const room = MAX_NAME - Math.min(MAX_NAME, Math.max(7, section.length));
  return (base.slice(0, room) + section).slice(0, MAX_NAME).replaceAll(/[^\w.]/g, '_');
}

export interface MapContext {
  readonly spec: CollectionSpec;
  readonly btf: Btf | undefined;
  readonly btfFd: number | undefined;
  readonly fds: Fds;
  readonly possibleCpus: number;
  /** Of maps that the object wants pinned by name. */
  readonly pins: NamedPins;
}

export function mapError(file: string, map: string, cause: unknown): unknown {
  if (!(cause instanceof BpfError || cause instanceof WrongKindError)) return cause;
  return new LoadError({ file, kind: 'map', subject: map }, cause.message, { cause });
}

function maxEntries(map: MapSpec, cpus: number): number {
  if (isRing(map.type)) return ringSize(map.maxEntries);
  if (map.type === 'PERF_EVENT_ARRAY' && map.maxEntries === 0) return cpus;
  return map.maxEntries;
}

export interface OpenedMap {
  readonly fd: number;
  /** It was there already, with contents of its own. */
  readonly reused: boolean;
}

/** Creates a map, unless one is pinned under its name already. */
export async function openMap(context: MapContext, map: MapSpec): Promise<OpenedMap> {
  const { spec, pins } = context;
  const byName = map.pinning === 'by_name';
  try {
    const pinned = byName ? await pins.open(spec.file, map, mapAttr(context, map)) : undefined;
    if (pinned !== undefined) return { fd: pinned, reused: true };
    const fd = await createMap(context, map);
    if (byName) await pins.add(map, fd);
    return { fd, reused: false };
  } catch (error) {
    throw mapError(spec.file, map.name, error);
  }
}

/**
 * Creates a map with its BTF, or without where the kernel does not take it: an array indexed by an enum. libbpf does so
 * too.
 * @throws BpfError of the first attempt.
 */
async function createTyped(task: Task, attr: MapCreateAttr): Promise<number> {
  try {
    return await bpf(task, 'MAP_CREATE', attr);
  } catch (error) {
    if (attr.btfFd === undefined) throw error;
    const { btfFd: _fd, btfKeyTypeId: _key, btfValueTypeId: _value, ...untyped } = attr;
    const result = await task.bpf('MAP_CREATE', untyped);
    if (result.ok) return result.value;
    throw error;
  }
}

/** Creates a map, and the template of its inner maps if it has one; the template is released again. */
async function createMap(context: MapContext, map: MapSpec): Promise<number> {
  const { fds } = context;
  const innerMapFd = map.inner === undefined ? undefined : await createMap(context, map.inner);
  const inner = innerMapFd === undefined ? {} : { innerMapFd };
  try {
    return fds.own(await createTyped(fds.task, { ...mapAttr(context, map), ...inner }));
  } finally {
    if (innerMapFd !== undefined) await fds.close(innerMapFd);
  }
}

function mapAttr(context: MapContext, map: MapSpec): MapCreateAttr {
  const { spec } = context;
  const mapType = BPF_MAP_TYPE[map.type as keyof typeof BPF_MAP_TYPE];
  const at = { file: spec.file, kind: 'map', subject: map.name } as const;
  if (mapType === undefined) throw new LoadError(at, `map type ${map.type} is unknown`);
  return {
    mapType,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: maxEntries(map, context.possibleCpus),
    mapFlags: map.flags | (map.numaNode === undefined ? 0 : BPF_F.NUMA_NODE),
    mapName: kernelMapName(spec.file, map),
    mapExtra: map.mapExtra,
    ...(map.numaNode === undefined ? {} : { numaNode: map.numaNode }),
    ...btfOf(context, map),
  };
}

function btfOf(
  { btfFd }: MapContext,
  { type, keyType, valueType }: MapSpec,
): { btfFd?: number; btfKeyTypeId?: number; btfValueTypeId?: number } {
  if (btfFd === undefined || valueType === undefined || WITHOUT_BTF.has(type)) return {};
  return { btfFd, btfKeyTypeId: keyType ?? 0, btfValueTypeId: valueType };
}
