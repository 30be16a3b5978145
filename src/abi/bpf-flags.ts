/**
 * Flags of bpf(2) that include/uapi/linux/bpf.h defines by macro, so that BTF lacks them. Each command reads its own
 * field, and the same bit means different things in different fields.
 */

/** PROG_ATTACH `attach_flags`, LINK_CREATE `flags`; names without `BPF_F_`. */
export const PROG_ATTACH_FLAGS = {
  ALLOW_OVERRIDE: 1,
  ALLOW_MULTI: 2,
  REPLACE: 4,
  BEFORE: 8,
  AFTER: 16,
  ID: 32,
  PREORDER: 64,
} as const;

/** PROG_LOAD `prog_flags`; names without `BPF_F_`. */
export const PROG_LOAD_FLAGS = {
  STRICT_ALIGNMENT: 1,
  ANY_ALIGNMENT: 2,
  TEST_RND_HI32: 4,
  TEST_STATE_FREQ: 8,
  SLEEPABLE: 16,
  XDP_HAS_FRAGS: 32,
  XDP_DEV_BOUND_ONLY: 64,
  TEST_REG_INVARIANTS: 128,
  TOKEN_FD: 0x10000,
} as const;

/** `src_reg` of a 64-bit immediate load or of a call; names without `BPF_PSEUDO_`. */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
  CALL: 1,
  KFUNC_CALL: 2,
} as const;

/** Lengths and counts that bpf(2) and the verifier hold to. */
export const BPF_LIMIT = {
  /** Bytes, the closing NUL included. */
  OBJ_NAME_LEN: 16,
  TAG_SIZE: 8,
  BUILD_ID_SIZE: 20,
  /** Bytes of stack, of all frames together. */
  MAX_STACK: 512,
  MAX_CALL_FRAMES: 8,
  MAX_TAIL_CALLS: 33,
  COMPLEXITY_INSNS: 1_000_000,
  /** Iterations of bpf_loop. */
  MAX_LOOPS: 0x80_0000,
  /** Programs on one function, on x86-64 up to 6.18; 7.3 has 36. */
  MAX_TRAMPOLINE_LINKS: 38,
  /** Hooks with LSM_CGROUP programs, in the whole system. */
  CGROUP_LSM_HOOKS: 10,
  /** Programs of one attach type in one cgroup. */
  CGROUP_MAX_PROGS: 64,
} as const;
