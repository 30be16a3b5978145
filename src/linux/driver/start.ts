import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SIG } from '../../abi/index.ts';
import type { Libc } from '../libc.ts';
import { mustCallAll } from '../must-call.ts';
import { SYS } from '../numbers.ts';
import { openArea } from './area.ts';
import { type DrivenTask, driveTask } from './task.ts';

/** Below the descriptors that a driver keeps. */
export const LAST_FD = 898;
const PR_SET_CHILD_SUBREAPER = 36;
/** `struct sigaction` of the kernel: the handler SIG_IGN, flags, restorer, mask. */
const IGNORE = new Uint8Array(new BigUint64Array([1n, 0n, 0n, 0n]).buffer);
const SIGSET_BYTES = 8;

/** The program of a driven task: always that of the sources; the build lies as deep in the package. */
export const DRIVER = fileURLToPath(new URL('../../../src/linux/driver/driver', import.meta.url));

/** A first driven task and all that come from it. */
export interface DriverFamily {
  readonly first: DrivenTask;
  /** Ends every task; returns when nothing of them is left. */
  close(): Promise<void>;
}

/** Starts a task in the namespaces and with the credentials of this process. It has no file open. */
export async function startDriver(libc: Libc): Promise<DriverFamily> {
  const area = openArea(libc);
  const self = libc.syscall(SYS.pidfd_open, process.pid, 0);
  const child = spawn(DRIVER, {
    stdio: ['ignore', 'ignore', 'ignore', area.fd, self],
    detached: true,
    cwd: '/',
    env: {},
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  libc.syscall(SYS.close, self);
  const { pid } = child;
  if (pid === undefined) {
    area.close();
    await ended;
    throw new Error('unreachable: a process without a pid has failed');
  }
  child.unref();
  const living = new Set<DrivenTask>();
  const first = driveTask({ libc, area, living }, pid, area.first);
  mustCallAll(first, [
    [SYS.close_range, 0, LAST_FD, 0],
    // Dead tasks go at once, with nobody waiting for them, also those that lost their parents.
    [SYS.rt_sigaction, SIG.CHLD, { bytes: IGNORE }, null, SIGSET_BYTES],
    [SYS.prctl, PR_SET_CHILD_SUBREAPER, 1],
  ]);
  const close = async (): Promise<void> => {
    // Children first: while their parent lives, it reaps them.
    for (const task of [...living].toReversed()) task.kill();
    child.ref();
    await ended;
    area.close();
  };
  return { first, close };
}
