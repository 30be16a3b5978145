import { BPF_LINK_TYPE, ERRNO } from '../../abi/index.ts';
import type { BtfInfo, LinkInfo, MapInfo, ObjInfo, ProgInfo } from '../../kernel/bpf-info.ts';
import type { BpfCommands } from '../../kernel/bpf.ts';
import type { BpfTask } from './host.ts';
import { BpfLink } from './link.ts';
import { BpfMap } from './map.ts';
import { refuse } from './objects.ts';
import { BpfProgram } from './program.ts';
import { BpfBtf, VMLINUX_BTF_ID } from './state.ts';

/** BPF_OBJ_GET_INFO_BY_FD. A descriptor that is not open is EBADFD here, not EBADF. */
export function infoByFd(
  task: BpfTask,
  { bpfFd: fd, btf }: BpfCommands['OBJ_GET_INFO_BY_FD']['attr'],
): ObjInfo {
  const file = task.files.get(fd);
  if (file === undefined) return refuse(ERRNO.EBADFD, `fd ${fd} is not open`);
  const { object } = file;
  if (object instanceof BpfProgram) return programInfo(object);
  if (object instanceof BpfMap) return mapInfo(object);
  if (object instanceof BpfLink) return linkInfo(object);
  if (object instanceof BpfBtf) {
    btf?.set(object.btf.bytes.subarray(0, btf.length));
    return btfInfo(object);
  }
  return refuse(ERRNO.EINVAL, `fd ${fd} is no bpf object`);
}

const programInfo = (program: BpfProgram): ProgInfo => ({
  kind: 'prog',
  type: program.type,
  id: program.id,
  tag: [...program.tag].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
  name: program.name,
  gplCompatible: program.gpl,
  loadTime: BigInt(program.loadTime),
  createdByUid: program.createdByUid,
  xlatedProgLen: program.prepared.executable.code.length,
  // Programs are interpreted, run statistics are off, and LSM programs may nest.
  jitedProgLen: 0,
  runTimeNs: 0n,
  runCnt: 0n,
  recursionMisses: 0n,
  verifiedInsns: undefined,
  mapIds: program.maps.map((map) => map.id),
  btfId: program.btf?.id ?? 0,
  attachBtfObjId: program.attachBtfId === 0 ? 0 : VMLINUX_BTF_ID,
  attachBtfId: program.attachBtfId,
  funcInfoTypeId: program.funcInfoTypeId,
});

const mapInfo = ({ attr, id, name, btf }: BpfMap): MapInfo => ({
  kind: 'map',
  type: attr.type,
  id,
  name,
  keySize: attr.keySize,
  valueSize: attr.valueSize,
  maxEntries: attr.maxEntries,
  mapFlags: attr.flags,
  btfId: btf?.id ?? 0,
  btfKeyTypeId: btf === undefined ? 0 : attr.btfKeyTypeId,
  btfValueTypeId: btf === undefined ? 0 : attr.btfValueTypeId,
  // No modelled kind takes extra data.
  mapExtra: 0n,
});

/** Tracing links are the only kind that is modelled. */
const linkInfo = ({ id, program }: BpfLink): LinkInfo => ({
  kind: 'link',
  type: BPF_LINK_TYPE.TRACING,
  id,
  progId: program.id,
  attachType: program.expectedAttachType,
  targetObjId: VMLINUX_BTF_ID,
  targetBtfId: program.attachBtfId,
  cgroupId: 0n,
});

const btfInfo = ({ id, btf }: BpfBtf): BtfInfo => ({
  kind: 'btf',
  id,
  size: btf.bytes.length,
  name: '',
  kernelBtf: false,
});
