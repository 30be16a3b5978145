import { BPF_MAP_TYPE, errnoText } from '../../abi/index.ts';
import type { EntryTypes, ShownEntry } from './entry.ts';
import { readBtfById, type InfoOf } from './objects.ts';
import { BpftoolError, errnoStatus, type Session } from './session.ts';

export type MapInfo = InfoOf<'map'>;

export const PER_CPU = new Set<number>([
  BPF_MAP_TYPE.PERCPU_HASH,
  BPF_MAP_TYPE.PERCPU_ARRAY,
  BPF_MAP_TYPE.LRU_PERCPU_HASH,
  BPF_MAP_TYPE.PERCPU_CGROUP_STORAGE,
]);
export const HOLDS_MAPS = new Set<number>([BPF_MAP_TYPE.ARRAY_OF_MAPS, BPF_MAP_TYPE.HASH_OF_MAPS]);

/** Each CPU's value starts on a multiple of 8 bytes. */
export const slotSize = (info: MapInfo): number => Math.ceil(info.valueSize / 8) * 8;

export const valueBytes = ({ kernel }: Session, info: MapInfo): number =>
  PER_CPU.has(info.type) ? slotSize(info) * kernel.possibleCpus : info.valueSize;

export function splitValue(
  { kernel }: Session,
  info: MapInfo,
  value: Uint8Array,
): ShownEntry['value'] {
  if (!PER_CPU.has(info.type)) return value;
  const slot = slotSize(info);
  return Array.from({ length: kernel.possibleCpus }, (_, cpu) =>
    value.subarray(cpu * slot, cpu * slot + info.valueSize),
  );
}

export async function typesOf(session: Session, info: MapInfo): Promise<EntryTypes | undefined> {
  if (info.btfValueTypeId === 0) return undefined;
  const btf = await readBtfById(session, info.btfId);
  return { btf, key: info.btfKeyTypeId, value: info.btfValueTypeId };
}

export type ReadEntry = ShownEntry | { readonly key: Uint8Array; readonly errno: number };

export async function readEntry(
  session: Session,
  info: MapInfo,
  fd: number,
  key: Uint8Array,
): Promise<ReadEntry> {
  const value = new Uint8Array(valueBytes(session, info));
  const result = await session.kernel.self.bpf('MAP_LOOKUP_ELEM', { mapFd: fd, key, value });
  return result.ok
    ? { key, value: splitValue(session, info, value) }
    : { key, errno: result.errno };
}

/** A command on an element failed: bpftool's exit code then tells the errno. */
export const elementError = (what: string, errno: number): BpftoolError =>
  new BpftoolError(`${what}: ${errnoText(errno)}`, errnoStatus(errno));
