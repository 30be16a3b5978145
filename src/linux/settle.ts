import { SIG } from '../abi/index.ts';
import type { DrivenTask } from './driver/index.ts';
import { statusOf } from './proc-status.ts';

/** A task that has to die does so at once, unless the machine is very busy. */
const PATIENCE = 5000;
/** Signals whose default is to do nothing, or to stop or go on. */
const HARMLESS: readonly number[] = [
  SIG.CHLD,
  SIG.CONT,
  SIG.STOP,
  SIG.TSTP,
  SIG.TTIN,
  SIG.TTOU,
  SIG.URG,
  SIG.WINCH,
];
const HARMLESS_MASK = HARMLESS.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);

/** Waits until those tasks are gone that a signal has killed: kill(2) only sends it. */
export async function settle(tasks: Iterable<DrivenTask>): Promise<void> {
  const until = performance.now() + PATIENCE;
  for (const task of tasks)
    while (isDying(task.pid) && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A deadly signal waits for the task, or it is on its way out. A traced one that is stopped dies by SIGKILL only. */
function isDying(pid: number): boolean {
  const status = statusOf(pid);
  if (status === undefined) return false;
  if (/^State:\t[XZ]/m.test(status)) return true;
  const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\t([0-9a-f]+)$/gm)]
    .map(([, mask]) => BigInt(`0x${mask}`))
    .reduce((all, mask) => all | mask, 0n);
  const deadly = pending & ~HARMLESS_MASK;
  const stopped = /^State:\t[Tt]/m.test(status);
  return (stopped ? deadly & (1n << BigInt(SIG.KILL - 1)) : deadly) !== 0n;
}
