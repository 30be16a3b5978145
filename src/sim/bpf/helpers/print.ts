import { ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import type { BpfState } from '../state.ts';
import { isMapped, isUserAddress, memory, result, u32, type Helper } from './args.ts';
import { formatText, type FormatArgument, type FormatSource } from './format.ts';
import { readUserString } from './probe.ts';

const { EINVAL } = ERRNO;
/** What bpf_bprintf_prepare has room for. */
const BUFFER = 512;
const MAX_ARGUMENTS = 12;
const MAX_TRACE_LINES = 10_000;

const registerArgument = (call: Call, register: number): FormatArgument => [
  call.lo[register] ?? 0,
  call.hi[register] ?? 0,
];

function source(state: BpfState): FormatSource {
  const { mem } = state.host;
  const mapped = ([lo, hi]: FormatArgument, size: number): boolean =>
    hi === mem.baseHi && lo >>> 0 >= 4096 && (lo >>> 0) + size <= mem.size;
  const kernelString = (argument: FormatArgument): Uint8Array => {
    const at = argument[0] >>> 0;
    if (!mapped(argument, 1)) return new Uint8Array(0);
    const text = mem.u8.subarray(at, at + BUFFER);
    const end = text.indexOf(0);
    return text.slice(0, end < 0 ? BUFFER - 1 : end);
  };
  return {
    string(space, argument) {
      const user = isUserAddress(argument[1]);
      if (space === 'k' || (space === 's' && !user)) return kernelString(argument);
      const address = (argument[1] >>> 0) * 2 ** 32 + (argument[0] >>> 0);
      return readUserString(state.host.current, address, BUFFER)?.slice(0, -1) ?? new Uint8Array(0);
    },
    bytes: (argument, length) =>
      mapped(argument, length)
        ? mem.u8.slice(argument[0] >>> 0, (argument[0] >>> 0) + length)
        : new Uint8Array(length),
  };
}

/** The format string, which must end inside `size` bytes; -EINVAL if it does not. */
function formatAt(call: Call, at: number, size: number): string | number {
  const bytes = call.memory.u8.subarray(at, at + size);
  const end = bytes.indexOf(0);
  return end < 0 ? -EINVAL : String.fromCharCode(...bytes.subarray(0, end));
}

/** The array of 64-bit arguments that the `v` forms take; -EINVAL for a wrong length. */
function arrayArguments(call: Call, data: number, length: number): FormatArgument[] | number {
  const bytes = u32(call, length);
  if (bytes % 8 !== 0 || bytes > MAX_ARGUMENTS * 8) return -EINVAL;
  if (bytes === 0) return [];
  if (call.lo[data] === 0 && call.hi[data] === 0) return -EINVAL;
  const at = memory(call, data, bytes);
  const { view } = call.memory;
  return Array.from({ length: at === 0 ? 0 : bytes / 8 }, (_, i) => [
    view.getInt32(at + i * 8, true),
    view.getInt32(at + i * 8 + 4, true),
  ]);
}

function trace(state: BpfState, call: Call, args: readonly FormatArgument[] | number): void {
  const size = u32(call, 2);
  const at = memory(call, 1, size);
  if (at === 0) return;
  const format = formatAt(call, at, size);
  if (typeof format === 'number' || typeof args === 'number') return result(call, -EINVAL);
  const text = formatText(format, args, source(state));
  if (typeof text === 'number') return result(call, text);
  if (state.trace.length >= MAX_TRACE_LINES) state.trace.shift();
  state.trace.push(text.endsWith('\n') ? text.slice(0, -1) : text);
  result(call, text.length);
}

const tracePrintk: Helper = {
  gplOnly: true,
  make: (state) => (call) =>
    trace(
      state,
      call,
      [3, 4, 5].map((register) => registerArgument(call, register)),
    ),
};

const traceVprintk: Helper = {
  gplOnly: true,
  make: (state) => (call) => trace(state, call, arrayArguments(call, 3, 4)),
};

const snprintf: Helper = {
  gplOnly: true,
  make: (state) => (call) => {
    const size = u32(call, 2);
    const to = size === 0 ? 0 : memory(call, 1, size);
    const args = arrayArguments(call, 4, 5);
    const at = memory(call, 3, 1);
    if (at === 0 || (size > 0 && to === 0)) return;
    const format = formatAt(call, at, call.memory.size - at);
    if (typeof format === 'number' || typeof args === 'number') return result(call, -EINVAL);
    const text = formatText(format, args, source(state));
    if (typeof text === 'number') return result(call, text);
    const { u8 } = call.memory;
    const length = Math.min(text.length, size - 1);
    for (let i = 0; i < length; i++) u8[to + i] = text.charCodeAt(i);
    if (size > 0 && isMapped(call, to + length, 1)) u8[to + length] = 0;
    result(call, text.length + 1);
  },
};

export const PRINT_HELPERS: Readonly<Record<string, Helper>> = {
  trace_printk: tracePrintk,
  trace_vprintk: traceVprintk,
  snprintf,
};
