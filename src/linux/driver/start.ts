import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Libc } from '../libc.ts';
import { openArea } from './area.ts';
import { type DrivenTask, driveTask } from './task.ts';

const SYS = { close: 3, pidfdOpen: 434 } as const;

/** The program of a driven task: from the sources, also when this runs from the build, which is as deep in the package. */
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
  const self = libc.syscall(SYS.pidfdOpen, process.pid, 0);
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
  const close = async (): Promise<void> => {
    // Children first: while their parent lives, it reaps them.
    for (const task of [...living].toReversed()) task.kill();
    child.ref();
    await ended;
    area.close();
  };
  return { first, close };
}
