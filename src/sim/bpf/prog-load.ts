import { hookAttributes } from '../../abi/hooks.ts';
import {
  BPF_ATTACH_TYPE,
  BPF_F,
  BPF_PROG_TYPE,
  ERRNO,
  HELPERS,
  errnoName,
} from '../../abi/index.ts';
import { decode } from '../../isa/index.ts';
import type { ProgLoadAttr } from '../../kernel/bpf.ts';
import {
  checkAttachTarget,
  checkStructure,
  findLiveCode,
  type Diagnostic,
  type ReadConstant,
} from '../../verifier/index.ts';
import { hookNameOf } from '../lsm/index.ts';
import type { Offset } from '../mem/memory.ts';
import { CAP_BPF, CAP_PERFMON, capable, refuseUnprivileged } from './capabilities.ts';
import { checkCalls, type Caller } from './calls.ts';
import type { BpfTask } from './host.ts';
import { isGplCompatible } from './license.ts';
import { lineTable } from './lines.ts';
import { mapKind } from './maps/types.ts';
import { checkName, refuse } from './objects.ts';
import { pointerUses, withoutNullTests } from './pointers.ts';
import { BpfProgram } from './program.ts';
import { link, programTag } from './relocate.ts';
import type { BpfBtf, BpfState } from './state.ts';

const { EINVAL, E2BIG, EPERM } = ERRNO;
const INSN = 8;
const MAX_INSNS = 1_000_000;
const MAX_UNPRIVILEGED_INSNS = 4096;
const SLEEPABLE = 1 << 4;
/** BPF_F_STRICT_ALIGNMENT to BPF_F_TEST_REG_INVARIANTS: only SLEEPABLE has a meaning here. */
const KNOWN_FLAGS = 0xff;

const PERFMON: readonly number[] = [
  BPF_PROG_TYPE.KPROBE,
  BPF_PROG_TYPE.TRACEPOINT,
  BPF_PROG_TYPE.PERF_EVENT,
  BPF_PROG_TYPE.RAW_TRACEPOINT,
  BPF_PROG_TYPE.RAW_TRACEPOINT_WRITABLE,
  BPF_PROG_TYPE.TRACING,
  BPF_PROG_TYPE.LSM,
  BPF_PROG_TYPE.STRUCT_OPS,
  BPF_PROG_TYPE.EXT,
];

/**
 * BPF_PROG_LOAD, in the order of `bpf_prog_load` in kernel/bpf/syscall.c.
 * @param attrAt offset of `union bpf_attr`, for the hook.
 * @returns the new descriptor.
 */
export function loadProgram(
  state: BpfState,
  task: BpfTask,
  attr: ProgLoadAttr,
  attrAt: Offset,
): number {
  checkAttributes(state, attr);
  const flags = attr.progFlags ?? 0;
  const sleepable = (flags & SLEEPABLE) !== 0;
  const btf = attr.progBtfFd === undefined ? undefined : state.btf(task, attr.progBtfFd);
  const gpl = isGplCompatible(attr.license);
  const name = attr.progName ?? '';
  if (checkName(name) !== 0) refuse(EINVAL, `"${name}" is no name for a program`);
  const program = { ...describe(attr, state.host.release), name, sleepable, gpl };
  const addr = state.kernel.newProgram({ ...program, length: attr.insns.length / INSN });
  let made: BpfProgram;
  try {
    askHooks(state, addr, attrAt);
    made = build(state, task, attr, { ...program, btf, addr });
  } catch (error) {
    state.host.lsm.hook('bpf_prog_free').call(addr);
    state.kernel.freeProgram(addr);
    throw error;
  }
  made.settle();
  return state.programDescriptor(task, made);
}

interface Description {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly attachBtfId: number;
  readonly tag: Uint8Array;
  readonly name: string;
  readonly sleepable: boolean;
  readonly gpl: boolean;
}

const describe = (
  attr: ProgLoadAttr,
  release: string,
): Pick<Description, 'type' | 'expectedAttachType' | 'attachBtfId' | 'tag'> => ({
  type: attr.progType,
  expectedAttachType: attr.expectedAttachType ?? 0,
  attachBtfId: attr.attachBtfId ?? 0,
  tag: programTag(attr.insns, release),
});

