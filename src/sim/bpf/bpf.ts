import { BPF_CMD, ERRNO, FormatError, errnoName } from '../../abi/index.ts';
import { checkBtf, readBtf, type Btf } from '../../btf/index.ts';
import type { BpfCommand, BpfCommands, BpfResult } from '../../kernel/bpf.ts';
import type { Offset } from '../mem/memory.ts';
import { attrSize, writeAttr } from './attr.ts';
import { CAP_BPF, capable } from './capabilities.ts';
import type { BpfHost, BpfTask } from './host.ts';
import { infoByFd } from './info.ts';
import { createLink, openRawTracepoint } from './link-commands.ts';
import { deleteElem, freezeMap, lookupElem, nextKey, updateElem } from './map-commands.ts';
import { createMap } from './map-create.ts';
import { Refusal, refuse } from './objects.ts';
import { loadProgram } from './prog-load.ts';
import { openRing, type RingReader } from './ring-reader.ts';
import { BpfBtf, BpfState } from './state.ts';

type Attr<C extends BpfCommand> = BpfCommands[C]['attr'];
type Handler<C extends BpfCommand> = (
  state: BpfState,
  task: BpfTask,
  attr: Attr<C>,
  attrAt: Offset,
) => BpfCommands[C]['out'];

/** The commands that are modelled; {@link Bpf.call} refuses all others by name. */
const HANDLERS: { readonly [C in BpfCommand]?: Handler<C> } = {
  MAP_CREATE: createMap,
  MAP_LOOKUP_ELEM: lookupElem,
  MAP_UPDATE_ELEM: updateElem,
  MAP_DELETE_ELEM: deleteElem,
  MAP_GET_NEXT_KEY: nextKey,
  MAP_FREEZE: freezeMap,
  PROG_LOAD: loadProgram,
  BTF_LOAD: loadBtf,
  LINK_CREATE: createLink,
  RAW_TRACEPOINT_OPEN: openRawTracepoint,
  OBJ_GET_INFO_BY_FD: (_state, task, attr) => infoByFd(task, attr),
};

/** Hooks that see the attributes of a command. */
const ATTR_HOOKS = ['bpf', 'bpf_map_create', 'bpf_prog_load'] as const;

/** bpf(2) of one kernel. */
export class Bpf {
  readonly #state: BpfState;

  constructor(host: BpfHost) {
    this.#state = new BpfState(host);
    this.#state.freeStorageWithOwners();
  }

  /** What programs printed with bpf_trace_printk: the messages, oldest first. */
  get trace(): readonly string[] {
    return this.#state.trace;
  }

  /** One command of bpf(2), as `task`. Every refusal tells its reason. */
  call<C extends BpfCommand>(
    task: BpfTask,
    command: C,
    attr: Attr<C>,
  ): BpfResult<BpfCommands[C]['out']> {
    return outcome(() => {
      const handler: Handler<C> | undefined = HANDLERS[command];
      if (handler === undefined)
        return refuse(ERRNO.EINVAL, `bpf command BPF_${command} is not modelled`);
      return this.#withAttr(command, attr, (at) => {
        const number: number = BPF_CMD[command];
        const refused = this.#state.host.lsm
          .hook('bpf')
          .call(number, at, at === 0 ? 0 : attrSize(command), 0);
        if (refused < 0) refuse(-refused, `an LSM refused: ${errnoName(refused)}`);
        return handler(this.#state, task, attr, at);
      });
    });
  }

  /** Maps the ring buffer behind a descriptor for reading; it keeps the map until it is closed. */
  ringbuf(task: BpfTask, mapFd: number): BpfResult<RingReader> {
    return outcome(() => openRing(this.#state, this.#state.map(task, mapFd)));
  }

  /** Every object that still lives, described: empty when all was released. */
  leaks(): string[] {
    return this.#state.leaks();
  }

  #withAttr<T>(command: BpfCommand, attr: object, use: (at: Offset) => T): T {
    const { mem, lsm } = this.#state.host;
    if (ATTR_HOOKS.every((hook) => lsm.hook(hook).idle)) return use(0);
    const at = mem.alloc(attrSize(command));
    try {
      writeAttr(mem, at, command, attr);
      return use(at);
    } finally {
      mem.free(at);
    }
  }
}

function outcome<T>(act: () => T): BpfResult<T> {
  try {
    return { ok: true, value: act() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { errno, message: reason, log } = error;
    return { ok: false, errno, reason, ...(log === undefined ? {} : { log }) };
  }
}

/** BPF_BTF_LOAD. @returns the descriptor. */
function loadBtf(state: BpfState, task: BpfTask, attr: { readonly btf: Uint8Array }): number {
  if (!capable(state, CAP_BPF)) refuse(ERRNO.EPERM, 'loading BTF needs CAP_BPF');
  const object = new BpfBtf(state.btfs, checkedBtf(attr.btf.slice()));
  return state.install(task, 'btf', object, () => object.put());
}

function checkedBtf(bytes: Uint8Array): Btf {
  try {
    const btf = readBtf(bytes, { file: 'BTF_LOAD' });
    const [problem] = checkBtf(btf);
    if (problem === undefined) return btf;
    return refuse(ERRNO.EINVAL, `type ${problem.id}: ${problem.rule}`);
  } catch (error) {
    if (error instanceof FormatError) return refuse(ERRNO.EINVAL, error.message);
    throw error;
  }
}
