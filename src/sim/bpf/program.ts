import type { SourceLine } from '../../kernel/decision.ts';
import { prepare, type Executable, type Prepared, type RunResult } from '../../vm/index.ts';
import type { HookProgram } from '../lsm/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { LineTable } from './lines.ts';
import type { BpfMap } from './map.ts';
import { Counted } from './objects.ts';
import type { BpfBtf, BpfState } from './state.ts';

export interface NewProgram {
  readonly type: number;
  readonly name: string;
  readonly expectedAttachType: number;
  readonly attachBtfId: number;
  readonly sleepable: boolean;
  readonly gpl: boolean;
  /** Nanoseconds since boot. */
  readonly loadTime: number;
  readonly createdByUid: number;
  /** BTF id of the main function; 0 when it is not told. */
  readonly funcInfoTypeId: number;
  /** 8 bytes. */
  readonly tag: Uint8Array;
  readonly executable: Executable;
  readonly maps: readonly BpfMap[];
  readonly btf: BpfBtf | undefined;
  readonly lines: LineTable;
  readonly addr: Offset;
  /** 64-bit arguments in its context, the return slot not counted. */
  readonly argumentSlots: number;
}

/** A loaded program. */
export class BpfProgram extends Counted implements HookProgram {
  readonly kind = 'prog';
  readonly type: number;
  readonly name: string;
  readonly expectedAttachType: number;
  readonly attachBtfId: number;
  readonly sleepable: boolean;
  readonly gpl: boolean;
  readonly loadTime: number;
  readonly createdByUid: number;
  readonly funcInfoTypeId: number;
  readonly tag: Uint8Array;
  readonly prepared: Prepared;
  readonly maps: readonly BpfMap[];
  readonly btf: BpfBtf | undefined;
  readonly lines: LineTable;
  readonly addr: Offset;
  readonly argumentSlots: number;
  #id = 0;
  readonly #state: BpfState;

  constructor(state: BpfState, made: NewProgram) {
    super();
    this.#state = state;
    this.type = made.type;
    this.name = made.name;
    this.expectedAttachType = made.expectedAttachType;
    this.attachBtfId = made.attachBtfId;
    this.sleepable = made.sleepable;
    this.gpl = made.gpl;
    this.loadTime = made.loadTime;
    this.createdByUid = made.createdByUid;
    this.funcInfoTypeId = made.funcInfoTypeId;
    this.tag = made.tag;
    this.prepared = prepare(made.executable);
    this.maps = made.maps.map((map) => map.get());
    this.btf = made.btf?.get();
    this.lines = made.lines;
    this.addr = made.addr;
    this.argumentSlots = made.argumentSlots;
    state.programOf.set(made.executable, this);
    state.programAt.set(this.addr, this);
  }

  /** 0 until the program is visible to others. */
  get id(): number {
    return this.#id;
  }

  settle(): void {
    this.#id = this.#state.programs.add(this);
    this.#state.kernel.settleProgram(this.addr, this.#id);
  }

  run(ctx: Offset): RunResult {
    return this.#state.run(this.prepared, ctx);
  }

  /** The line that made a run's result; after a tail call it is one of the program that exited. */
  line(result: RunResult): SourceLine | undefined {
    return this.#state.programOf.get(result.program)?.lines.at(result.originInsn);
  }

  protected override free(): void {
    const { host, kernel, programs, programAt, programOf } = this.#state;
    if (this.#id !== 0) programs.remove(this.#id);
    host.lsm.hook('bpf_prog_free').call(this.addr);
    programAt.delete(this.addr);
    programOf.delete(this.prepared.executable);
    for (const map of this.maps) map.put();
    this.btf?.put();
    kernel.freeProgram(this.addr);
  }
}
