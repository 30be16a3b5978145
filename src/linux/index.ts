export { cstring, type Argument, type Block, type Executor } from './executor.ts';
export { openLinux } from './kernel.ts';
export { LinuxUnavailableError, openLibc, type Libc } from './libc.ts';
export { type Machine, openMachine } from './machine.ts';
export * from './mount.ts';
export { SyscallError } from './must-call.ts';
export * from './token.ts';
