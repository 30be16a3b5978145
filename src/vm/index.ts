export { FIRST_MAPPED_OFFSET, STACK_SIZE } from './machine.ts';
export type {
  Call,
  Executable,
  Fault,
  HelperFunction,
  LinearMemory,
  Registers,
  RunResult,
} from './machine.ts';
export { prepare } from './prepare.ts';
export type { Prepared } from './prepare.ts';
export { createRunner, run } from './run.ts';
export type { RunOptions, Runner, RunnerOptions } from './run.ts';
