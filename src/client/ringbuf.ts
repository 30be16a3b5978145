import type { Btf } from '../btf/types.ts';
import type { RingBuffer, RingBufferStats } from '../kernel/index.ts';
import { decode, type Value } from './codec.ts';
import { ValueError } from './errors.ts';

/** Reads a ring buffer of a loaded collection. */
export class RingbufReader {
  readonly name: string;
  readonly #buffer: RingBuffer;
  readonly #btf: Btf | undefined;

  constructor(name: string, buffer: RingBuffer, btf: Btf | undefined) {
    this.name = name;
    this.#buffer = buffer;
    this.#btf = btf;
  }

  /**
   * Waits until there is a record to take.
   * @param timeout in milliseconds; without it the wait ends only with a record, or when the reader is closed.
   * @returns whether there is one.
   */
  wait(timeout?: number): Promise<boolean> {
    return this.#buffer.wait(timeout);
  }

  /** Every record from now on, as bytes, until the reader is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    while (await this.wait()) yield* await this.consume();
  }

  /**
   * Shows the records that are there now, oldest first, where they are: `visit` must be done with the bytes `offset` to
   * `offset + length` of `area` when it returns. The fastest way to read.
   * @returns how many records there were.
   */
  drain(visit: (area: Uint8Array, offset: number, length: number) => void): Promise<number> {
    return this.#buffer.drain(visit);
  }

  /** What is known of the traffic. Records that found no room are not counted by the kernel: the program can. */
  stats(): RingBufferStats {
    return this.#buffer.stats();
  }

  /** Takes the records that are there now, oldest first, as bytes. */
  consume(): Promise<readonly Uint8Array[]> {
    return this.#buffer.consume();
  }

  /**
   * Takes the records that are there now, oldest first, as values of a type of the object.
   * @param type name of a struct, union, typedef or enum in the object's BTF: `event`.
   * @throws ValueError if the object has no such type, or a record is shorter than it.
   */
  async consumeAs(type: string): Promise<readonly Value[]> {
    const btf = this.#btf;
    const id = btf?.find(type, 'struct', 'union', 'typedef', 'enum', 'enum64', 'int');
    if (btf === undefined || id === undefined)
      throw new ValueError(this.name, `the object's BTF has no type named '${type}'`);
    return (await this.consume()).map((record) => decode(btf, id, record));
  }

  close(): Promise<void> {
    return this.#buffer.close();
  }
}