function checkAttributes(state: BpfState, attr: ProgLoadAttr): void {
  const flags = attr.progFlags ?? 0;
  if ((flags & ~KNOWN_FLAGS) !== 0)
    refuse(EINVAL, `program flags 0x${(flags & ~KNOWN_FLAGS).toString(16)} are not modelled`);
  const count = attr.insns.length / INSN;
  if (!Number.isInteger(count)) refuse(EINVAL, 'the code does not end at an instruction');
  const privileged = capable(state, CAP_BPF);
  if (!privileged) refuseUnprivileged(state);
  const most = privileged ? MAX_INSNS : MAX_UNPRIVILEGED_INSNS;
  if (count === 0 || count > most)
    refuse(E2BIG, `${count} instructions; a program has 1 to ${most}`);
  const known: readonly number[] = Object.values(BPF_PROG_TYPE);
  const unprivileged: readonly number[] = [BPF_PROG_TYPE.SOCKET_FILTER, BPF_PROG_TYPE.CGROUP_SKB];
  if (!unprivileged.includes(attr.progType) && !privileged) refuse(EPERM, 'loading needs CAP_BPF');
  if (PERFMON.includes(attr.progType) && !capable(state, CAP_PERFMON))
    refuse(EPERM, 'loading a program of this type needs CAP_PERFMON');
  if (attr.progType === 0 || !known.includes(attr.progType))
    refuse(EINVAL, `program type #${attr.progType} is unknown`);
  if (attr.attachProgFd !== undefined && attr.attachProgFd !== 0)
    refuse(EINVAL, 'attaching to another program (attach_prog_fd) is not modelled');
  if (attr.progType === BPF_PROG_TYPE.LSM) checkLsmAttributes(state, attr);
}

/** What `bpf_prog_load_check_attach` asks of an LSM program. */
function checkLsmAttributes(state: BpfState, attr: ProgLoadAttr): void {
  const { btf } = state.host;
  const id = attr.attachBtfId ?? 0;
  if (id >= btf.typeCount || id < 0) refuse(EINVAL, `attach_btf_id ${id} is invalid`);
  // The first two load as well; only attaching refuses them.
  const { TRACE_FENTRY, TRACE_FEXIT, LSM_MAC, LSM_CGROUP } = BPF_ATTACH_TYPE;
  const types: readonly number[] = [TRACE_FENTRY, TRACE_FEXIT, LSM_MAC, LSM_CGROUP];
  if (!types.includes(attr.expectedAttachType ?? 0))
    refuse(EINVAL, `expected_attach_type ${attr.expectedAttachType ?? 0} is none of LSM programs`);
}

/** security_bpf_prog_load; before 6.9 it is bpf_prog_alloc_security. */
function askHooks(state: BpfState, addr: Offset, attrAt: Offset): void {
  const { lsm, layouts } = state.host;
  const aux = layouts.field('bpf_prog', 'aux').get(addr);
  const refused =
    lsm.hook('bpf_prog_load').call(addr, attrAt, 0, 0) ||
    lsm.hook('bpf_prog_alloc_security').call(aux);
  if (refused !== 0) refuse(Math.abs(refused), `an LSM refused: ${errnoName(refused)}`);
}

function build(
  state: BpfState,
  task: BpfTask,
  attr: ProgLoadAttr,
  made: Description & { readonly btf: BpfBtf | undefined; readonly addr: Offset },
): BpfProgram {
  if (made.type === BPF_PROG_TYPE.LSM) checkTarget(state, made);
  const caller = callerOf(state, made);
  const prototype = caller.lsm && state.host.lsm.hook(caller.lsm.hook).prototype;
  const insns = decode(attr.insns);
  const lines = lineTable(attr.lineInfo ?? new Uint8Array(0), made.btf?.btf);
  const readConstant = readConstantOf(state, task);
  refuseWith(
    checkStructure(attr.insns, {
      release: state.host.release,
      readConstant,
      // Calls are judged below, by kind of program and with the source line.
      helperName: (id) => `bpf_${HELPERS[id] ?? id}`,
    }),
  );
  const live = findLiveCode(insns, readConstant);
  const reached = insns.filter((insn) => live[insn.index] === 1);
  checkCalls(state, reached, caller, lines);
  const { code, maps } = link(
    state,
    task,
    attr.insns,
    (type) => !made.sleepable || (mapKind(type)?.sleepable ?? false),
  );
  const { helpers } = state;
  const { probes, objectStores, nullTests } = pointerUses(insns, trustedSlots(state, caller));
  refuseWith(objectStores.map((insn) => ({ ...READ_ONLY, insn })));
  const executable = {
    name: made.name,
    code: withoutNullTests(code, nullTests),
    helpers: (id: number) => helpers[id],
    kfuncs: () => undefined,
    isProbe: (insn: number) => probes.has(insn),
  };
  const argumentSlots = prototype?.slots ?? 0;
  return new BpfProgram(state, {
    ...made,
    executable,
    maps,
    lines,
    argumentSlots,
    loadTime: state.host.now(),
    createdByUid: state.kernel.uidOf(task.addr),
    funcInfoTypeId: mainFunctionType(attr),
  });
}

