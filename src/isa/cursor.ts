/** What a text breaks. */
export type AssemblyRule =
  'syntax' | 'register' | 'number' | 'range' | 'label' | 'opcode' | 'operand';

export class AssemblyError extends Error {
  readonly rule: AssemblyRule;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;

  constructor(rule: AssemblyRule, line: number, column: number, message: string) {
    super(`${line}:${column}: ${message}`);
    this.name = 'AssemblyError';
    this.rule = rule;
    this.line = line;
    this.column = column;
  }
}

/** A cursor over one line; matches skip blanks before them. */
export class Line {
  readonly text: string;
  readonly number: number;
  #at = 0;
  #last = 0;

  constructor(text: string, number: number) {
    this.text = text;
    this.number = number;
  }

  /** Takes what the sticky pattern matches here, or nothing. */
  eat(pattern: RegExp): RegExpExecArray | undefined {
    this.#skipBlanks();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.#last = this.#at;
    this.#at = pattern.lastIndex;
    return match;
  }

  /** True when the sticky pattern matches here; takes nothing. */
  sees(pattern: RegExp): boolean {
    this.#skipBlanks();
    pattern.lastIndex = this.#at;
    return pattern.test(this.text);
  }

  /** Takes these characters, or nothing. */
  has(token: string): boolean {
    this.#skipBlanks();
    if (!this.text.startsWith(token, this.#at)) return false;
    this.#last = this.#at;
    this.#at += token.length;
    return true;
  }

  need(token: string): void {
    if (!this.has(token)) this.fail('syntax', `expected ${token}`, this.column());
  }

  atEnd(): boolean {
    this.#skipBlanks();
    return this.#at === this.text.length;
  }

  /** Column of what comes next, from 1. */
  column(): number {
    this.#skipBlanks();
    return this.#at + 1;
  }

  /** Without a column, the error is at what was taken last. */
  fail(rule: AssemblyRule, message: string, column = this.#last + 1): never {
    throw new AssemblyError(rule, this.number, column, message);
  }

  #skipBlanks(): void {
    while (
      this.text[this.#at] === ' ' ||
      this.text[this.#at] === '\t' ||
      this.text[this.#at] === '\r'
    )
      this.#at += 1;
  }
}

export function number(line: Line): bigint {
  const column = line.column();
  const match = line.eat(/([-+]?)\s*(0x[0-9a-fA-F]+|\d+)\b/y);
  if (match === undefined) return line.fail('number', 'expected a number', column);
  const value = BigInt(match[2] ?? 0);
  return match[1] === '-' ? -value : value;
}

export function int16(line: Line, value: bigint): number {
  if (value !== BigInt.asIntN(16, value)) line.fail('range', 'the offset needs over 16 bits');
  return Number(value);
}

export function int32(line: Line, value: bigint): number {
  if (value !== BigInt.asIntN(32, value)) line.fail('range', 'the value needs over 32 signed bits');
  return Number(value);
}

/** 32 bits written with or without their sign. */
export function word32(line: Line, value: bigint): number {
  if (value !== BigInt.asUintN(32, value)) return int32(line, value);
  return Number(BigInt.asIntN(32, value));
}
