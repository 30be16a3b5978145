import { CAP, ERRNO } from '../../abi/index.ts';
import { hookPoints, type Core } from './core.ts';
import type { Cred } from './cred.ts';
import type { Tasks } from './tasks.ts';

const { EINVAL, ENOMEM, EPERM } = ERRNO;
const NO_ID = 0xffffffff;
const LSM_SETID_ID = 1;
const CAP_OPT_INSETID = 4;
const HOOKS = ['task_fix_setuid', 'task_fix_setgid'] as const;

/** setuid(2) and setgid(2) (kernel/sys.c). */
export class Ids {
  readonly #core: Core;
  readonly #tasks: Tasks;
  readonly #hooks;

  constructor(core: Core, tasks: Tasks) {
    this.#core = core;
    this.#tasks = tasks;
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  setuid(uid: number): number {
    return this.#change(uid, (next, old) => {
      if (this.#may('SETUID')) next.uid = next.suid = uid;
      else if (uid !== old.uid && uid !== next.suid)
        return this.#core.lsm.deniedByDac(`uid ${uid} is neither real nor saved`, EPERM);
      next.fsuid = next.euid = uid;
      return this.#hooks.task_fix_setuid.call(next.addr, old.addr, LSM_SETID_ID);
    });
  }

  setgid(gid: number): number {
    return this.#change(gid, (next, old) => {
      if (this.#may('SETGID')) next.gid = next.egid = next.sgid = next.fsgid = gid;
      else if (gid === old.gid || gid === old.sgid) next.egid = next.fsgid = gid;
      else return this.#core.lsm.deniedByDac(`gid ${gid} is neither real nor saved`, EPERM);
      return this.#hooks.task_fix_setgid.call(next.addr, old.addr, LSM_SETID_ID);
    });
  }

  #may(cap: 'SETUID' | 'SETGID'): boolean {
    return this.#tasks.current.capable(CAP[cap], CAP_OPT_INSETID);
  }

  #change(id: number, change: (next: Cred, old: Cred) => number): number {
    const { creds, current } = this.#tasks;
    if (id === NO_ID) return -EINVAL;
    const old = current.cred;
    const next = creds.prepare(old);
    if (next === undefined) return -ENOMEM;
    const error = change(next, old);
    if (error < 0) creds.put(next);
    else this.#tasks.commit(current, next);
    return error < 0 ? error : 0;
  }
}
