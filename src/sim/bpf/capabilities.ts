import { ERRNO } from '../../abi/index.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

export const CAP_SYS_ADMIN = 21;
export const CAP_PERFMON = 38;
export const CAP_BPF = 39;

/** CAP_SYS_ADMIN stands in for the finer capabilities (bpf_capable, perfmon_capable). */
export const capable = ({ host }: BpfState, capability: number): boolean =>
  host.capable(capability) || (capability !== CAP_SYS_ADMIN && host.capable(CAP_SYS_ADMIN));

/** What sysctl kernel.unprivileged_bpf_disabled says to those without CAP_BPF: programs and maps ask it. */
export function refuseUnprivileged({ host }: BpfState): void {
  const { unprivilegedBpfDisabled: value } = host;
  if (value !== 0)
    refuse(ERRNO.EPERM, `kernel.unprivileged_bpf_disabled is ${value}, and the task lacks CAP_BPF`);
}
