/**
 * The LZMA decoder, as LZMA2 uses it: the output is its own dictionary. Follows the format as the "LZMA specification"
 * of its author lays it out; names are from there.
 */

const STATES = 12;
const POSITION_STATES = 16;
const LENGTH_TO_POSITION = 4;
const END_POSITION_MODEL = 14;
const FULL_DISTANCES = 128;
const MIN_MATCH = 2;
const PROBABILITY_INIT = 1024;
const TOP = 2 ** 24;

/** Sizes of a length coder: two choices, then low and middle trees for each position state, one high tree. */
const LOW = 2;
const MIDDLE = LOW + POSITION_STATES * 8;
const HIGH = MIDDLE + POSITION_STATES * 8;
const LENGTH_SIZE = HIGH + 256;

/** All probabilities lie in one array; each model starts at its offset. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const POSITION_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
const SPECIAL = POSITION_SLOT + LENGTH_TO_POSITION * 64;
const ALIGN = SPECIAL + FULL_DISTANCES;
const LENGTH = ALIGN + 16;
const REP_LENGTH = LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;
const LITERAL_SIZE = 0x300;

/** Literal context, literal position and position bits; `lc + lp` is at most 4 in LZMA2. */
export interface LzmaProperties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** Reads bits from compressed bytes by the probabilities that they train. */
class RangeDecoder {
  readonly #source: Uint8Array;
  readonly #probabilities: Uint16Array;
  #at = 0;
  #end = 0;
  #range = 0;
  #code = 0;

  constructor(source: Uint8Array, probabilities: Uint16Array) {
    this.#source = source;
    this.#probabilities = probabilities;
  }

