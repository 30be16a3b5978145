import { errnoName, type ErrnoName } from '../abi/index.ts';
import type { Decision, Kernel } from '../kernel/index.ts';
import { firstDifference, show } from './equal.ts';
import { denialOf, formatDecision, isDenial } from './report.ts';

/** An expectation of a policy test that did not hold. */
export class ExpectationError extends Error {
  override readonly name = 'ExpectationError';
}

export interface DenialExpectation {
  /** Any errno if not given. */
  readonly errno?: ErrnoName;
  /** The BPF program, the LSM, or `dac` for file permissions. */
  readonly by?: string;
  /** Without the `bpf_lsm_` prefix. */
  readonly hook?: string;
}

export interface AllowedExpectation {
  /** The call gets past every check and then fails with this: a connection that nobody takes. */
  readonly errno?: ErrnoName;
}

/** Judges the results of system calls by what the kernel decided since the judgement before. */
export interface Expectations {
  /**
   * The call was denied.
   * @param result what the system call returned.
   * @throws ExpectationError that shows what the kernel decided.
   */
  readonly expectDenied: (result: number, expected?: DenialExpectation) => void;
  /** Nobody denied the call. @returns `result`. */
  readonly expectAllowed: (result: number, expected?: AllowedExpectation) => number;
}

function fail(message: string, decisions: readonly Decision[]): never {
  const shown = decisions.map((decision) => `\n  ${formatDecision(decision)}`).join('');
  throw new ExpectationError(message + shown);
}

const outcome = (result: number): string =>
  result < 0 ? `failed with ${errnoName(-result)}` : `gave ${result}`;

function wanted({ errno, by, hook }: DenialExpectation): string {
  const at = hook === undefined ? '' : ` at ${hook}`;
  const who = by === undefined ? '' : ` by ${by}`;
  return `expected a denial${at}${who}${errno === undefined ? '' : ` with ${errno}`}`;
}

export function expectationsOn(kernel: Kernel): Expectations {
  let seen = 0;
  const news = (): readonly Decision[] | undefined => {
    const decisions = kernel.decisions()?.filter((decision) => decision.seq > seen);
    seen = decisions?.at(-1)?.seq ?? seen;
    return decisions;
  };
  return {
    expectDenied: (result, expected = {}) => {
      const decisions = news();
      const all = decisions ?? [];
      const { errno, by, hook } = expected;
      if (result >= 0) fail(`${wanted(expected)}, but the call ${outcome(result)}`, all);
      if (errno !== undefined && errnoName(-result) !== errno)
        fail(`${wanted(expected)}, but the call ${outcome(result)}`, all);
      if (decisions === undefined) return;
      const last = decisions.findLast(isDenial);
      if (last === undefined)
        fail(`${wanted(expected)}; the call ${outcome(result)}, but nobody denied it`, all);
      const denial = denialOf(last);
      if ((by !== undefined && denial.by !== by) || (hook !== undefined && denial.hook !== hook))
        fail(`${wanted(expected)}, but it was denied otherwise`, all);
    },
    expectAllowed: (result, { errno } = {}) => {
      const decisions = news() ?? [];
      const want = errno === undefined ? 'success' : errno;
      const got = result < 0 ? errnoName(-result) : 'success';
      if (got !== want || decisions.some(isDenial))
        fail(`expected ${want}, but the call ${outcome(result)}`, decisions.filter(isDenial));
      return result;
    },
  };
}

/**
 * Both values are the same in structure: objects member by member, byte arrays byte by byte.
 * @throws ExpectationError that shows both and where they first differ.
 */
export function expectEqual(actual: unknown, expected: unknown): void {
  const at = firstDifference(actual, expected);
  if (at === undefined) return;
  const where = at === '' ? '' : ` (first at ${at})`;
  throw new ExpectationError(
    `values differ${where}\n  expected ${show(expected)}\n  actual   ${show(actual)}`,
  );
}
