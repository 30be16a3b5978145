export { openLinux } from './kernel.ts';
export { LinuxUnavailableError } from './libc.ts';
export { SyscallError } from './must-call.ts';
export { type Machine, openMachine } from './machine.ts';
