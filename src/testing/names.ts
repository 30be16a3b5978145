import { show } from './equal.ts';

/** User memory of a task: what mmap or brk gave. */
interface Area {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** What the numbers that a task handles stand for. */
export class TaskNames {
  readonly name: string;
  /** Names outlive close(2): one that is used later is shown as what it was. */
  readonly #fds: Map<number, string>;
  #areas: readonly Area[];

  constructor(name: string, parent?: TaskNames) {
    this.name = name;
    this.#fds = new Map(parent === undefined ? [] : parent.#fds);
    this.#areas = parent === undefined ? [] : parent.#areas;
  }

  setFd(fd: number, label: string): void {
    this.#fds.set(fd, label);
  }

  fd(fd: number): string {
    return this.#fds.get(fd) ?? String(fd);
  }

  /** The latest name of an area hides those below it. */
  setArea(start: number, length: number, name: string): void {
    this.#areas = [{ start, end: start + length, name }, ...this.#areas];
  }

  /** The end of the heap: the first one seen since the task's last exec is where offsets count from. */
  setHeap(end: number): void {
    const heap = this.#areas.find((area) => area.name === HEAP);
    if (heap === undefined) this.setArea(end, 0, HEAP);
    else this.#areas = this.#areas.map((area) => (area === heap ? { ...area, end } : area));
  }

  /** An end that the heap has, or is to have. */
  heap(end: number): string {
    const heap = this.#areas.find((area) => area.name === HEAP);
    return heap === undefined || end === 0 ? hex(end) : place(heap, end);
  }

  forgetMemory(): void {
    this.#areas = [];
  }

  /** An area's end counts as its own unless another begins there. Undefined for memory that no call gave. */
  address(address: number): string | undefined {
    const inside = this.#areas.find(({ start, end }) => address >= start && address < end);
    const area = inside ?? this.#areas.find(({ end }) => address === end);
    return area === undefined ? undefined : place(area, address);
  }
}

const HEAP = 'heap';
const hex = (value: number): string => `${value < 0 ? '-' : ''}0x${Math.abs(value).toString(16)}`;

function place({ name, start }: Area, address: number): string {
  const offset = address - start;
  if (offset === 0) return name;
  return `${name}${offset < 0 ? '' : '+'}${hex(offset)}`;
}

/** Names by the order of first appearance, for what no two runs number alike: ids, inodes, times. */
export class Numbering {
  readonly #seen = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  /** `prog#2` is the second value seen of its kind. */
  of(kind: string, value: unknown): string {
    const key = `${kind} ${show(value)}`;
    let number = this.#seen.get(key);
    if (number === undefined) {
      number = this.next(kind);
      this.#seen.set(key, number);
    }
    return `${kind}#${number}`;
  }

  next(kind: string): number {
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    return number;
  }
}

/** Longest run of bytes that is written out. */
const MOST_BYTES = 64;

/** FNV-1a of 32 bits: enough to tell two contents apart. */
export function hash(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, '0');
}

/** Bytes as text where they are printable, in hexadecimal where they are few, else their number and a hash. */
export function showBytes(bytes: Uint8Array): string {
  if (bytes.length > MOST_BYTES) return `${bytes.length} bytes ${hash(bytes)}`;
  const text = new TextDecoder('latin1').decode(bytes);
  if (/^[ -~\n]+$/.test(text)) return show(text);
  return `<${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}>`;
}
