import type { Task, TaskOptions } from '../kernel/kernel.ts';
import { callsToBecome } from './become.ts';
import { bpf } from './bpf.ts';
import { startDriver } from './driver/index.ts';
import type { Libc } from './libc.ts';
import { mustCallAll } from './must-call.ts';
import { openRingbuf } from './ringbuf.ts';
import { encodeSyscall } from './syscalls.ts';
import { drivenTask } from './task.ts';

/** The process that this runs in. */
export function selfTask(libc: Libc): Task {
  return {
    pid: process.pid,
    bpf: (command, attr) => Promise.resolve(bpf(libc, command, attr)),
    call: (name, ...args) => Promise.resolve(libc.syscall(...encodeSyscall(name, args))),
    ringbuf: (mapFd) => Promise.resolve(openRingbuf(libc, mapFd)),
    fork: () => Promise.reject(new TypeError('a process of Node cannot fork: spawn a task')),
    exit: (status = 0) => process.exit(status),
  };
}

/** A process of its own beside this one, which makes the calls that it is told to. */
export async function spawnTask(libc: Libc, options: TaskOptions): Promise<Task> {
  const family = await startDriver(libc);
  try {
    mustCallAll(family.first, callsToBecome(options));
  } catch (error) {
    await family.close();
    throw error;
  }
  const task = drivenTask(family.first);
  return {
    ...task,
    exit: async (status) => {
      await task.exit(status);
      await family.close();
    },
  };
}
