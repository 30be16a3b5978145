import { BPF_F } from '../../abi/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { MapAttr, MapOps } from './maps/ops.ts';
import type { MapRequest } from './maps/types.ts';
import { Counted } from './objects.ts';
import type { BpfBtf, BpfState } from './state.ts';

export interface NewMap {
  readonly attr: MapRequest;
  readonly name: string;
  readonly ops: MapOps;
  /** Offset of its `struct bpf_map`. */
  readonly addr: Offset;
  readonly btf: BpfBtf | undefined;
  /** For maps of maps: what fits in. */
  readonly inner: MapAttr | undefined;
}

/** A map. It has two counts: everybody's references keep it, those of user space keep a program array's contents. */
export class BpfMap extends Counted {
  readonly kind = 'map';
  readonly attr: MapRequest;
  readonly name: string;
  readonly ops: MapOps;
  readonly btf: BpfBtf | undefined;
  readonly addr: Offset;
  readonly inner: MapAttr | undefined;
  frozen = false;
  /** What the programs in a program array have in common; set by the first one. */
  owner: string | undefined;
  #id = 0;
  #users = 1;
  readonly #state: BpfState;

  constructor(state: BpfState, made: NewMap) {
    super();
    this.#state = state;
    this.attr = made.attr;
    this.name = made.name;
    this.ops = made.ops;
    this.addr = made.addr;
    this.inner = made.inner;
    this.btf = made.btf?.get();
    state.mapAt.set(this.addr, this);
  }

  /** 0 until the map is visible to others. */
  get id(): number {
    return this.#id;
  }

  settle(): void {
    this.#id = this.#state.maps.add(this);
    this.#state.kernel.settleMap(this.addr, this.#id);
  }

  freeze(): void {
    this.frozen = true;
    this.#state.kernel.freezeMap(this.addr);
  }

  /** Whether bpf(2) may read values through a descriptor. */
  get userReadable(): boolean {
    return (this.attr.flags & BPF_F.WRONLY) === 0;
  }

  /** Whether bpf(2) may change values through a descriptor. */
  get userWritable(): boolean {
    return (this.attr.flags & BPF_F.RDONLY) === 0 && !this.frozen;
  }

  getUser(): this {
    this.#users += 1;
    return this.get();
  }

  putUser(): void {
    this.#users -= 1;
    if (this.#users === 0) this.ops.usersGone?.();
    this.put();
  }

  protected override free(): void {
    const { host, kernel, maps, mapAt } = this.#state;
    if (this.#id !== 0) maps.remove(this.#id);
    host.lsm.hook('bpf_map_free').call(this.addr);
    mapAt.delete(this.addr);
    this.ops.free();
    this.btf?.put();
    kernel.freeMap(this.addr);
  }
}
