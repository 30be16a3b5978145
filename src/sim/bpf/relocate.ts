import { ERRNO } from '../../abi/index.ts';
import { PSEUDO, decode, type Instruction } from '../../isa/index.ts';
import { KERNEL_BASE_HI } from '../mem/memory.ts';
import type { BpfTask } from './host.ts';
import type { BpfMap } from './map.ts';
import { mapTypeName } from './maps/types.ts';
import { refuse } from './objects.ts';
import { versionOf } from '../task/core.ts';
import { sha1 } from './sha1.ts';
import { sha256 } from './sha256.ts';
import type { BpfState } from './state.ts';

const { EINVAL, E2BIG, EPROTO } = ERRNO;
const INSN = 8;
const MAX_USED_MAPS = 64;
const TAG_BYTES = 8;

export interface Linked {
  /** The code with the addresses of maps and values filled in. */
  readonly code: Uint8Array;
  /** Maps that the program refers to, each once, in the order of first use. */
  readonly maps: readonly BpfMap[];
}

/**
 * Resolves the 64-bit loads that name kernel objects by descriptor (resolve_pseudo_ldimm64). Callback addresses stay
 * as they are: the machine knows where its code is.
 */
export function link(
  state: BpfState,
  task: BpfTask,
  insns: Uint8Array,
  sleepable: (type: number) => boolean,
): Linked {
  const code = insns.slice();
  const view = new DataView(code.buffer);
  const maps: BpfMap[] = [];
  for (const insn of decode(insns)) {
    if (insn.kind !== 'load_imm64' || insn.src === 0 || insn.src === PSEUDO.FUNC) continue;
    const map = mapOf(state, task, insn);
    if (!maps.includes(map)) maps.push(map);
    if (maps.length > MAX_USED_MAPS)
      refuse(E2BIG, `the program uses more than ${MAX_USED_MAPS} maps`);
    if (!sleepable(map.attr.type))
      refuse(
        EINVAL,
        `a sleepable program may not use ${mapTypeName(map.attr.type)} maps: ` +
          'Sleepable programs can only use array, hash, ringbuf and local storage maps',
      );
    const address = insn.src === PSEUDO.MAP_VALUE ? valueAddress(map, insn) : map.addr;
    const at = insn.index * INSN;
    view.setUint8(at + 1, insn.dst);
    view.setUint32(at + 4, address, true);
    view.setInt32(at + INSN + 4, KERNEL_BASE_HI, true);
  }
  return { code, maps };
}

function mapOf(state: BpfState, task: BpfTask, insn: Instruction): BpfMap {
  switch (insn.src) {
    case PSEUDO.MAP_FD:
      if (insn.immHi !== 0) refuse(EINVAL, `unrecognized bpf_ld_imm64 insn at ${insn.index}`);
      return state.map(task, insn.imm);
    case PSEUDO.MAP_VALUE:
      return state.map(task, insn.imm);
    case PSEUDO.BTF_ID:
      return refuse(EINVAL, kernelVariable(state, insn));
    case PSEUDO.MAP_IDX:
    case PSEUDO.MAP_IDX_VALUE:
      return refuse(EPROTO, 'fd_idx without fd_array is invalid');
    default:
      return refuse(EINVAL, `unrecognized bpf_ld_imm64 insn at ${insn.index}`);
  }
}

function kernelVariable({ host }: BpfState, insn: Instruction): string {
  const known = insn.imm > 0 && insn.imm < host.btf.typeCount;
  const name = known ? host.btf.name(insn.imm) : '';
  return `kernel variable ${name}#${insn.imm} at instruction ${insn.index} is not modelled`;
}

function valueAddress(map: BpfMap, insn: Instruction): number {
  const offset = insn.immHi;
  const base = map.ops.directValue?.();
  if (base === undefined)
    return refuse(EINVAL, `map ${map.name}: no direct value access support for this map type`);
  if (offset < 0 || offset >= map.attr.valueSize)
    return refuse(EINVAL, `map ${map.name}: invalid access to map value pointer, off=${offset}`);
  return base + offset;
}

/** The tag of a program: a hash of its instructions without what differs from load to load (bpf_prog_calc_tag). */
export function programTag(insns: Uint8Array, release: string): Uint8Array {
  const code = insns.slice();
  const view = new DataView(code.buffer);
  for (const insn of decode(insns)) {
    if (insn.kind !== 'load_imm64') continue;
    if (insn.src !== PSEUDO.MAP_FD && insn.src !== PSEUDO.MAP_VALUE) continue;
    view.setInt32(insn.index * INSN + 4, 0, true);
    view.setInt32((insn.index + 1) * INSN + 4, 0, true);
  }
  const digest = versionOf(release) >= 6018 ? sha256(code) : sha1(code);
  return digest.slice(0, TAG_BYTES);
}