  /** Starts a chunk: a zero byte, then the first four of the code. */
  open(at: number, end: number): void {
    this.#at = at + 5;
    this.#end = end;
    this.#range = 0xffffffff;
    this.#code = 0;
    for (let i = 1; i < 5; i++) this.#code = ((this.#code << 8) | this.#source[at + i]!) >>> 0;
    if (this.#at > end || this.#source[at] !== 0) throw new RangeError('a chunk starts wrong');
  }

  /** A chunk must be used up exactly, which leaves a code of 0. */
  close(): void {
    this.#normalize();
    if (this.#at !== this.#end || this.#code !== 0)
      throw new RangeError('a chunk does not end where it should');
  }

  #normalize(): void {
    if (this.#range >= TOP) return;
    if (this.#at >= this.#end) throw new RangeError('a chunk runs past its end');
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | this.#source[this.#at++]!) >>> 0;
  }

  bit(model: number): number {
    this.#normalize();
    const probability = this.#probabilities[model]!;
    const bound = (this.#range >>> 11) * probability;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probabilities[model] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    this.#probabilities[model] = probability - (probability >> 5);
    return 1;
  }

  /** `count` bits of equal chance, the highest first. */
  direct(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      this.#normalize();
      this.#range >>>= 1;
      const one = this.#code >= this.#range;
      if (one) this.#code -= this.#range;
      value = value * 2 + (one ? 1 : 0);
    }
    return value;
  }

  tree(model: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(model + node);
    return node - (1 << bits);
  }

  reverseTree(model: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(model + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }
}

/** Decodes the chunks of one LZMA2 stream into `target`, from its start. */
export class LzmaDecoder {
  readonly #probabilities = new Uint16Array(LITERAL + (LITERAL_SIZE << 4));
  readonly #range: RangeDecoder;
  readonly #target: Uint8Array;
  #properties: LzmaProperties = { lc: 0, lp: 0, pb: 0 };
  /** Where the dictionary starts: nothing before may be referred to. */
  #start = 0;
  #to = 0;
  #state = 0;
  readonly #rep = [0, 0, 0, 0];

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#range = new RangeDecoder(source, this.#probabilities);
    this.#target = target;
  }

  /** Bytes written. */
  get length(): number {
    return this.#to;
  }

  resetDictionary(): void {
    this.#start = this.#to;
  }

  resetState(properties: LzmaProperties = this.#properties): void {
    this.#properties = properties;
    this.#probabilities.fill(PROBABILITY_INIT);
    this.#state = 0;
    this.#rep.fill(0);
  }

  /** Takes bytes that are stored as they are. */
  copy(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#target.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Decodes the chunk of `size` bytes that lies in the source from `at` to `end`. */
  decode(at: number, end: number, size: number): void {
    this.#room(size);
    const limit = this.#to + size;
    this.#range.open(at, end);
    const mask = (1 << this.#properties.pb) - 1;
    while (this.#to < limit) {
      const position = (this.#to - this.#start) & mask;
      if (this.#range.bit(IS_MATCH + this.#state * POSITION_STATES + position) === 0)
        this.#literal();
      else this.#match(position, limit);
    }
    this.#range.close();
  }

  #room(size: number): void {
    if (this.#to + size > this.#target.length) throw new RangeError('unpacks to more than it says');
  }

  #literal(): void {
    const { lc, lp } = this.#properties;
    const target = this.#target;
    const position = this.#to - this.#start;
    const previous = position === 0 ? 0 : target[this.#to - 1]!;
    const context = ((position & ((1 << lp) - 1)) << lc) + (previous >> (8 - lc));
    const model = LITERAL + LITERAL_SIZE * context;
    let symbol = 1;
    if (this.#state >= 7) {
      let match = this.#matchByte();
      while (symbol < 0x100) {
        const expected = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#range.bit(model + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#range.bit(model + symbol);
    target[this.#to++] = symbol & 0xff;
    this.#state = this.#state < 4 ? 0 : this.#state - (this.#state < 10 ? 3 : 6);
  }

  #matchByte(): number {
    const from = this.#to - this.#rep[0]! - 1;
    if (from < this.#start) throw new RangeError('a match reaches before the start');
    return this.#target[from]!;
  }

  #match(position: number, limit: number): void {
    const range = this.#range;
    const rep = this.#rep;
    const state = this.#state;
    let length: number;
    if (range.bit(IS_REP + state) === 0) {
      rep.copyWithin(1, 0, 3);
      length = this.#length(LENGTH, position);
      this.#state = state < 7 ? 7 : 10;
      rep[0] = this.#distance(length);
    } else if (range.bit(IS_REP_G0 + state) === 0) {
      if (range.bit(IS_REP0_LONG + state * POSITION_STATES + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        const byte = this.#matchByte();
        this.#target[this.#to++] = byte;
        return;
      }
      length = this.#length(REP_LENGTH, position);
      this.#state = state < 7 ? 8 : 11;
    } else {
      this.#pickRep(state);
      length = this.#length(REP_LENGTH, position);
      this.#state = state < 7 ? 8 : 11;
    }
    this.#repeat(length + MIN_MATCH, limit);
  }

  /** One of the older distances comes to the front. */
  #pickRep(state: number): void {
    const rep = this.#rep;
    let which = 1;
    if (this.#range.bit(IS_REP_G1 + state) === 1) which = 2 + this.#range.bit(IS_REP_G2 + state);
    const distance = rep[which]!;
    rep.copyWithin(1, 0, which);
    rep[0] = distance;
  }

  #length(model: number, position: number): number {
    const range = this.#range;
    if (range.bit(model) === 0) return range.tree(model + LOW + position * 8, 3);
    if (range.bit(model + 1) === 0) return 8 + range.tree(model + MIDDLE + position * 8, 3);
    return 16 + range.tree(model + HIGH, 8);
  }

  #distance(length: number): number {
    const range = this.#range;
    const slot = range.tree(POSITION_SLOT + Math.min(length, LENGTH_TO_POSITION - 1) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < END_POSITION_MODEL) return base + range.reverseTree(SPECIAL + base - slot, bits);
    return base + range.direct(bits - 4) * 16 + range.reverseTree(ALIGN, 4);
  }

  #repeat(length: number, limit: number): void {
    const target = this.#target;
    const distance = this.#rep[0]! + 1;
    if (this.#to - distance < this.#start) throw new RangeError('a match reaches before the start');
    const end = this.#to + length;
    if (end > limit) throw new RangeError('a match runs past its chunk');
    for (let to = this.#to; to < end; to++) target[to] = target[to - distance]!;
    this.#to = end;
  }
}
