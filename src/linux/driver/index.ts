export type { Call } from './blocks.ts';
export { DRIVER, LAST_FD, startDriver } from './start.ts';
export { type DrivenTask, TaskHangsError } from './task.ts';
