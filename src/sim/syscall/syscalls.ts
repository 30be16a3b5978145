import { ERRNO } from '../../abi/index.ts';
import type { SyscallName, Syscalls } from '../../kernel/syscalls.ts';
import type { Lsm } from '../lsm/index.ts';
import { OutOfMemory } from '../mem/memory.ts';
import type { Task } from '../task/task.ts';
import type { Tasks } from '../task/tasks.ts';
import type { Call, CallContext } from './context.ts';
import { FILE_CALLS } from './file-calls.ts';
import { MEMORY_CALLS } from './memory-calls.ts';
import { SOCKET_CALLS } from './socket-calls.ts';
import { SYSCALLS, checkArguments } from './table.ts';
import { TASK_CALLS } from './task-calls.ts';

const { ENOMEM, ESRCH } = ERRNO;

const CALLS: { readonly [N in SyscallName]: Call<Parameters<Syscalls[N]>> } = {
  ...FILE_CALLS,
  ...TASK_CALLS,
  ...MEMORY_CALLS,
  ...SOCKET_CALLS,
};

/** What a system call needs beside its rooms. */
export interface Entry {
  readonly tasks: Tasks;
  readonly lsm: Lsm;
  /** Called as each system call begins: time passes. */
  begin(name: string): void;
  end(): void;
}

/** The system calls of one task, as functions. */
export function syscallsOf(entry: Entry, rooms: Omit<CallContext, 'task'>, task: Task): Syscalls {
  const context: CallContext = { ...rooms, task };
  const functions = (Object.keys(SYSCALLS) as SyscallName[]).map((name) => [
    name,
    (...args: unknown[]) => enter(entry, context, name, args),
  ]);
  return Object.fromEntries(functions) as Syscalls;
}

function enter(
  entry: Entry,
  context: CallContext,
  name: SyscallName,
  args: readonly unknown[],
): number {
  checkArguments(name, args);
  const { task } = context;
  if (!task.alive) return -ESRCH;
  const call = CALLS[name] as Call<readonly unknown[]>;
  const object = call.object && ((): string => call.object?.(context, ...args) ?? '');
  return asTask(entry, task, name, object, () => call.run(context, ...args));
}

/** Runs `act` as a system call of the task: time passes, the task is current, decisions name the object. */
export function asTask<T extends number>(
  entry: Entry,
  task: Task,
  name: string,
  object: (() => string) | undefined,
  act: () => T,
): T | number {
  const { tasks, lsm } = entry;
  const before = { task: tasks.current, object: lsm.object };
  entry.begin(name);
  tasks.current = task;
  lsm.object = object;
  try {
    return act();
  } catch (error) {
    if (error instanceof OutOfMemory) return -ENOMEM;
    throw error;
  } finally {
    lsm.object = before.object;
    tasks.current = before.task.alive ? before.task : tasks.current;
    entry.end();
  }
}
