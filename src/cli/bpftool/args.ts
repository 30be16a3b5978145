import { BpftoolError } from './session.ts';

/** The words after a verb, taken from the front. */
export class Args {
  readonly #words: string[];

  constructor(words: readonly string[]) {
    this.#words = [...words];
  }

  get length(): number {
    return this.#words.length;
  }

  peek(): string | undefined {
    return this.#words[0];
  }

  /** @throws BpftoolError when there is none. */
  take(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new BpftoolError(`expected ${what}`);
    return word;
  }

  /** Takes the next word if it is one of these, or the start of one, as bpftool allows. */
  takeKeyword<K extends string>(...keywords: readonly K[]): K | undefined {
    const word = this.peek();
    const found = word === undefined ? undefined : keywords.find((k) => isStart(word, k));
    if (found !== undefined) this.#words.shift();
    return found;
  }

  /** Whether there is a handle such as `id 3`. @throws BpftoolError for anything but that or nothing. */
  hasHandle(): boolean {
    if (this.length !== 0 && this.length !== 2) throw new BpftoolError(`what is '${this.peek()}'?`);
    return this.length > 0;
  }

  /** @throws BpftoolError naming the verb and how many words it needs. */
  need(verb: string, count: number): void {
    if (this.length < count)
      throw new BpftoolError(`'${verb}' needs at least ${count} arguments, ${this.length} found`);
  }

  /** @throws BpftoolError when words are left. */
  end(): void {
    const word = this.peek();
    if (word !== undefined) throw new BpftoolError(`what is '${word}'?`);
  }
}

const isStart = (word: string, keyword: string): boolean => word !== '' && keyword.startsWith(word);

/** strtoul(3) in base 0: decimal, hexadecimal after `0x`, octal after `0`. Undefined for other words. */
export function parseNumber(word: string, base: 0 | 16 = 0): number | undefined {
  const digits = base === 16 ? `0x${word.replace(/^0x/i, '')}` : word;
  if (/^(?:0x[\da-f]+|[1-9]\d*|0)$/i.test(digits)) return Number(digits);
  return /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** @throws BpftoolError */
export function takeNumber(args: Args, what: string): number {
  const word = args.take(what);
  const number = parseNumber(word);
  if (number === undefined || number > 0xffff_ffff)
    throw new BpftoolError(`can't parse ${word} as ${what}`);
  return number;
}
