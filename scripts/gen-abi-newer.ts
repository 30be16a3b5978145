/** The release that the values below were read from (its include/uapi/linux/bpf.h); no BTF of it is shipped. */
export const NEWER_RELEASE = '7.3';

/** What this release adds to the enums of the shipped kernels, by constant. */
export const NEWER: Readonly<Record<string, readonly (readonly [name: string, value: number])[]>> =
  {
    BPF_CMD: [
      ['PROG_ASSOC_STRUCT_OPS', 38],
      ['COMMON_ATTRS', 65536],
    ],
    BPF_MAP_TYPE: [
      ['INSN_ARRAY', 34],
      ['RHASH', 35],
    ],
    BPF_ATTACH_TYPE: [
      ['TRACE_FSESSION', 58],
      ['TRACE_FENTRY_MULTI', 59],
      ['TRACE_FEXIT_MULTI', 60],
      ['TRACE_FSESSION_MULTI', 61],
    ],
    BPF_LINK_TYPE: [['TRACING_MULTI', 15]],
  };
