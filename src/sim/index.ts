export { asKernel } from './adapter.ts';
export { programImage } from './fs/program-image.ts';
export { bootKernel, SimKernel, type BootOptions } from './kernel.ts';
export {
  as,
  HookArgumentError,
  hookNames,
  hookPrototype,
  type FireArguments,
  type Fired,
  type GraphValue,
  type HookParam,
  type HookPrototype,
  type Typed,
} from './lsm/index.ts';
export type { CapName } from './mem/capset.ts';
export { STRUCTS } from './mem/structs.ts';
export { SYSCALLS, type SyscallRow } from './syscall/table.ts';
export type { Task as SimTask } from './task/task.ts';
export type { SpawnOptions } from './task/tasks.ts';
