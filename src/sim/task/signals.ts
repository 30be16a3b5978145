import { CAP, ERRNO, SIG } from '../../abi/index.ts';
import { hookPoints, type Core } from './core.ts';
import type { Task } from './task.ts';
import type { Tasks } from './tasks.ts';

const { EINVAL, EPERM, ESRCH } = ERRNO;
const NSIG = 64;
/** Signals whose default is to do nothing, or to stop or go on, which tasks here do not notice. */
const HARMLESS: ReadonlySet<number> = new Set([
  SIG.CHLD,
  SIG.CONT,
  SIG.STOP,
  SIG.TSTP,
  SIG.TTIN,
  SIG.TTOU,
  SIG.URG,
  SIG.WINCH,
]);

/** kill(2) (kernel/signal.c). No program runs here, so every signal has its default effect. */
export class Signals {
  readonly #core: Core;
  readonly #tasks: Tasks;
  readonly #hooks;

  constructor(core: Core, tasks: Tasks) {
    this.#core = core;
    this.#tasks = tasks;
    this.#hooks = hookPoints(core.lsm, ['task_kill']);
  }

  /** @param pid a task; 0 the caller's process group, -1 all but init and the caller, -n process group n. */
  kill(pid: number, signal: number): number {
    const { current } = this.#tasks;
    if (pid > 0) {
      const target = this.#tasks.find(pid);
      return target === undefined ? -ESRCH : this.#send(target, signal);
    }
    const pgid = pid === 0 ? current.pgid : -pid;
    const targets = [...this.#tasks.all].filter((task) =>
      pid === -1 ? task.pid > 1 && task !== current : task.pgid === pgid,
    );
    if (targets.length === 0) return -ESRCH;
    return this.#sendAll(targets, signal, pid === -1);
  }

  /** One success is success; of the failures the last counts, and for all tasks -EPERM does not. */
  #sendAll(targets: readonly Task[], signal: number, everybody: boolean): number {
    let result: number | undefined;
    for (const target of targets) {
      if (!target.alive) continue;
      const error = this.#send(target, signal);
      if (everybody ? error !== -EPERM : result !== 0) result = error;
    }
    return result ?? (everybody ? 0 : -ESRCH);
  }

  #send(target: Task, signal: number): number {
    if (signal < 0 || signal > NSIG) return -EINVAL;
    const { current } = this.#tasks;
    if (target !== current && !this.#mayKill(target))
      return this.#core.lsm.deniedByDac(`the task runs as uid ${target.realCred.uid}`, EPERM);
    const error = this.#ask(target, signal);
    if (error < 0 || signal === 0) return error;
    if (target.pid !== 1 && !HARMLESS.has(signal)) this.#tasks.exit(target, signal);
    return 0;
  }

  /** kill_ok_by_cred(). */
  #mayKill(target: Task): boolean {
    const { cred } = this.#tasks.current;
    const { suid, uid } = target.realCred;
    const same = [cred.euid, cred.uid].some((id) => id === suid || id === uid);
    return same || this.#tasks.current.capable(CAP.KILL);
  }

  #ask(target: Task, signal: number): number {
    const { current } = this.#tasks;
    const info = this.#core.structs.kernel_siginfo.alloc();
    info.si_signo = signal;
    info.si_pid = current.tgid;
    info.si_uid = current.cred.uid;
    const error = this.#hooks.task_kill.call(target.addr, info.addr, signal, 0);
    this.#core.mem.free(info.addr);
    return error;
  }
}
