import { createColors } from 'picocolors';
import { runCanary, type Canary } from '../canary.ts';
import { checkMachine, type Check } from '../checkup.ts';
import { openLinux } from '../../linux/index.ts';
import { LinuxUnavailableError } from '../../linux/index.ts';
import type { Kernel } from '../../kernel/index.ts';
import { toJson, type Context } from '../context.ts';

/** What is found on a machine, and what it comes to. */
export interface Examination {
  readonly checks: readonly Check[];
  readonly canary: Canary;
}

const EXIT: Readonly<Record<Canary['verdict'], number>> = {
  enforcing: 0,
  'not enforcing': 1,
  'could not tell': 2,
};

const WORDS: Readonly<Record<Check['state'], string>> = {
  ok: 'ok',
  no: 'NO',
  info: '',
  unknown: 'unknown',
};

/** The report for people. */
export function formatExamination({ checks, canary }: Examination, color: boolean): string {
  const { green, red, yellow, bold } = createColors(color);
  const paint = { ok: green, no: red, info: (text: string) => text, unknown: yellow };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, text, fix }) => [
    `${name.padEnd(width)}  ${paint[state](WORDS[state].padEnd(7))}  ${text}`,
    ...(fix === undefined ? [] : [`${' '.repeat(width + 11)}${bold('fix')}: ${fix}`]),
  ]);
  return `${lines.join('\n')}\n\n${verdictText(canary, { green, red, yellow })}\n`;
}

type Paint = (text: string) => string;

function verdictText(
  canary: Canary,
  paint: { readonly green: Paint; readonly red: Paint; readonly yellow: Paint },
): string {
  switch (canary.verdict) {
    case 'enforcing':
      return `${paint.green('ENFORCING')}: a canary program denied an operation to its own child, and it failed`;
    case 'not enforcing':
      return `${paint.red('NOT ENFORCING')}: ${canary.why}`;
    case 'could not tell':
      return `${paint.yellow('COULD NOT TELL')}: ${canary.why}`;
    default:
      return canary satisfies never;
  }
}

/** A machine whose LSM list has no bpf enforces nothing, whether the canary could be loaded or not. */
function judge(checks: readonly Check[], canary: Canary): Canary {
  const lsms = checks.find(({ name }) => name === 'active LSMs');
  if (canary.verdict !== 'could not tell' || lsms?.state !== 'no') return canary;
  return { verdict: 'not enforcing', why: `bpf is not among the active LSMs; ${canary.why}` };
}

async function watchCanary(kernel: Kernel): Promise<Canary> {
  try {
    return await runCanary(kernel);
  } catch (error) {
    if (!(error instanceof LinuxUnavailableError)) throw error;
    return { verdict: 'could not tell', why: error.message };
  }
}

/** `krsi doctor` */
export async function examine(
  context: Context,
  { json }: { readonly json: boolean },
): Promise<void> {
  const kernel = await openLinux();
  const checks = await checkMachine(kernel);
  const canary = judge(checks, await watchCanary(kernel));
  const examination = { checks, canary };
  if (json) context.write(toJson({ kernel: kernel.release, ...examination }));
  else context.write(formatExamination(examination, context.color));
  context.process.exitCode = EXIT[canary.verdict];
}
