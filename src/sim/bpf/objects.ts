import { ERRNO } from '../../abi/index.ts';

/** Something that lives as long as it is referred to: from a file descriptor, or from another object. */
export abstract class Counted {
  #refs = 1;

  get refs(): number {
    return this.#refs;
  }

  get(): this {
    this.#refs += 1;
    return this;
  }

  /** Gives one reference back; the last one frees the object at once. */
  put(): void {
    this.#refs -= 1;
    if (this.#refs === 0) this.free();
  }

  protected abstract free(): void;
}

/** Ids of one kind of object: handed out in a cycle, so that a freed id is not soon used again. */
export class IdTable<T> {
  readonly #objects = new Map<number, T>();
  #next: number;

  constructor(first = 1) {
    this.#next = first;
  }

  add(object: T): number {
    while (this.#objects.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#objects.set(id, object);
    this.#advance();
    return id;
  }

  remove(id: number): void {
    this.#objects.delete(id);
  }

  entries(): IterableIterator<[number, T]> {
    return this.#objects.entries();
  }

  #advance(): void {
    this.#next = this.#next >= 0x7fffffff ? 1 : this.#next + 1;
  }
}

const NAME_BYTES = 16;

/**
 * Checks the name of a program or map (`bpf_obj_name_cpy`): letters, digits, `_` and `.`, at most 15 bytes.
 * @returns 0 or -EINVAL.
 */
export function checkName(name: string): number {
  return name.length < NAME_BYTES && /^[\w.]*$/.test(name) ? 0 : -ERRNO.EINVAL;
}

/** A refusal inside a command: becomes the failed result of bpf(2). Thrown only off the hot path. */
export class Refusal extends Error {
  /** Positive. */
  readonly errno: number;
  readonly log: string | undefined;

  constructor(errno: number, reason: string, log?: string) {
    super(reason);
    this.errno = errno;
    this.log = log;
  }
}

/** Ends a command with this errno (positive) and reason. */
export function refuse(errno: number, reason: string, log?: string): never {
  throw new Refusal(errno, reason, log);
}
