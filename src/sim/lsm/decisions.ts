import type { Decision } from '../../kernel/decision.ts';

/** The last decisions of a kernel: when full, the oldest gives way. */
export class DecisionLog {
  readonly #ring: Decision[] = [];
  readonly #capacity: number;
  #next = 0;
  #seq = 0;

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  /** Number of the next decision, from 1. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  /** Keeps a decision, whose number must be {@link nextSeq}. */
  add(decision: Decision): void {
    this.#seq = decision.seq;
    this.#ring[this.#next] = decision;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Oldest first. */
  list(): readonly Decision[] {
    if (this.#ring.length < this.#capacity) return this.#ring.slice();
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
