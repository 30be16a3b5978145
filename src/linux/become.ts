import { CAP } from '../abi/index.ts';
import type { TaskOptions } from '../kernel/kernel.ts';
import { type Argument, cstring, type Executor } from './executor.ts';
import { mustCall } from './must-call.ts';

const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_SET_NAME = 15;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/**
 * Gives a task that is still root the ids, capabilities and name asked for.
 * @throws TypeError for a capability that is unknown; SyscallError when the kernel, or a policy, refuses a step.
 */
export function become(task: Executor, { uid = 0, gid = uid, caps, comm }: TaskOptions): void {
  const set = caps === undefined ? undefined : capabilitySet(caps);
  if (gid !== 0) mustCall(task, 'setresgid', gid, gid, gid);
  if (uid !== 0) {
    if (set !== undefined) mustCall(task, 'prctl', PR_SET_KEEPCAPS, 1);
    mustCall(task, 'setresuid', uid, uid, uid);
  }
  if (set !== undefined) {
    mustCall(task, 'capset', ...set);
    mustCall(task, 'prctl', PR_SET_KEEPCAPS, 0);
  }
  // Lost with the change of ids, but a task that has always been this user is as dumpable as any.
  if (uid !== 0 || gid !== 0 || set !== undefined) mustCall(task, 'prctl', PR_SET_DUMPABLE, 1);
  if (comm !== undefined) mustCall(task, 'prctl', PR_SET_NAME, cstring(comm));
}

/** `struct __user_cap_header_struct`, and two of `__user_cap_data_struct`: the low and the high 32 bits. */
function capabilitySet(names: readonly string[]): readonly Argument[] {
  const words = [0, 0];
  for (const name of names) {
    const bit = (CAP as Readonly<Record<string, number>>)[name.replace(/^CAP_/, '')];
    if (bit === undefined) throw new TypeError(`capability ${name} is unknown`);
    const half = bit >> 5;
    words[half] = (words[half] ?? 0) | (1 << (bit & 31));
  }
  const [low = 0, high = 0] = words;
  // Effective, permitted, inheritable.
  const data = new Int32Array([low, low, 0, high, high, 0]);
  const header = new Int32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  return [header, data].map(({ buffer }) => ({ bytes: new Uint8Array(buffer) }));
}
