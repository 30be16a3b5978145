/** One line of the report. */
export interface Row {
  readonly what: string;
  readonly unit: 'ns' | 'us' | 'ms';
  readonly median: number;
  /** The fastest sample: on a busy machine it is the nearest to what the work itself takes. */
  readonly best: number;
  readonly samples: number;
}

const PER_MILLISECOND = { ns: 1e6, us: 1e3, ms: 1 } as const;
const MIN_SAMPLE_MS = 1;
const BUDGET_MS = 400;

function time(run: () => void, times: number): number {
  const start = performance.now();
  for (let i = 0; i < times; i++) run();
  return performance.now() - start;
}

/** How many runs make a sample that the clock can tell from nothing; finding out also warms the code up. */
function runsPerSample(run: () => void): number {
  let times = 1;
  while (time(run, times) < MIN_SAMPLE_MS) times *= 2;
  return times;
}

/**
 * Runs something over and over, for about half a second, in samples of at least a millisecond.
 * @param per how many things one run does: the result is the time of one.
 */
export function measure(what: string, unit: Row['unit'], run: () => void, per = 1): Row {
  const warmUntil = performance.now() + BUDGET_MS / 4;
  while (performance.now() < warmUntil) run();
  const times = runsPerSample(run);
  const samples: number[] = [];
  const end = performance.now() + BUDGET_MS;
  while (performance.now() < end || samples.length < 5) samples.push(time(run, times));
  samples.sort((a, b) => a - b);
  const one = (sample: number): number => (sample / times / per) * PER_MILLISECOND[unit];
  const median = one(samples[samples.length >> 1]!);
  return { what, unit, median, best: one(samples[0]!), samples: samples.length };
}
