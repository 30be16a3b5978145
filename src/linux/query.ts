import { ERRNO } from '../abi/index.ts';
import type { BpfCommands, BpfResult, ProgQuery, ProgTestRun, TaskFdQuery } from '../kernel/bpf.ts';
import { type Executor, textOf } from './executor.ts';
import { failure } from './failure.ts';
import { fieldsOf, invoke } from './invoke.ts';

const QUERY_EFFECTIVE = 1;

/** How many programs there are, then which: again when more came in between. */
export function queryPrograms(
  executor: Executor,
  query: BpfCommands['PROG_QUERY']['attr'],
): BpfResult<ProgQuery> {
  const fields = fieldsOf(query);
  // LSM_CGROUP wants room for the flags beside the ids; effective queries may not have it.
  const flagsToo = ((query.queryFlags ?? 0) & QUERY_EFFECTIVE) === 0;
  for (let room = 0; ;) {
    const ids = new Uint32Array(room);
    const flags = new Uint32Array(flagsToo ? room : 0);
    const arrays = {
      progCnt: room,
      progIds: new Uint8Array(ids.buffer),
      ...(flags.length > 0 && { progAttachFlags: new Uint8Array(flags.buffer) }),
    };
    const { value, attr } = invoke(executor, 'PROG_QUERY', { ...fields, ...arrays });
    if (value < 0 && value !== -ERRNO.ENOSPC)
      return failure(executor, 'PROG_QUERY', fields, -value);
    const count = attr.u32('prog_cnt');
    if (count <= room) {
      const out = {
        attachFlags: attr.u32('attach_flags'),
        progIds: [...ids.subarray(0, count)],
        progAttachFlags: [...flags.subarray(0, count)],
      };
      return { ok: true, value: out };
    }
    room = count;
  }
}

export function testRun(
  executor: Executor,
  run: BpfCommands['PROG_TEST_RUN']['attr'],
): BpfResult<ProgTestRun> {
  const { dataIn, dataOut, ctxIn, ctxOut } = run;
  const fields = {
    ...fieldsOf(run),
    ...(dataIn && { dataSizeIn: dataIn.length }),
    ...(dataOut && { dataSizeOut: dataOut.length }),
    ...(ctxIn && { ctxSizeIn: ctxIn.length }),
    ...(ctxOut && { ctxSizeOut: ctxOut.length }),
  };
  const { value, attr } = invoke(executor, 'PROG_TEST_RUN', fields);
  const out = {
    retval: attr.u32('retval'),
    duration: attr.u32('duration'),
    dataSizeOut: attr.u32('data_size_out'),
    ctxSizeOut: attr.u32('ctx_size_out'),
  };
  if (value >= 0) return { ok: true, value: out };
  const refused = failure(executor, 'PROG_TEST_RUN', fields, -value);
  if (value !== -ERRNO.ENOSPC || out.dataSizeOut <= (dataOut?.length ?? 0)) return refused;
  return { ...refused, reason: `the packet that came out has ${out.dataSizeOut} bytes` };
}

/** Longest name of a tracepoint or function, or path, that a query gives. */
const NAME_ROOM = 4096;

/** What perf event, kprobe or raw tracepoint is behind a descriptor of any task. */
export function queryTaskFd(
  executor: Executor,
  query: BpfCommands['TASK_FD_QUERY']['attr'],
): BpfResult<TaskFdQuery> {
  const name = new Uint8Array(NAME_ROOM);
  const fields = { ...fieldsOf(query), buf: name, bufLen: name.length };
  const { value, attr } = invoke(executor, 'TASK_FD_QUERY', fields);
  if (value < 0) return failure(executor, 'TASK_FD_QUERY', fields, -value);
  const out = {
    progId: attr.u32('prog_id'),
    fdType: attr.u32('fd_type'),
    name: textOf(name),
    probeOffset: attr.u64('probe_offset'),
    probeAddr: attr.u64('probe_addr'),
  };
  return { ok: true, value: out };
}
