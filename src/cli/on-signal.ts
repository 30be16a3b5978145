const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LONG_MS = 2 ** 30;

/**
 * Calls `act` with the name of each SIGINT, SIGTERM and SIGHUP in place of ending, and keeps the process alive.
 * @returns what gives the signals back.
 */
export function onSignal(act: (name: string) => void): () => void {
  const alive = setInterval(() => undefined, LONG_MS);
  for (const name of SIGNALS) process.on(name, act);
  return () => {
    clearInterval(alive);
    for (const name of SIGNALS) process.off(name, act);
  };
}
