import { BPF_MAP_TYPE, ERRNO } from '../abi/index.ts';
import { readBtf } from '../btf/reader.ts';
import type { Btf, TypeId } from '../btf/types.ts';
import type { Kernel, MapInfo, ProgInfo, Task } from '../kernel/index.ts';
import type { MapSpec } from '../object/spec.ts';
import { BpfError } from './errors.ts';
import { bpf, Fds } from './fds.ts';
import { infoOf, openById } from './info.ts';
import { Link } from './link.ts';
import { BpfMap } from './map.ts';
import { pin } from './pin.ts';

/** Opens what is pinned at a path, and gives its descriptor back when it is not what `check` accepts. */
async function open<T>(
  { self }: Kernel,
  path: string,
  check: (fds: Fds, fd: number) => Promise<T>,
): Promise<T> {
  const fds = new Fds(self);
  const fd = fds.own(await bpf(self, 'OBJ_GET', { pathname: path }, path));
  try {
    return await check(fds, fd);
  } catch (error) {
    await fds.closeAll();
    throw error;
  }
}

/**
 * Opens the link that is pinned at a path.
 * @throws BpfError: ENOENT when nothing is there; WrongKindError for a program or map.
 */
export const openPinnedLink = (kernel: Kernel, path: string): Promise<Link> =>
  open(kernel, path, async (fds, fd) => {
    const link = new Link(fds, fd, path);
    await link.info();
    return link;
  });

/** A program that is known by its descriptor alone. */
export interface PinnedProgram {
  readonly fd: number;
  info(): Promise<ProgInfo>;
  pin(path: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the program that is pinned at a path.
 * @throws BpfError: ENOENT when nothing is there; WrongKindError for a link or map.
 */
export const openPinnedProgram = (kernel: Kernel, path: string): Promise<PinnedProgram> =>
  open(kernel, path, async (fds, fd) => {
    const info = () => infoOf(fds.task, fd, 'prog', path);
    await info();
    return { fd, info, pin: (to) => pin(fds.task, fd, to, path), close: () => fds.closeAll() };
  });

/** A map that is not of a collection. */
export interface PinnedMap {
  readonly map: BpfMap;
  close(): Promise<void>;
}

/**
 * Opens the map that is pinned at a path. Its keys and values have the types of the BTF that it was made with, where
 * this task may read that (CAP_SYS_ADMIN); else they are bytes.
 * @throws BpfError: ENOENT when nothing is there; WrongKindError for a link or program.
 */
export const openPinnedMap = (kernel: Kernel, path: string): Promise<PinnedMap> =>
  open(kernel, path, async (fds, fd) => {
    const info = await infoOf(fds.task, fd, 'map', path);
    const btf = await btfOf(fds.task, info);
    const context = { task: fds.task, btf, cpus: kernel.possibleCpus };
    return { map: new BpfMap(specOf(info, btf), fd, context), close: () => fds.closeAll() };
  });

async function btfOf(task: Task, { btfId }: MapInfo): Promise<Btf | undefined> {
  if (btfId === 0) return undefined;
  let bpfFd: number;
  try {
    bpfFd = await openById(task, 'btf', btfId);
  } catch (error) {
    if (error instanceof BpfError && error.errno === ERRNO.EPERM) return undefined;
    throw error;
  }
  try {
    const subject = `btf ${btfId}`;
    const { size } = await infoOf(task, bpfFd, 'btf', subject);
    const btf = new Uint8Array(size);
    await bpf(task, 'OBJ_GET_INFO_BY_FD', { bpfFd, btf }, subject);
    return readBtf(btf, { file: subject });
  } finally {
    await task.call('close', bpfFd);
  }
}

function specOf(info: MapInfo, btf: Btf | undefined): MapSpec {
  const { btfKeyTypeId, btfValueTypeId } = info;
  const typed = (id: TypeId): TypeId | undefined =>
    btf === undefined || id === 0 || btf.kind(btf.resolve(id)) === 'datasec' ? undefined : id;
  return {
    name: info.name,
    type: mapTypeName(info.type),
    keySize: info.keySize,
    valueSize: info.valueSize,
    maxEntries: info.maxEntries,
    flags: info.mapFlags,
    mapExtra: info.mapExtra,
    numaNode: undefined,
    pinning: 'none',
    keyType: typed(btfKeyTypeId),
    valueType: typed(btfValueTypeId),
    inner: undefined,
    slots: new Map(),
    data: undefined,
  };
}

const mapTypeName = (type: number): string =>
  Object.entries(BPF_MAP_TYPE).find(([, number]) => number === type)?.[0] ?? `#${type}`;
