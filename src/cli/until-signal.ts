const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What ends a command that runs until it is told to stop. */
export interface Interruption {
  /** Resolves with the name of the first signal. */
  readonly signal: Promise<string>;
  /** Signals do again what they do by default. */
  stop(): void;
}

/** Takes SIGINT, SIGTERM and SIGHUP over, and keeps the process alive meanwhile. */
export function untilSignal(): Interruption {
  let stop = (): void => {};
  const signal = new Promise<string>((resolve) => {
    const alive = setInterval(() => {}, 2 ** 30);
    for (const name of SIGNALS) process.on(name, resolve);
    stop = () => {
      clearInterval(alive);
      for (const name of SIGNALS) process.off(name, resolve);
    };
  });
  return { signal, stop: () => stop() };
}
