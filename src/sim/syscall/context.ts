import type { Vfs } from '../fs/vfs.ts';
import type { Exec } from '../fs/exec.ts';
import type { Mapping } from '../mm/map.ts';
import type { Net } from '../net/net.ts';
import type { Ids } from '../task/ids.ts';
import type { Ptrace } from '../task/ptrace.ts';
import type { Signals } from '../task/signals.ts';
import type { Task } from '../task/task.ts';

/** The rooms that system calls hand their work to, and the task that made the call. */
export interface CallContext {
  readonly task: Task;
  readonly vfs: Vfs;
  readonly mapping: Mapping;
  readonly exec: Exec;
  readonly net: Net;
  readonly ids: Ids;
  readonly signals: Signals;
  readonly ptrace: Ptrace;
}

/** One system call: what it is about, for decision records, and what it does. */
export interface Call<A extends readonly unknown[]> {
  object?(context: CallContext, ...args: A): string;
  run(context: CallContext, ...args: A): number;
}
