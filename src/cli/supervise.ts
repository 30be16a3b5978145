/** What a test takes is milliseconds; one that waits for something that never comes takes forever. */
const TIME_LIMIT = 30_000;

async function toTheEnd(body: () => Promise<void>): Promise<void> {
  await body();
  // Node tells of strays only when all promises have settled: one turn of the event loop later.
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits for a test's body. Failures that nobody waits for (a promise without `await`, a throwing timer) are the
 * test's own while it runs.
 * @param limit in milliseconds. A loop that never gives way to others cannot be ended.
 * @throws Error when the body is not done in time, and what the body or its strays threw.
 */
export async function supervise(body: () => Promise<void>, limit = TIME_LIMIT): Promise<void> {
  let reject: ((reason: unknown) => void) | undefined;
  const failure = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  const fail = (reason: unknown): void => reject?.(reason);
  const late = (): void => fail(new Error(`the test was not done after ${limit / 1000} s`));
  const timer = setTimeout(late, limit);
  process.on('unhandledRejection', fail).on('uncaughtException', fail);
  try {
    await Promise.race([failure, toTheEnd(body)]);
  } finally {
    clearTimeout(timer);
    process.off('unhandledRejection', fail).off('uncaughtException', fail);
  }
}
