#!/usr/bin/env node
import { runCli } from './run.ts';

// A reader that has seen enough, such as head(1), closes the pipe: that is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

// What a test file left running may fail after its test is over.
process.on('unhandledRejection', (reason) => {
  const message = reason instanceof Error ? reason.message : String(reason);
  process.stderr.write(`krsi: a promise that nobody waited for failed: ${message}\n`);
  process.exit(2);
});

process.exitCode = await runCli(process.argv.slice(2), process);
