import { ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import type { Offset } from '../../mem/memory.ts';
import type { BpfTask } from '../host.ts';
import type { BpfState } from '../state.ts';
import { isMapped, isUserAddress, memory, pointer, result, u32, u64, type Helper } from './args.ts';

const { EFAULT, EINVAL, ENAMETOOLONG, ERANGE } = ERRNO;
const PAGE = 4096;

/** Copies from somewhere into kernel memory: 0, a length, or a negative errno. */
type Reader = (call: Call, source: number, to: Offset, size: number) => number;

/** copy_from_kernel_nofault: user addresses, NULL among them, are -ERANGE, unmapped kernel ones -EFAULT. */
const kernelBytes: Reader = (call, source, to, size) => {
  if (isUserAddress(call.hi[source] ?? 0)) return -ERANGE;
  const from = pointer(call, source);
  if (!isMapped(call, from, size)) return -EFAULT;
  call.memory.u8.copyWithin(to, from, from + size);
  return 0;
};

/** strncpy_from_kernel_nofault: the length with the NUL, which always is written. */
const kernelString: Reader = (call, source, to, size) => {
  if (isUserAddress(call.hi[source] ?? 0)) return -ERANGE;
  const from = pointer(call, source);
  const { u8 } = call.memory;
  for (let i = 0; i < size; i++) {
    if (!isMapped(call, from + i, 1)) return -EFAULT;
    const byte = u8[from + i] ?? 0;
    u8[to + i] = byte;
    if (byte === 0) return i + 1;
  }
  u8[to + size - 1] = 0;
  return size;
};

const userBytes =
  (task: (call: Call) => BpfTask | undefined): Reader =>
  (call, source, to, size) => {
    const bytes = isUserAddress(call.hi[source] ?? 0)
      ? task(call)?.mm?.read(u64(call, source), size)
      : undefined;
    if (bytes === undefined) return -EFAULT;
    call.memory.u8.set(bytes, to);
    return 0;
  };

const userString =
  (state: BpfState): Reader =>
  (call, source, to, size) => {
    const text = isUserAddress(call.hi[source] ?? 0)
      ? readUserString(state.host.current, u64(call, source), size)
      : undefined;
    if (text === undefined) return -EFAULT;
    call.memory.u8.set(text, to);
    return text.length;
  };

/**
 * Up to `size` bytes of a string, its NUL included or set in place of the last byte; undefined when the task has not
 * mapped all of it.
 */
export function readUserString(
  task: BpfTask,
  address: number,
  size: number,
): Uint8Array | undefined {
  const out = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const chunk = Math.min(size - done, PAGE - ((address + done) % PAGE));
    const bytes = task.mm?.read(address + done, chunk);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(0);
    out.set(end < 0 ? bytes : bytes.subarray(0, end), done);
    if (end >= 0) return out.subarray(0, done + end + 1);
    done += chunk;
  }
  out[size - 1] = 0;
  return out;
}

/** A helper (dst, size, src): a failed read leaves zeroes. */
const reads = (reader: (state: BpfState) => Reader, rest: Omit<Helper, 'make'> = {}): Helper => ({
  ...rest,
  make: (state) => {
    const read = reader(state);
    return (call) => {
      const size = u32(call, 2);
      if (size === 0) return result(call, 0);
      const to = memory(call, 1, size);
      if (to === 0) return;
      const done = read(call, 3, to, size);
      if (done < 0) call.memory.u8.fill(0, to, to + size);
      result(call, done);
    };
  },
});

/** The old helpers tell the spaces apart by the address. */
const either =
  (user: Reader, kernel: Reader): Reader =>
  (call, source, to, size) =>
    (isUserAddress(call.hi[source] ?? 0) ? user : kernel)(call, source, to, size);

const ofCurrent = (state: BpfState): Reader => userBytes(() => state.host.current);
const ofTask = (state: BpfState): Reader =>
  userBytes((call) => state.host.taskAt(pointer(call, 4)));

const copyFromUserTask: Helper = {
  gplOnly: true,
  make: (state) => {
    const copy = reads(ofTask).make(state);
    return (call) => (u64(call, 5) === 0 ? copy(call) : result(call, -EINVAL));
  },
};

const dPath: Helper = {
  make: (state) => (call) => {
    const size = u32(call, 3);
    if (size === 0) return result(call, 0);
    const buffer = memory(call, 2, size);
    const path = memory(call, 1, 1);
    if (buffer === 0 || path === 0) return;
    const text = state.host.dPath(path);
    if (typeof text === 'number') return result(call, text);
    const bytes = new TextEncoder().encode(`${text}\0`);
    if (bytes.length > size) return result(call, -ENAMETOOLONG);
    call.memory.u8.set(bytes, buffer);
    result(call, bytes.length);
  },
};

export const PROBE_HELPERS: Readonly<Record<string, Helper>> = {
  probe_read: reads((state) => either(ofCurrent(state), kernelBytes), { gplOnly: true }),
  probe_read_str: reads((state) => either(userString(state), kernelString), { gplOnly: true }),
  probe_read_kernel: reads(() => kernelBytes, { gplOnly: true }),
  probe_read_kernel_str: reads(() => kernelString, { gplOnly: true }),
  probe_read_user: reads(ofCurrent, { gplOnly: true }),
  probe_read_user_str: reads(userString, { gplOnly: true }),
  copy_from_user: reads(ofCurrent),
  copy_from_user_task: copyFromUserTask,
  d_path: dPath,
};
