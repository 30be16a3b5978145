#!/usr/bin/env node
import { runCli } from './run.ts';

// A reader that has seen enough, such as head(1), closes the pipe: that is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

process.exitCode = await runCli(process.argv.slice(2), process);
