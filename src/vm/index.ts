export { FIRST_MAPPED_OFFSET } from './machine.ts';
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
export { STACK_SIZE, run } from './run.ts';
export type { RunOptions } from './run.ts';
