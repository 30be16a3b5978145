import { BPF_F, BPF_MAP_TYPE, ERRNO } from '../../abi/index.ts';
import type { Btf } from '../../btf/types.ts';
import { CAP_SYS_ADMIN, capable } from './capabilities.ts';
import { BpfMap } from './map.ts';
import type { MapAttr } from './maps/ops.ts';
import type { MapMakers } from './maps/types.ts';
import { BpfProgram } from './program.ts';
import type { BpfState } from './state.ts';

const { EBADF, EINVAL } = ERRNO;

/** What a map needs from the kernel. `self` is the map that is being made. */
export function mapMakers(state: BpfState, self: () => BpfMap): MapMakers {
  const { host } = state;
  const inode = host.layouts.field('file', 'f_inode');
  const objectOf = (fd: number): unknown => {
    const file = host.current.files.get(fd);
    return file === undefined ? -EBADF : file.object;
  };
  return {
    mem: host.mem,
    layouts: host.layouts,
    possibleCpus: host.possibleCpus,
    cpu: () => 0,
    randomU32: () => host.randomU32(),
    admin: () => capable(state, CAP_SYS_ADMIN),
    takeProgram(fd) {
      const object = objectOf(fd);
      if (object === -EBADF) return -EBADF;
      if (!(object instanceof BpfProgram)) return -EINVAL;
      const map = self();
      const kind = ownerKey(host.btf, object);
      map.owner ??= kind;
      return map.owner === kind ? object.get() : -EINVAL;
    },
    takeMap(fd) {
      const object = objectOf(fd);
      if (object === -EBADF) return -EBADF;
      if (!(object instanceof BpfMap)) return -EINVAL;
      const { inner } = self();
      return inner !== undefined && fitsInner(inner, object.attr) ? object.get() : -EINVAL;
    },
    // No descriptor of the simulation is a pidfd.
    taskOfPidfd: () => -EBADF,
    inodeOfFd(fd) {
      const file = host.current.files.get(fd);
      return file === undefined ? -EBADF : inode.get(file.addr);
    },
  };
}

/** Programs in one array are of one kind, LSM programs also for hooks of one prototype (bpf_prog_map_compatible). */
function ownerKey(btf: Btf, { type, expectedAttachType, attachBtfId }: BpfProgram): string {
  const target = attachBtfId === 0 ? undefined : btf.type(attachBtfId);
  const prototype = target?.kind === 'func' ? target.type : 0;
  return `${type} ${expectedAttachType} ${prototype}`;
}

/** Whether a map may be put where `inner` is wanted (map_meta_equal). */
function fitsInner(inner: MapAttr, map: MapAttr): boolean {
  const same =
    inner.type === map.type &&
    inner.keySize === map.keySize &&
    inner.valueSize === map.valueSize &&
    inner.flags === map.flags;
  const sized = inner.type === BPF_MAP_TYPE.ARRAY && (inner.flags & BPF_F.INNER_MAP) === 0;
  const fixed = sized || inner.type === BPF_MAP_TYPE.PERCPU_ARRAY;
  return same && (!fixed || inner.maxEntries === map.maxEntries);
}
