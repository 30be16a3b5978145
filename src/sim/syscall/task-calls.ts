import type { Syscalls } from '../../kernel/syscalls.ts';
import type { Call, CallContext } from './context.ts';

type TaskCall = 'execve' | 'getpid' | 'setuid' | 'setgid' | 'kill' | 'ptrace';

/** A task as people name it: `sh(12)`. */
function ofPid({ vfs }: CallContext, pid: number): string {
  const task = vfs.tasks.find(pid);
  return task === undefined ? `pid ${pid}` : `${task.comm}(${pid})`;
}

export const TASK_CALLS: { readonly [N in TaskCall]: Call<Parameters<Syscalls[N]>> } = {
  execve: {
    object: (_context, path) => path,
    run: ({ exec, task }, path, argv, envp) => exec.execve(task, path, argv, envp),
  },
  getpid: { run: ({ task }) => task.tgid },
  setuid: {
    object: (_context, uid) => `uid ${uid}`,
    run: ({ ids }, uid) => ids.setuid(uid >>> 0),
  },
  setgid: {
    object: (_context, gid) => `gid ${gid}`,
    run: ({ ids }, gid) => ids.setgid(gid >>> 0),
  },
  kill: { object: ofPid, run: ({ signals }, pid, signal) => signals.kill(pid, signal) },
  ptrace: {
    object: (context, _request, pid) => ofPid(context, pid),
    run: ({ ptrace }, request, pid) => ptrace.ptrace(request, pid),
  },
};
