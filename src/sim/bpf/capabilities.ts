import type { BpfState } from './state.ts';

export const CAP_SYS_ADMIN = 21;
export const CAP_PERFMON = 38;
export const CAP_BPF = 39;

/** CAP_SYS_ADMIN stands in for the finer capabilities (bpf_capable, perfmon_capable). */
export const capable = ({ host }: BpfState, capability: number): boolean =>
  host.capable(capability) || (capability !== CAP_SYS_ADMIN && host.capable(CAP_SYS_ADMIN));
