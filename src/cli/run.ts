import { run } from '@stricli/core';
import { app } from './app.ts';
import { toJson, type CliProcess, type Context } from './context.ts';

const UNUSABLE = 2;
const JSON_FLAGS = new Set(['--json', '-j', '--pretty', '-p']);
const VERB_FLAGS = new Set([...JSON_FLAGS, '--bpffs', '-f']);

/** https://no-color.org: any value but the empty one turns colours off. */
function takesColor({ stdout, env }: CliProcess): boolean {
  const forbidden = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return stdout.isTTY === true && !forbidden && env['TERM'] !== 'dumb';
}

/** Options of bpftool may stand before its verbs: `-j prog show`. */
function optionsLast(args: readonly string[]): readonly string[] {
  const first = args.findIndex((arg) => !VERB_FLAGS.has(arg));
  return first > 0 ? [...args.slice(first), ...args.slice(0, first)] : args;
}

/** Errors are one line, whatever a library made of them. */
const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ');

/**
 * Runs the command.
 * @returns the exit code: 0 for success, 2 when the command or its input cannot be used, else what the command says.
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
  const warn = (text: string): void => {
    process.stderr.write(text);
  };
  const context = { process: inner, cwd: process.cwd(), color: takesColor(process), write, warn };
  await run(app, args.length === 0 ? ['--help'] : optionsLast(args), context);
  if (errors === '') return typeof inner.exitCode === 'number' ? inner.exitCode : 0;
  if (args.some((arg) => JSON_FLAGS.has(arg))) write(toJson({ error: oneLine(errors) }));
  else process.stderr.write(`krsi: ${oneLine(errors)}\n`);
  return UNUSABLE;
}
