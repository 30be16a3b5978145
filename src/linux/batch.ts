import { ERRNO } from '../abi/index.ts';
import type { BpfCommands, BpfResult, MapBatch } from '../kernel/bpf.ts';
import type { Executor } from './executor.ts';
import { failure } from './failure.ts';
import { fieldsOf, invoke } from './invoke.ts';

/** Reads some elements. ENOENT says that there are no more; the count holds in both cases. */
export const readBatch =
  (command: 'MAP_LOOKUP_BATCH' | 'MAP_LOOKUP_AND_DELETE_BATCH') =>
  (executor: Executor, batch: BpfCommands[typeof command]['attr']): BpfResult<MapBatch> => {
    const fields = fieldsOf(batch);
    const { value, attr } = invoke(executor, command, fields);
    if (value < 0 && value !== -ERRNO.ENOENT) return failure(executor, command, fields, -value);
    return { ok: true, value: { count: attr.u32('count'), last: value < 0 } };
  };

/** Changes some elements; a refusal tells how many were done before it. */
export const writeBatch =
  <C extends 'MAP_UPDATE_BATCH' | 'MAP_DELETE_BATCH'>(command: C) =>
  (executor: Executor, batch: BpfCommands[C]['attr']): BpfResult<number> => {
    const fields = fieldsOf(batch);
    const { value, attr } = invoke(executor, command, fields);
    const done = attr.u32('count');
    if (value >= 0) return { ok: true, value: done };
    const refused = failure(executor, command, fields, -value);
    // Where the kernel refuses the call as a whole it leaves the count that was asked for.
    if (done >= batch.count) return refused;
    return {
      ...refused,
      reason: `${refused.reason}; ${done} of ${batch.count} elements were done`,
    };
  };
