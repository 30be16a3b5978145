import { CAP, ERRNO } from '../../abi/index.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

export const { SYS_ADMIN: CAP_SYS_ADMIN, PERFMON: CAP_PERFMON, BPF: CAP_BPF } = CAP;

/** CAP_SYS_ADMIN stands in for the finer capabilities (bpf_capable, perfmon_capable). */
export const capable = ({ host }: BpfState, capability: number): boolean =>
  host.capable(capability) || (capability !== CAP_SYS_ADMIN && host.capable(CAP_SYS_ADMIN));

/** What sysctl kernel.unprivileged_bpf_disabled says to those without CAP_BPF: programs and maps ask it. */
export function refuseUnprivileged({ host }: BpfState): void {
  const { unprivilegedBpfDisabled: value } = host;
  if (value !== 0)
    refuse(ERRNO.EPERM, `kernel.unprivileged_bpf_disabled is ${value}, and the task lacks CAP_BPF`);
}
