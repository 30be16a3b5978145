/** A difference between the simulated kernel and Linux that is known and not to be mended now, with its cause. */
export interface KnownDifference {
  /** The scenario, or how its name begins. */
  readonly scenario: string;
  /** The call whose result differs. */
  readonly call: RegExp;
  /** Releases that differ; all if not given. */
  readonly release?: RegExp;
  readonly reason: string;
}

export const KNOWN: readonly KnownDifference[] = [];
