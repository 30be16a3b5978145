import { existsSync } from 'node:fs';
import { describe, expect, vi } from 'vitest';
import { ERRNO, O, SIG } from '../../abi/index.ts';
import { cstring } from '../executor.ts';
import { SYS } from '../numbers.ts';
import { onLinux } from '../testdata/host.ts';
import { DRIVER, type DrivenTask, startDriver, TaskHangsError } from './index.ts';

const { EBADF, EFAULT, ENOSYS, ESRCH } = ERRNO;
const [GETPID, GETPPID, PIPE, KILL, EXECVE, NO_SUCH_CALL] = [39, 110, 22, 62, 59, 9999];

/** A test with a first task, all of whose family ends with it. */
function withTask(name: string, run: (task: DrivenTask) => Promise<void> | void): void {
  onLinux(name, async (libc) => {
    const family = await startDriver(libc);
    try {
      await run(family.first);
    } finally {
      await family.close();
    }
  });
}

function fork(task: DrivenTask): DrivenTask {
  const child = task.fork();
  if (typeof child === 'number') throw new Error(`fork gave ${child}`);
  return child;
}

const execve = (task: DrivenTask): number =>
  task.syscall(
    EXECVE,
    cstring(DRIVER),
    { bytes: new Uint8Array(16), pointers: [{ offset: 0, to: cstring('name') }] },
    null,
  );

describe('a driven task', () => {
  withTask('makes the system calls it is told to', (task) => {
    expect(task.syscall(GETPID)).toBe(task.pid);
    expect(task.syscall(GETPPID)).toBe(process.pid);
    expect(task.syscall(NO_SUCH_CALL)).toBe(-ENOSYS);
  });

  withTask('fills the bytes it is given', (task) => {
    const fd = task.syscall(SYS.open, cstring(DRIVER), O.RDONLY);
    const bytes = new Uint8Array(4);
    expect(task.syscall(SYS.read, fd, { bytes }, bytes.length)).toBe(4);
    expect([...bytes]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  });

  withTask('survives addresses that lead nowhere', (task) => {
    expect(task.syscall(SYS.open, 8, 0)).toBe(-EFAULT);
    expect(task.syscall(GETPID)).toBe(task.pid);
  });

  withTask('has no file open at first', (task) => {
    for (const fd of [0, 1, 2, 3]) expect(task.syscall(SYS.close, fd)).toBe(-EBADF);
    expect(task.syscall(SYS.open, cstring('/dev/null'), 0)).toBe(0);
  });

  withTask('goes on after execve, with its files and its pid', (task) => {
    expect(task.syscall(SYS.open, cstring('/dev/null'), 0)).toBe(0);
    expect(execve(task)).toBe(0);
    expect(task.syscall(GETPID)).toBe(task.pid);
    expect(task.syscall(SYS.close, 0)).toBe(0);
  });

  withTask('forks, and its children do, before and after execve', (task) => {
    const child = fork(task);
    expect([child.syscall(GETPID), child.syscall(GETPPID)]).toEqual([child.pid, task.pid]);
    expect(execve(child)).toBe(0);
    const grandchild = fork(child);
    expect(execve(grandchild)).toBe(0);
    expect(grandchild.syscall(GETPPID)).toBe(child.pid);
    expect(task.syscall(GETPID)).toBe(task.pid);
  });

  withTask('makes calls in a row up to the first that fails', (task) => {
    expect(task.syscalls([[GETPID], [SYS.close, 5], [GETPID]])).toEqual([task.pid, -EBADF]);
    const many = Array.from({ length: 200 }, () => [GETPID] as const);
    expect(task.syscalls(many)).toEqual(many.map(() => task.pid));
  });

  withTask('leaves this process free while a call blocks', async (task) => {
    const ends = new Uint8Array(8);
    expect(task.syscall(PIPE, { bytes: ends })).toBe(0);
    const [from = 0, to = 0] = new Int32Array(ends.buffer);
    const reader = fork(task);
    const bytes = new Uint8Array(1);
    const read = reader.call(SYS.read, from, { bytes }, 1);
    expect(task.syscall(SYS.write, to, { bytes: Uint8Array.of(7) }, 1)).toBe(1);
    expect(await read).toBe(1);
    expect(bytes[0]).toBe(7);
  });

  withTask('makes one call at a time, in order', async (task) => {
    const ends = new Uint8Array(8);
    task.syscall(PIPE, { bytes: ends });
    const [from = 0, to = 0] = new Int32Array(ends.buffer);
    const other = fork(task);
    const bytes = new Uint8Array(1);
    const read = task.call(SYS.read, from, { bytes }, 1);
    const then = task.call(GETPID);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(() => task.syscall(GETPID)).toThrow(TaskHangsError);
    other.syscall(SYS.write, to, { bytes: Uint8Array.of(7) }, 1);
    expect(await Promise.all([read, then])).toEqual([1, task.pid]);
  });

  withTask('that hangs is an error, which says what it does', async (task) => {
    const child = fork(task);
    expect(task.syscall(KILL, child.pid, SIG.STOP)).toBe(0);
    const now = vi.spyOn(performance, 'now');
    let time = 0;
    now.mockImplementation(() => (time += 10_000));
    const stopped = `task ${child.pid} (T (stopped)) has not come back from system call ${GETPID}`;
    expect(() => child.syscall(GETPID)).toThrow(stopped);
    now.mockRestore();
    expect(() => child.syscall(GETPID)).toThrow(TaskHangsError);
    expect(task.syscall(GETPID)).toBe(task.pid);
  });

  withTask('that dies in a call gives ESRCH, then and later', async (task) => {
    const child = fork(task);
    expect(child.syscall(SYS.exit_group, 3)).toBe(-ESRCH);
    expect(child.alive).toBe(false);
    expect(child.syscall(GETPID)).toBe(-ESRCH);
    expect(await child.call(GETPID)).toBe(-ESRCH);
    expect(child.fork()).toBe(-ESRCH);
    expect(child.syscalls([[GETPID]])).toEqual([-ESRCH]);
    const other = fork(task);
    expect(await other.call(KILL, other.pid, SIG.SEGV)).toBe(-ESRCH);
  });

  withTask('has room for a lot, and says when it is too much', (task) => {
    const fd = task.syscall(SYS.open, cstring('/dev/null'), O.WRONLY);
    const bytes = new Uint8Array(20 << 20);
    expect(task.syscall(SYS.write, fd, { bytes }, bytes.length)).toBe(bytes.length);
    const tooMuch = { bytes: new Uint8Array(33 << 20) };
    expect(() => task.syscall(SYS.write, fd, tooMuch, 1)).toThrow(RangeError);
    expect(task.syscall(GETPID)).toBe(task.pid);
  });

  onLinux('takes its whole family with it', async (libc) => {
    const family = await startDriver(libc);
    const orphan = fork(fork(family.first));
    const tasks = [family.first, ...family.first.family(), orphan];
    await family.close();
    for (const { pid, alive } of tasks)
      expect({ alive, there: existsSync(`/proc/${pid}`) }).toEqual({ alive: false, there: false });
  });

  withTask('is one of at most 120', (task) => {
    const spawnAll = (): void => {
      for (let i = 0; i < 120; i++) fork(task);
    };
    expect(spawnAll).toThrow('at most 120 tasks');
    const [, last] = [...task.family()];
    last?.kill();
    expect(fork(task).syscall(GETPPID)).toBe(task.pid);
  });
});
