/** One thing that a scenario did, and what came of it, in words that are the same on kernels that behave alike. */
export interface Step {
  /** `self`, or `task1`… in the order of their creation. */
  readonly task: string;
  /** `unlink("/etc/policy.conf")` */
  readonly call: string;
  /** `EPERM`, `0`, a name for a descriptor, task or address; then what the call filled. */
  readonly result: string;
}

export type Transcript = readonly Step[];

/** A step in which two transcripts are not the same. */
export interface Difference {
  /** Counts from 1. */
  readonly step: number;
  /** Undefined after the end of a transcript. */
  readonly sim: Step | undefined;
  readonly linux: Step | undefined;
}

const same = (a: Step | undefined, b: Step | undefined): boolean =>
  a?.task === b?.task && a?.call === b?.call && a?.result === b?.result;
const sameCall = (a: Step | undefined, b: Step | undefined): boolean =>
  a?.task === b?.task && a?.call === b?.call;

/**
 * Compares what a scenario did on two kernels, step by step. Where the results of one call differ the comparison goes
 * on; where the calls themselves do, the scenario took another way, and nothing after that is comparable.
 */
export function compareTranscripts(sim: Transcript, linux: Transcript): readonly Difference[] {
  const differences: Difference[] = [];
  for (let i = 0; i < Math.max(sim.length, linux.length); i++) {
    const [ours, theirs] = [sim[i], linux[i]];
    if (same(ours, theirs)) continue;
    differences.push({ step: i + 1, sim: ours, linux: theirs });
    if (!sameCall(ours, theirs)) break;
  }
  return differences;
}

export const formatStep = (step: Step | undefined): string =>
  step === undefined ? '(nothing more)' : `${step.task}: ${step.call} = ${step.result}`;

/** Both sides below each other, with the number of the step. */
export function formatDifference({ step, sim, linux }: Difference): string {
  const at = `step ${step}`;
  const pad = ' '.repeat(at.length);
  return `${at}  sim    ${formatStep(sim)}\n${pad}  linux  ${formatStep(linux)}`;
}
