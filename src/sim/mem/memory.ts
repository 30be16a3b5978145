import type { LinearMemory } from '../../vm/machine.ts';

/** High half of every kernel address: x86-64's direct map. The low half is the offset into the memory. */
export const KERNEL_BASE_HI = 0xffff8880 | 0;
const KERNEL_BASE = 0xffff8880_00000000n;

const PAGE = 4096;
const WASM_PAGE = 65536;
/** Below this nothing is ever allocated, so that NULL plus a large field offset still misses every object. */
const FIRST_OFFSET = WASM_PAGE;
/** Slab sizes; larger requests take whole pages. Chosen like kmalloc's caches. */
const CLASSES = [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048] as const;
const LARGE = CLASSES.length + 1;
const GRAIN = 16;
const LARGEST_CLASS = 2048;
/** Index of the smallest class that holds so many grains. */
const CLASS_OF_GRAINS = Uint8Array.from({ length: LARGEST_CLASS / GRAIN + 1 }, (_, grains) =>
  CLASSES.findIndex((size) => grains * GRAIN <= size),
);

/** Offset into kernel memory; 0 is NULL. */
export type Offset = number;

export const toAddress = (offset: Offset): bigint =>
  offset === 0 ? 0n : KERNEL_BASE + BigInt(offset);

/** The kernel's memory limit is reached: a system call that meets it fails with ENOMEM. */
export class OutOfMemory extends RangeError {
  override readonly name = 'OutOfMemory';
}

/**
 * The simulated kernel's memory and its allocator.
 *
 *   0        64 KiB: never mapped for objects (NULL)
 *   64 KiB…  pages; each belongs to a slab of one size class or to one large run
 *
 * Allocations are zeroed. The memory grows by doubling up to `limit`.
 */
export class KernelMemory implements LinearMemory {
  u8!: Uint8Array;
  u32!: Uint32Array;
  view!: DataView;
  readonly baseHi: number = KERNEL_BASE_HI;
  /** For leak checks. */
  liveObjects = 0;
  liveBytes = 0;

  readonly #wasm: WebAssembly.Memory;
  readonly #limit: number;
  #next = FIRST_OFFSET;
  /** Size class + 1 of each page; 0 is free or untouched, LARGE starts a run. */
  #pageClass!: Uint8Array;
  /** 1 for each grain where an allocated object starts. */
  #starts!: Uint8Array;
  readonly #free: Offset[][] = CLASSES.map(() => []);
  readonly #runs = new Map<Offset, number>();
  readonly #freeRuns = new Map<number, Offset[]>();

  /** @param options in bytes, multiples of 64 KiB. */
  constructor(options: { initial?: number; limit?: number } = {}) {
    this.#limit = options.limit ?? 1024 * 1024 * 1024;
    const initial = Math.min(options.initial ?? 1024 * 1024, this.#limit);
    this.#wasm = new WebAssembly.Memory({
      initial: initial / WASM_PAGE,
      maximum: this.#limit / WASM_PAGE,
    });
    this.#refresh(new Uint8Array(0), new Uint8Array(0));
  }

  get size(): number {
    return this.u8.length;
  }

  /**
   * @param size in bytes; the result is aligned to 16, to 4096 from one page up.
   * @throws OutOfMemory when the kernel's memory limit is reached.
   */
  alloc(size: number): Offset {
    const small = size <= LARGEST_CLASS;
    const index = small ? CLASS_OF_GRAINS[Math.ceil(size / GRAIN)]! : -1;
    const bytes = small ? CLASSES[index]! : Math.ceil(size / PAGE) * PAGE;
    const offset = small ? this.#allocSlab(index) : this.#allocRun(bytes / PAGE);
    this.u8.fill(0, offset, offset + bytes);
    this.#starts[offset / GRAIN] = 1;
    this.liveObjects += 1;
    this.liveBytes += bytes;
    return offset;
  }

  /** @throws RangeError when no object starts there: a fault of the simulation itself. */
  free(offset: Offset): void {
    if (this.#starts[offset / GRAIN] !== 1)
      throw new RangeError(`free of 0x${offset.toString(16)}, which is not allocated`);
    this.#starts[offset / GRAIN] = 0;
    this.liveObjects -= 1;
    const kind = this.#pageClass[Math.floor(offset / PAGE)]!;
    if (kind === LARGE) this.#freeRun(offset);
    else {
      this.liveBytes -= CLASSES[kind - 1]!;
      this.#free[kind - 1]!.push(offset);
    }
  }

  /** Allocates a NUL-terminated string. */
  allocString(text: string): Offset {
    const bytes = new TextEncoder().encode(text);
    const offset = this.alloc(bytes.length + 1);
    this.u8.set(bytes, offset);
    return offset;
  }

  /** Reads up to a NUL, `max` bytes, or the end of the memory. */
  readString(offset: Offset, max = PAGE): string {
    const bytes = this.u8.slice(offset, offset + max);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** The pointer stored at `offset`, as an offset; 0 for NULL and for anything that is no kernel address. */
  readPointer(offset: Offset): Offset {
    return this.view.getInt32(offset + 4, true) === KERNEL_BASE_HI
      ? this.view.getUint32(offset, true)
      : 0;
  }

  writePointer(offset: Offset, target: Offset): void {
    this.view.setUint32(offset, target, true);
    this.view.setInt32(offset + 4, target === 0 ? 0 : KERNEL_BASE_HI, true);
  }

  #allocSlab(index: number): Offset {
    const list = this.#free[index]!;
    const found = list.pop();
    if (found !== undefined) return found;
    const size = CLASSES[index]!;
    const page = this.#takePages(1);
    this.#pageClass[page / PAGE] = index + 1;
    // Highest first, so that pop() hands out ascending offsets.
    for (let at = Math.floor(PAGE / size) - 1; at > 0; at--) list.push(page + at * size);
    return page;
  }

  #allocRun(pages: number): Offset {
    const offset = this.#freeRuns.get(pages)?.pop() ?? this.#takePages(pages);
    this.#pageClass[offset / PAGE] = LARGE;
    this.#runs.set(offset, pages);
    return offset;
  }

  #freeRun(offset: Offset): void {
    const pages = this.#runs.get(offset) ?? 0;
    this.#runs.delete(offset);
    this.liveBytes -= pages * PAGE;
    this.#pageClass[offset / PAGE] = 0;
    const runs = this.#freeRuns.get(pages);
    if (runs === undefined) this.#freeRuns.set(pages, [offset]);
    else runs.push(offset);
  }

  #takePages(count: number): Offset {
    const offset = this.#next;
    const end = offset + count * PAGE;
    if (end > this.size) this.#grow(end);
    this.#next = end;
    return offset;
  }

  #grow(needed: number): void {
    if (needed > this.#limit)
      throw new OutOfMemory(`kernel memory limit of ${this.#limit} bytes reached`);
    const target = Math.min(this.#limit, Math.max(needed, this.size * 2));
    this.#wasm.grow(Math.ceil((target - this.size) / WASM_PAGE));
    this.#refresh(this.#pageClass, this.#starts);
  }

  #refresh(classes: Uint8Array, starts: Uint8Array): void {
    const { buffer } = this.#wasm;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.#pageClass = new Uint8Array(buffer.byteLength / PAGE);
    this.#pageClass.set(classes);
    this.#starts = new Uint8Array(buffer.byteLength / GRAIN);
    this.#starts.set(starts);
  }
}
