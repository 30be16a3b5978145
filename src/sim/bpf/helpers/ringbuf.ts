import { BPF_RB_QUERY, ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import { commitRecord } from '../maps/ringbuf.ts';
import type { RingBuffer } from '../maps/ops.ts';
import type { BpfState } from '../state.ts';
import { mapArgument, memory, pointerResult, result, u64, type Helper } from './args.ts';

const { EINVAL, EAGAIN } = ERRNO;
/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: every record wakes its readers here. */
const WAKEUP_FLAGS = 3;

function ring(state: BpfState, call: Call): RingBuffer | undefined {
  const map = mapArgument(state, call, 1);
  if (map !== undefined && map.ops.ring === undefined)
    call.fault(`R1 is map ${map.name}, which is no ring buffer`);
  return map?.ops.ring;
}

const reserve: Helper = {
  make: (state) => (call) => {
    const buffer = ring(state, call);
    if (buffer === undefined) return;
    pointerResult(call, u64(call, 3) === 0 ? buffer.reserve(u64(call, 2)) : 0);
  },
};

const output: Helper = {
  make: (state) => (call) => {
    const buffer = ring(state, call);
    if (buffer === undefined) return;
    const size = u64(call, 3);
    if (u64(call, 4) > WAKEUP_FLAGS) return result(call, -EINVAL);
    const data = memory(call, 2, size);
    if (data === 0) return;
    const record = buffer.reserve(size);
    if (record === 0) return result(call, -EAGAIN);
    const { mem } = state.host;
    mem.u8.copyWithin(record, data, data + size);
    commitRecord(mem, record, false);
    state.recordCommitted();
    result(call, 0);
  },
};

const end = (discard: boolean): Helper => ({
  make: (state) => (call) => {
    const record = memory(call, 1, 0);
    if (record === 0) return;
    commitRecord(state.host.mem, record, discard);
    state.recordCommitted();
  },
});

const query: Helper = {
  make: (state) => (call) => {
    const buffer = ring(state, call);
    if (buffer === undefined) return;
    switch (u64(call, 2)) {
      case BPF_RB_QUERY.AVAIL_DATA:
        return result(call, buffer.producer - buffer.consumer);
      case BPF_RB_QUERY.RING_SIZE:
        return result(call, buffer.size);
      case BPF_RB_QUERY.CONS_POS:
        return result(call, buffer.consumer);
      case BPF_RB_QUERY.PROD_POS:
        return result(call, buffer.producer);
      default:
        return result(call, 0);
    }
  },
};

export const RINGBUF_HELPERS: Readonly<Record<string, Helper>> = {
  ringbuf_output: output,
  ringbuf_reserve: reserve,
  ringbuf_submit: end(false),
  ringbuf_discard: end(true),
  ringbuf_query: query,
};
