import { CAP, ERRNO, PTRACE, PTRACE_MODE } from '../../abi/index.ts';
import { hookPoints, type Core } from './core.ts';
import type { Task } from './task.ts';
import type { Tasks } from './tasks.ts';

const { EIO, EPERM, ESRCH } = ERRNO;
const PT_PTRACED = 0x1;
const PT_SEIZED = 0x00010000;
const ATTACH_REALCREDS = PTRACE_MODE.ATTACH | PTRACE_MODE.REALCREDS;
const HOOKS = ['ptrace_access_check', 'ptrace_traceme'] as const;

/** ptrace(2): who traces whom (kernel/ptrace.c). */
export class Ptrace {
  readonly #core: Core;
  readonly #tasks: Tasks;
  readonly #hooks;

  constructor(core: Core, tasks: Tasks) {
    this.#core = core;
    this.#tasks = tasks;
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  ptrace(request: number, pid: number): number {
    if (request === PTRACE.TRACEME) return this.#traceme();
    const target = this.#tasks.find(pid);
    if (target === undefined) return -ESRCH;
    switch (request) {
      case PTRACE.ATTACH:
      case PTRACE.SEIZE:
        return this.#attach(target, request === PTRACE.SEIZE);
      default:
        if (target.tracer !== this.#tasks.current || !target.stopped) return -ESRCH;
        if (request !== PTRACE.DETACH) return -EIO;
        this.#tasks.untrace(target);
        return 0;
    }
  }

  #traceme(): number {
    const { current } = this.#tasks;
    if (current.tracer !== undefined || current.s.ptrace !== 0) return -EPERM;
    const refused = this.#hooks.ptrace_traceme.call(current.s.parent);
    if (refused < 0) return refused;
    const parent = [...this.#tasks.all].find((task) => task.addr === current.s.real_parent);
    current.s.ptrace = PT_PTRACED;
    if (parent !== undefined) this.#link(current, parent);
    return 0;
  }

  #attach(target: Task, seize: boolean): number {
    const { current } = this.#tasks;
    if (target === current) return -EPERM;
    const error = this.#mayAccess(target, ATTACH_REALCREDS);
    if (error < 0) return error;
    if (!target.alive || target.s.ptrace !== 0) return -EPERM;
    target.s.ptrace = PT_PTRACED | (seize ? PT_SEIZED : 0);
    this.#link(target, current);
    // PTRACE_ATTACH sends SIGSTOP; a seized task runs on.
    target.stopped = !seize;
    return 0;
  }

  /** __ptrace_may_access(): the same user, or CAP_SYS_PTRACE; a task that may be looked into; the LSMs. */
  #mayAccess(target: Task, mode: number): number {
    const { cred } = this.#tasks.current;
    const other = target.realCred;
    const { lsm } = this.#core;
    const sameUser = [other.euid, other.suid, other.uid].every((uid) => uid === cred.uid);
    const sameGroup = [other.egid, other.sgid, other.gid].every((gid) => gid === cred.gid);
    if (!(sameUser && sameGroup) && !this.#capable())
      return lsm.deniedByDac(`the task runs as ${other.uid}:${other.gid}`, EPERM);
    if (target.mm !== undefined && target.mm.dumpable !== 1 && !this.#capable())
      return lsm.deniedByDac('the task is not dumpable', EPERM);
    return this.#hooks.ptrace_access_check.call(target.addr, mode);
  }

  #capable(): boolean {
    return this.#tasks.current.capable(CAP.SYS_PTRACE);
  }

  /** __ptrace_link(). */
  #link(target: Task, tracer: Task): void {
    target.tracer = tracer;
    target.s.parent = tracer.addr;
    target.s.ptracer_cred = this.#tasks.creds.get(tracer.cred).addr;
  }
}
