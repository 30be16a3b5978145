export const PAGE_SIZE = 4096;
const MASK = PAGE_SIZE - 1;

export const pageOf = (address: number): number => Math.floor(address / PAGE_SIZE);
export const pageAlign = (length: number): number => Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
export const isPageAligned = (address: number): boolean => address % PAGE_SIZE === 0;

/** Finds the page that holds an address; undefined where access faults. */
export type PageAt = (page: number, write: boolean) => Uint8Array | undefined;

/** Calls `each` for the part of every page that the range touches; false when one of them faults. */
export function overPages(
  address: number,
  length: number,
  write: boolean,
  pageAt: PageAt,
  each: (page: Uint8Array, from: number, to: number, done: number) => void,
): boolean {
  for (let done = 0; done < length;) {
    const from = ((address + done) % PAGE_SIZE) & MASK;
    const count = Math.min(PAGE_SIZE - from, length - done);
    const page = pageAt(pageOf(address + done), write);
    if (page === undefined) return false;
    each(page, from, from + count, done);
    done += count;
  }
  return true;
}

/** Sparse bytes: the pages of a file or of private memory. Pages never written read as zero. */
export class Pages {
  readonly #pages = new Map<number, Uint8Array>();

  has(index: number): boolean {
    return this.#pages.has(index);
  }

  get(index: number): Uint8Array | undefined {
    return this.#pages.get(index);
  }

  /** The page, made now if it has not been. */
  ensure(index: number): Uint8Array {
    const known = this.#pages.get(index);
    if (known !== undefined) return known;
    const page = new Uint8Array(PAGE_SIZE);
    this.#pages.set(index, page);
    return page;
  }

  set(index: number, page: Uint8Array): void {
    this.#pages.set(index, page);
  }

  delete(index: number): void {
    this.#pages.delete(index);
  }

  entries(): Iterable<[number, Uint8Array]> {
    return this.#pages.entries();
  }

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const from = (offset + done) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - from, into.length - done);
      const page = this.#pages.get(pageOf(offset + done));
      if (page === undefined) into.fill(0, done, done + count);
      else into.set(page.subarray(from, from + count), done);
      done += count;
    }
  }

  write(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.length;) {
      const from = (offset + done) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - from, data.length - done);
      this.ensure(pageOf(offset + done)).set(data.subarray(done, done + count), from);
      done += count;
    }
  }

  /** Forgets everything from `length` bytes on. */
  truncate(length: number): void {
    const last = pageOf(length);
    this.#pages.get(last)?.fill(0, length % PAGE_SIZE);
    for (const index of this.#pages.keys())
      if (index > last || (index === last && length % PAGE_SIZE === 0)) this.#pages.delete(index);
  }
}
