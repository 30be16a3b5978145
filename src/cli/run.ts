import { run } from '@stricli/core';
import { app } from './app.ts';
import { toJson, type CliProcess, type Context } from './context.ts';

const FAILED = 1;
const UNUSABLE = 2;

/** https://no-color.org: any value but the empty one turns colours off. */
function takesColor({ stdout, env }: CliProcess): boolean {
  const forbidden = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return stdout.isTTY === true && !forbidden && env['TERM'] !== 'dumb';
}

/** Errors are one line, whatever a library made of them. */
const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ');

/**
 * Runs the command.
 * @returns the exit code: 0 for success, 1 when tests failed, 2 when the input cannot be used.
 */
export async function runCli(args: readonly string[], process: CliProcess): Promise<number> {
  let errors = '';
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  const inner: Context['process'] = {
    stdout: { write },
    stderr: {
      write: (text: string) => {
        errors += text;
      },
    },
  };
  const context = { process: inner, cwd: process.cwd(), color: takesColor(process), write };
  await run(app, args.length === 0 ? ['--help'] : args, context);
  if (errors === '') return inner.exitCode === FAILED ? FAILED : 0;
  if (args.includes('--json')) write(toJson({ error: oneLine(errors) }));
  else process.stderr.write(`krsi: ${oneLine(errors)}\n`);
  return UNUSABLE;
}
