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

const PROOF = 'values and types along the paths of a program are not followed yet';
const LOAD = /^bpf PROG_LOAD/;

export const KNOWN: readonly KnownDifference[] = [
  { scenario: 'loading: the structure of a program', call: /"R0_not_set/, reason: PROOF },
  {
    scenario: 'loading: what a program may return',
    call: LOAD,
    release: /^6\.(?!1\.)/,
    reason: PROOF,
  },
  { scenario: 'loading: values on the paths of a program', call: LOAD, reason: PROOF },
  {
    scenario: 'loading: who may go through the ids',
    call: /_BY_ID/,
    reason: 'bpf(2) does not give descriptors by id yet',
  },
];
