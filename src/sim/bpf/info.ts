import { ERRNO } from '../../abi/index.ts';
import type { ObjInfo } from '../../kernel/bpf.ts';
import type { BpfTask } from './host.ts';
import { BpfLink } from './link.ts';
import { BpfMap } from './map.ts';
import { refuse } from './objects.ts';
import { BpfProgram } from './program.ts';
import { BpfBtf } from './state.ts';

/** BPF_LINK_TYPE_TRACING. */
const LINK_TRACING = 2;

/** BPF_OBJ_GET_INFO_BY_FD. A descriptor that is not open is EBADFD here, not EBADF. */
export function infoByFd(task: BpfTask, fd: number): ObjInfo {
  const file = task.files.get(fd);
  if (file === undefined) return refuse(ERRNO.EBADFD, `fd ${fd} is not open`);
  const { object } = file;
  if (object instanceof BpfProgram) return programInfo(object);
  if (object instanceof BpfMap) return mapInfo(object);
  if (object instanceof BpfLink) return linkInfo(object);
  if (object instanceof BpfBtf)
    return { kind: 'btf', id: object.id, size: object.btf.bytes.length };
  return refuse(ERRNO.EINVAL, `fd ${fd} is no bpf object`);
}

const programInfo = (program: BpfProgram): ObjInfo => ({
  kind: 'prog',
  type: program.type,
  id: program.id,
  tag: [...program.tag].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
  name: program.name,
  mapIds: program.maps.map((map) => map.id),
  btfId: program.btf?.id ?? 0,
});

const mapInfo = ({ attr, id, name }: BpfMap): ObjInfo => ({
  kind: 'map',
  type: attr.type,
  id,
  name,
  keySize: attr.keySize,
  valueSize: attr.valueSize,
  maxEntries: attr.maxEntries,
  mapFlags: attr.flags,
});

const linkInfo = ({ id, program }: BpfLink): ObjInfo => ({
  kind: 'link',
  type: LINK_TRACING,
  id,
  progId: program.id,
  attachType: program.expectedAttachType,
  targetBtfId: program.attachBtfId,
});
