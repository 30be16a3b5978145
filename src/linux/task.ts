import { errnoText, PTRACE } from '../abi/index.ts';
import type { Task, TaskOptions } from '../kernel/kernel.ts';
import { callsToBecome } from './become.ts';
import { bpf } from './bpf.ts';
import { type DrivenTask, LAST_FD } from './driver/index.ts';
import { mustCallAll } from './must-call.ts';
import { SYS } from './numbers.ts';
import { settle } from './settle.ts';
import { openTaskRingbuf } from './task-ringbuf.ts';
import { encodeSyscall } from './syscalls.ts';

/** As pid of kill(2). */
const EVERYBODY = -1;
const P_PID = 1;
const WSTOPPED = 2;
const WNOWAIT = 0x0100_0000;
const WALL = 0x4000_0000;

/** A driven task behind the interface that the simulated kernel's tasks have too. */
export function drivenTask(driven: DrivenTask): Task {
  return {
    pid: driven.pid,
    bpf: (command, attr) => Promise.resolve(bpf(driven, command, attr)),
    async call(name, ...args) {
      if (name === 'kill' && args[0] === EVERYBODY)
        throw new TypeError('kill(-1) would reach every process of this computer, not only tasks');
      const result = await driven.call(...encodeSyscall(name, args));
      if (name === 'kill') {
        await settle(driven.family());
        // Who kills itself never sees the result.
        return driven.alive ? result : 0;
      }
      if (name === 'ptrace' && args[0] === PTRACE.ATTACH && result === 0)
        awaitStop(driven, Number(args[1]));
      return result;
    },
    fork: () => {
      const child = driven.fork();
      return Promise.resolve(typeof child === 'number' ? { errno: -child } : drivenTask(child));
    },
    ringbuf: (mapFd) => Promise.resolve(openTaskRingbuf(driven, mapFd)),
    async exit(status = 0) {
      await driven.call(SYS.exit_group, status);
      await settle([driven]);
    },
  };
}

/**
 * A child of `parent` with the ids, capabilities and name asked for, and no file open.
 * @throws Error when a policy forbids a step.
 */
export function spawnFrom(parent: DrivenTask, options: TaskOptions): Task {
  const child = parent.fork();
  if (typeof child === 'number') throw new Error(`fork for spawn: ${errnoText(-child)}`);
  try {
    mustCallAll(child, [[SYS.close_range, 0, LAST_FD, 0], ...callsToBecome(options)]);
  } catch (error) {
    child.kill();
    throw error;
  }
  return drivenTask(child);
}

/** PTRACE_ATTACH sends SIGSTOP; what the tracer asks next, it asks of a task that has stopped. */
function awaitStop(tracer: DrivenTask, pid: number): void {
  tracer.syscall(SYS.waitid, P_PID, pid, null, WSTOPPED | WNOWAIT | WALL, null);
}
