import type { BpfCommand, BpfCommands, BpfResult } from '../kernel/bpf.ts';
import { readBatch, writeBatch } from './batch.ts';
import type { Executor } from './executor.ts';
import { failure } from './failure.ts';
import { fieldsOf, invoke, simple } from './invoke.ts';
import { loadBtf, loadProgram } from './load.ts';
import { objectInfo } from './object-info.ts';
import { queryPrograms, queryTaskFd, testRun } from './query.ts';

type Handler<C extends BpfCommand> = (
  executor: Executor,
  attr: BpfCommands[C]['attr'],
) => BpfResult<BpfCommands[C]['out']>;

type WithNumber = {
  [C in BpfCommand]: BpfCommands[C]['out'] extends number ? C : never;
}[BpfCommand];

/** A command that is its attributes, and whose answer is a descriptor or 0. */
const plain =
  <C extends WithNumber>(command: C) =>
  (executor: Executor, attr: BpfCommands[C]['attr']): BpfResult<number> =>
    simple(executor, command, fieldsOf(attr));

/** The walk over the ids of one kind of object. */
const nextId =
  (command: Extract<BpfCommand, `${string}_GET_NEXT_ID`>) =>
  (executor: Executor, fields: { readonly startId: number }): BpfResult<number> => {
    const { value, attr } = invoke(executor, command, { ...fields });
    if (value < 0) return failure(executor, command, { ...fields }, -value);
    return { ok: true, value: attr.u32('next_id') };
  };

const HANDLERS: { readonly [C in BpfCommand]: Handler<C> } = {
  MAP_CREATE: plain('MAP_CREATE'),
  MAP_LOOKUP_ELEM: plain('MAP_LOOKUP_ELEM'),
  MAP_UPDATE_ELEM: plain('MAP_UPDATE_ELEM'),
  MAP_DELETE_ELEM: plain('MAP_DELETE_ELEM'),
  MAP_GET_NEXT_KEY: plain('MAP_GET_NEXT_KEY'),
  MAP_LOOKUP_AND_DELETE_ELEM: plain('MAP_LOOKUP_AND_DELETE_ELEM'),
  MAP_FREEZE: plain('MAP_FREEZE'),
  MAP_LOOKUP_BATCH: readBatch('MAP_LOOKUP_BATCH'),
  MAP_LOOKUP_AND_DELETE_BATCH: readBatch('MAP_LOOKUP_AND_DELETE_BATCH'),
  MAP_UPDATE_BATCH: writeBatch('MAP_UPDATE_BATCH'),
  MAP_DELETE_BATCH: writeBatch('MAP_DELETE_BATCH'),
  PROG_LOAD: loadProgram,
  BTF_LOAD: loadBtf,
  OBJ_PIN: plain('OBJ_PIN'),
  OBJ_GET: plain('OBJ_GET'),
  PROG_ATTACH: plain('PROG_ATTACH'),
  PROG_DETACH: plain('PROG_DETACH'),
  PROG_TEST_RUN: testRun,
  PROG_QUERY: queryPrograms,
  PROG_GET_NEXT_ID: nextId('PROG_GET_NEXT_ID'),
  MAP_GET_NEXT_ID: nextId('MAP_GET_NEXT_ID'),
  BTF_GET_NEXT_ID: nextId('BTF_GET_NEXT_ID'),
  LINK_GET_NEXT_ID: nextId('LINK_GET_NEXT_ID'),
  PROG_GET_FD_BY_ID: plain('PROG_GET_FD_BY_ID'),
  MAP_GET_FD_BY_ID: plain('MAP_GET_FD_BY_ID'),
  BTF_GET_FD_BY_ID: plain('BTF_GET_FD_BY_ID'),
  LINK_GET_FD_BY_ID: plain('LINK_GET_FD_BY_ID'),
  OBJ_GET_INFO_BY_FD: objectInfo,
  RAW_TRACEPOINT_OPEN: plain('RAW_TRACEPOINT_OPEN'),
  TASK_FD_QUERY: queryTaskFd,
  LINK_CREATE: plain('LINK_CREATE'),
  LINK_UPDATE: plain('LINK_UPDATE'),
  LINK_DETACH: plain('LINK_DETACH'),
  ENABLE_STATS: plain('ENABLE_STATS'),
  ITER_CREATE: plain('ITER_CREATE'),
  PROG_BIND_MAP: plain('PROG_BIND_MAP'),
  TOKEN_CREATE: plain('TOKEN_CREATE'),
};

/**
 * bpf(2), made by `executor`'s task.
 * @throws TypeError for a command or field that is unknown here.
 */
export function bpf<C extends BpfCommand>(
  executor: Executor,
  command: C,
  attr: BpfCommands[C]['attr'],
): BpfResult<BpfCommands[C]['out']> {
  if (!Object.hasOwn(HANDLERS, command)) throw new TypeError(`bpf command ${command} is unknown`);
  const handler: Handler<C> = HANDLERS[command];
  return handler(executor, attr);
}
