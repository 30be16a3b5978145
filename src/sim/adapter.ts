import type { Kernel, RingBuffer, Task } from '../kernel/kernel.ts';
import type { BpfResult } from '../kernel/bpf.ts';
import type { SyscallName } from '../kernel/syscalls.ts';
import type { CapName } from './mem/capset.ts';
import type { RingReader } from './bpf/index.ts';
import type { SimKernel } from './kernel.ts';
import type { Task as SimTask } from './task/task.ts';

/** The simulated kernel behind the interface that the real one has too. */
export function asKernel(sim: SimKernel): Kernel {
  return {
    release: sim.release,
    version: sim.version,
    possibleCpus: sim.possibleCpus,
    btf: async () => sim.btf.bytes,
    config: async (name) => sim.config.get(name),
    self: asTask(sim, sim.init),
    async spawn({ caps, ...options } = {}) {
      const wanted = caps === undefined ? options : { ...options, caps: caps as CapName[] };
      return asTask(sim, sim.spawn(wanted));
    },
    decisions: () => sim.decisions(),
  };
}

function asTask(sim: SimKernel, task: SimTask): Task {
  const calls = sim.syscall(task);
  return {
    pid: task.pid,
    bpf: async (command, attr) => sim.bpfCall(task, command, attr),
    async call(name: SyscallName, ...args) {
      // Test files are not type-checked before they run.
      if (!Object.hasOwn(calls, name))
        throw new Error(`the simulated kernel has no system call '${name}'`);
      return (calls[name] as (...args: unknown[]) => number)(...args);
    },
    async fork() {
      const child = sim.fork(task);
      return typeof child === 'number' ? { errno: -child } : asTask(sim, child);
    },
    ringbuf: async (mapFd) => asRing(sim.ringbuf(task, mapFd)),
    exit: async (status) => sim.exit(task, status),
  };
}

function asRing(result: BpfResult<RingReader>): BpfResult<RingBuffer> {
  if (!result.ok) return result;
  const { value } = result;
  return {
    ok: true,
    value: {
      drain: async (visit) => value.drain(visit),
      consume: async () => value.consume(),
      wait: (timeout) => readable(value, timeout),
      stats: () => value.stats(),
      close: async () => value.close(),
    },
  };
}

/** The caller's time, not the kernel's: while somebody waits, others make the calls that fill the buffer. */
function readable(ring: RingReader, timeout: number | undefined): Promise<boolean> {
  if (ring.readable || !ring.open || timeout === 0) return Promise.resolve(ring.readable);
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(ring.readable);
    };
    const unsubscribe = ring.onChange(() => {
      if (!ring.open || ring.readable) end();
    });
    const timer = timeout === undefined ? undefined : setTimeout(end, timeout);
  });
}