/** Values that no longer change are constants to the verifier (bpf_map_is_rdonly, bpf_map_direct_read). */
function readConstantOf(state: BpfState, task: BpfTask): ReadConstant {
  return (mapFd, offset, size) => {
    const map = state.map(task, mapFd);
    const at = map.ops.directValue?.();
    const constant = map.frozen && (map.attr.flags & BPF_F.RDONLY_PROG) !== 0;
    if (!constant || at === undefined || offset + size > map.attr.valueSize) return undefined;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--)
      value = (value << 8n) | BigInt(state.host.mem.u8[at + offset + i] ?? 0);
    return value;
  };
}

/** `type_id` of the first `struct bpf_func_info`, which is that of the main function. */
function mainFunctionType({ funcInfo }: ProgLoadAttr): number {
  if (funcInfo === undefined || funcInfo.length < 8) return 0;
  return new DataView(funcInfo.buffer, funcInfo.byteOffset).getUint32(4, true);
}

const READ_ONLY = {
  rule: 'operand',
  kernelMessage: 'only read is supported',
  errno: ERRNO.EACCES,
} as const;

/** Slots of the context that hold a trusted pointer to a struct (btf_ctx_access). */
function trustedSlots({ host }: BpfState, { lsm }: Caller): (slot: number) => boolean {
  if (lsm === undefined || !hookAttributes(host.release, lsm.hook).trustedArguments)
    return () => false;
  const params = host.lsm.hook(lsm.hook).prototype?.params ?? [];
  const { btf } = host;
  return (slot) => {
    const param = params.find((candidate) => candidate.slot === slot);
    if (param?.name.endsWith('__nullable')) return false;
    const type = param?.kind === 'pointer' ? btf.type(btf.resolve(param.type)) : undefined;
    if (type?.kind !== 'ptr') return false;
    const target = btf.kind(btf.resolve(type.type));
    return target === 'struct' || target === 'union';
  };
}

/** The hook and kind of an LSM program. */
function callerOf(state: BpfState, made: Description): Caller {
  const { gpl, sleepable } = made;
  const hook = hookNameOf(state.host.btf, made.attachBtfId);
  if (made.type !== BPF_PROG_TYPE.LSM || hook === undefined)
    return { gpl, sleepable, lsm: undefined };
  const cgroup = made.expectedAttachType === BPF_ATTACH_TYPE.LSM_CGROUP;
  const voidHook = state.host.lsm.hook(hook).prototype?.returnsVoid ?? false;
  const attachType = cgroup ? 'LSM_CGROUP' : 'LSM_MAC';
  return { gpl, sleepable, lsm: { attachType, hook, voidHook, sleepable } };
}

function checkTarget(state: BpfState, made: Description): void {
  const { btf, release } = state.host;
  const id = made.attachBtfId;
  const hook = hookNameOf(btf, id);
  const diagnostic = checkAttachTarget({
    expectedAttachType: made.expectedAttachType,
    sleepable: made.sleepable,
    gplCompatible: made.gpl,
    btfId: id,
    type: id < btf.typeCount ? { kind: btf.kind(id), name: btf.name(id) } : undefined,
    hook: hook === undefined ? undefined : hookAttributes(release, hook),
  });
  if (diagnostic !== undefined) refuseWith([diagnostic]);
}

/** Refuses as the verifier does, which stops at the first finding. */
function refuseWith(found: readonly Diagnostic[]): void {
  const [first] = found;
  if (first === undefined) return;
  const where = first.insn < 0 ? '' : ` (instruction ${first.insn})`;
  refuse(first.errno, `${first.kernelMessage || first.rule}${where}`, `${first.kernelMessage}\n`);
}
