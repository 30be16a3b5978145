import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, ERRNO, errnoName } from '../../abi/index.ts';
import type { LinkCreateAttr } from '../../kernel/bpf.ts';
import { hookNameOf } from '../lsm/index.ts';
import type { BpfTask } from './host.ts';
import { BpfLink } from './link.ts';
import { refuse } from './objects.ts';
import type { BpfProgram } from './program.ts';
import type { BpfState } from './state.ts';

const { EINVAL } = ERRNO;

const nameOf = (table: Readonly<Record<string, number>>, number: number): string =>
  Object.entries(table).find(([, value]) => value === number)?.[0] ?? 'unknown';

/** BPF_LINK_CREATE. @returns the link's descriptor. */
export function createLink(state: BpfState, task: BpfTask, attr: LinkCreateAttr): number {
  const program = state.program(task, attr.progFd);
  if (attr.attachType !== program.expectedAttachType)
    refuse(
      EINVAL,
      `attach type ${attr.attachType} is not the one that the program was loaded for, ` +
        `${program.expectedAttachType}`,
    );
  if (program.expectedAttachType === BPF_ATTACH_TYPE.LSM_MAC && (attr.targetFd ?? 0) !== 0)
    refuse(EINVAL, 'an LSM program has its target since it was loaded: target_fd must be 0');
  return attach(state, task, program);
}

/** BPF_RAW_TRACEPOINT_OPEN, the older way to attach LSM programs. @returns the link's descriptor. */
export function openRawTracepoint(
  state: BpfState,
  task: BpfTask,
  attr: { readonly progFd: number; readonly name?: string },
): number {
  const program = state.program(task, attr.progFd);
  if (program.type === BPF_PROG_TYPE.LSM && attr.name !== undefined)
    refuse(EINVAL, 'an LSM program has its target since it was loaded: name must be NULL');
  if (program.expectedAttachType === BPF_ATTACH_TYPE.LSM_CGROUP)
    refuse(EINVAL, 'BPF_RAW_TRACEPOINT_OPEN does not attach LSM_CGROUP programs');
  return attach(state, task, program);
}

/** Tracing links (bpf_tracing_prog_attach). */
function attach(state: BpfState, task: BpfTask, program: BpfProgram): number {
  if (program.type !== BPF_PROG_TYPE.LSM)
    refuse(
      EINVAL,
      `attaching programs of type ${nameOf(BPF_PROG_TYPE, program.type)} is not modelled`,
    );
  if (program.expectedAttachType !== BPF_ATTACH_TYPE.LSM_MAC)
    refuse(
      EINVAL,
      `attach type ${nameOf(BPF_ATTACH_TYPE, program.expectedAttachType)} is not modelled`,
    );
  const { lsm, btf } = state.host;
  const hook = hookNameOf(btf, program.attachBtfId) ?? '';
  const link = new BpfLink(state, program);
  const error = link.attach(lsm.hook(hook));
  if (error !== 0) {
    link.put();
    refuse(-error, `hook ${hook}: ${errnoName(error)}`);
  }
  return state.install(task, 'bpf_link', link, () => link.put());
}
