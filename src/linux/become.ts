import { CAP } from '../abi/index.ts';
import type { TaskOptions } from '../kernel/kernel.ts';
import type { Call } from './driver/index.ts';
import { type Argument, cstring } from './executor.ts';
import { SYS } from './numbers.ts';

const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_SET_NAME = 15;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/**
 * The calls by which a task that is still root gets the ids, capabilities and name asked for.
 * @throws TypeError for a capability that is unknown.
 */
export function callsToBecome({ uid = 0, gid = uid, caps, comm }: TaskOptions): readonly Call[] {
  const calls: Call[] = [];
  if (gid !== 0) calls.push([SYS.setresgid, gid, gid, gid]);
  if (uid !== 0) {
    if (caps !== undefined) calls.push([SYS.prctl, PR_SET_KEEPCAPS, 1]);
    calls.push([SYS.setresuid, uid, uid, uid]);
  }
  if (caps !== undefined)
    calls.push([SYS.capset, ...capabilitySet(caps)], [SYS.prctl, PR_SET_KEEPCAPS, 0]);
  // Lost with the change of ids, but a task that has always been this user is as dumpable as any.
  if (calls.length > 0) calls.push([SYS.prctl, PR_SET_DUMPABLE, 1]);
  if (comm !== undefined) calls.push([SYS.prctl, PR_SET_NAME, cstring(comm)]);
  return calls;
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
