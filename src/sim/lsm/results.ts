import { ERRNO } from '../../abi/index.ts';

const { ENOSYS, EOPNOTSUPP, ENOPARAM } = ERRNO;

/** How the answers of several LSMs to one hook become one result (security/security.c). */
export interface ResultRule {
  /** The result when no LSM has an opinion. */
  readonly start: number;
  /** The result so far with one more LSM's answer. */
  next(result: number, answer: number): number;
  /** Whether this answer ends the asking. */
  stops(answer: number): boolean;
}

/** Hooks that walk the LSMs with a loop of their own instead of call_int_hook. */
const SPECIAL: Readonly<Record<string, ResultRule>> = {
  // 0 consumes the parameter, yet the other LSMs are asked as well.
  fs_context_parse_param: {
    start: -ENOPARAM,
    next: (result, answer) => (answer === -ENOPARAM ? result : answer),
    stops: (answer) => answer !== 0 && answer !== -ENOPARAM,
  },
  // -ENOSYS means "not mine"; the last other answer stands, and any but 0 ends it.
  task_prctl: {
    start: -ENOSYS,
    next: (result, answer) => (answer === -ENOSYS ? result : answer),
    stops: (answer) => answer !== 0 && answer !== -ENOSYS,
  },
  // An LSM that adds no attribute says -EOPNOTSUPP, which is no failure.
  inode_init_security: {
    start: 0,
    next: (result, answer) => (answer === -EOPNOTSUPP ? result : answer),
    stops: (answer) => answer !== 0 && answer !== -EOPNOTSUPP,
  },
  // Any refusal withholds the administrator's reserve.
  vm_enough_memory: {
    start: 0,
    next: (result, answer) => Math.min(result, answer),
    stops: (answer) => answer < 0,
  },
  // Only the first registered LSM decides, since the answer is a match, not a permission.
  xfrm_state_pol_flow_match: {
    start: 1,
    next: (_result, answer) => answer,
    stops: () => true,
  },
};

const VOID: ResultRule = { start: 0, next: () => 0, stops: () => false };

/**
 * The rule of one hook. Most hooks follow call_int_hook: the first answer that differs from the hook's default is the
 * result. Void hooks ask everybody.
 */
export function resultRule(hook: string, returnsVoid: boolean, fallback: number): ResultRule {
  if (returnsVoid) return VOID;
  return (
    SPECIAL[hook] ?? {
      start: fallback,
      next: (_result, answer) => answer,
      stops: (answer) => answer !== fallback,
    }
  );
}
