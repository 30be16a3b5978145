#!/usr/bin/env node
import { runCli } from './run.ts';

// A reader that has seen enough, such as head(1), closes the pipe: that is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

// What a test file left running may fail after its test is over. While a test runs, it is the test that fails.
for (const event of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(event, (reason: unknown) => {
    if (process.listenerCount(event) > 1) return;
    const message = reason instanceof Error ? reason.message : String(reason);
    process.stderr.write(`krsi: nobody waited for what failed: ${message}\n`);
    process.exit(2);
  });

process.exitCode = await runCli(process.argv.slice(2), process);
// Timers that a test file left behind end here; what was written goes out first.
process.stdout.write('', () => process.exit());
