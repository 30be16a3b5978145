import { ERRNO } from '../abi/index.ts';
import type { ObjInfo, Task } from '../kernel/index.ts';
import { BpfError, WrongKindError } from './errors.ts';
import { bpf } from './fds.ts';

/** Kinds of objects that have ids. */
export type ObjectKind = 'prog' | 'map' | 'link' | 'btf';
export type InfoOf<K extends ObjInfo['kind']> = Extract<ObjInfo, { kind: K }>;

const isKind = <K extends ObjInfo['kind']>(info: ObjInfo, kind: K): info is InfoOf<K> =>
  info.kind === kind;

/**
 * What the kernel tells of an object that must be of one kind.
 * @param subject names it in messages.
 * @throws BpfError; WrongKindError when it is of another kind.
 */
export async function infoOf<K extends ObjInfo['kind']>(
  task: Task,
  bpfFd: number,
  kind: K,
  subject: string,
): Promise<InfoOf<K>> {
  const info = await bpf(task, 'OBJ_GET_INFO_BY_FD', { bpfFd }, subject);
  if (!isKind(info, kind)) throw new WrongKindError(subject, kind, info.kind);
  return info;
}

const NEXT_ID = {
  prog: 'PROG_GET_NEXT_ID',
  map: 'MAP_GET_NEXT_ID',
  link: 'LINK_GET_NEXT_ID',
  btf: 'BTF_GET_NEXT_ID',
} as const;
const { ENOENT } = ERRNO;

/**
 * The ids of all objects of a kind in the kernel, ascending. Those that come and go meanwhile may be missed.
 * @throws BpfError: EPERM without CAP_SYS_ADMIN.
 */
export async function* objectIds(task: Task, kind: ObjectKind): AsyncGenerator<number, void> {
  for (let startId = 0; ;) {
    const next = await task.bpf(NEXT_ID[kind], { startId });
    if (!next.ok && next.errno === ENOENT) return;
    if (!next.ok) throw new BpfError({ ...next, command: NEXT_ID[kind] });
    startId = next.value;
    yield startId;
  }
}

/**
 * A descriptor for the object with an id.
 * @throws BpfError: ENOENT when there is none, EPERM without CAP_SYS_ADMIN.
 */
export function openById(task: Task, kind: ObjectKind, id: number): Promise<number> {
  const subject = `${kind} ${id}`;
  switch (kind) {
    case 'prog':
      return bpf(task, 'PROG_GET_FD_BY_ID', { progId: id }, subject);
    case 'map':
      return bpf(task, 'MAP_GET_FD_BY_ID', { mapId: id }, subject);
    case 'link':
      return bpf(task, 'LINK_GET_FD_BY_ID', { linkId: id }, subject);
    case 'btf':
      return bpf(task, 'BTF_GET_FD_BY_ID', { btfId: id }, subject);
    default:
      return kind satisfies never;
  }
}
