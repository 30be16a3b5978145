import type { Field } from './fields.ts';
import type { Random } from './random.ts';

/** A sound file with what is known of its insides. */
export interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly fields: ReadonlyMap<string, readonly Field[]>;
}

export const createSubject = (
  name: string,
  bytes: Uint8Array,
  fields: readonly Field[],
): Subject => {
  const groups = new Map<string, Field[]>();
  for (const field of fields) {
    const group = groups.get(field.name);
    if (group === undefined) groups.set(field.name, [field]);
    else group.push(field);
  }
  return { name, bytes, fields: groups };
};

export interface Mutant {
  readonly bytes: Uint8Array;
  /** What was changed, well enough to do it again by hand. */
  readonly changes: readonly string[];
}

/** Values near the limits of each width, and near the size of the file, where arithmetic goes wrong. */
const EDGES: readonly bigint[] = [8, 16, 24, 31, 32, 53, 63, 64]
  .map((bits) => 1n << BigInt(bits))
  .flatMap((edge) => [edge - 8n, edge - 4n, edge - 1n, edge])
  .concat(0n, 1n, 2n, 3n, 4n, 7n, 8n, 16n, 24n);

const read = (view: DataView, { at, size }: Field): bigint => {
  if (size === 8) return view.getBigUint64(at, true);
  if (size === 4) return BigInt(view.getUint32(at, true));
  return BigInt(size === 2 ? view.getUint16(at, true) : view.getUint8(at));
};

const write = (view: DataView, { at, size }: Field, value: bigint): void => {
  const fitting = BigInt.asUintN(size * 8, value);
  if (size === 8) view.setBigUint64(at, fitting, true);
  else if (size === 4) view.setUint32(at, Number(fitting), true);
  else if (size === 2) view.setUint16(at, Number(fitting), true);
  else view.setUint8(at, Number(fitting));
};

const describeField = ({ name, at }: Field): string => `${name} at 0x${at.toString(16)}`;

/** Sets one field to an edge, near its old value, or to what another field of its meaning holds. */
const changeField = (subject: Subject, bytes: Uint8Array, random: Random): string => {
  const view = new DataView(bytes.buffer);
  const group = subject.fields.get(random.pick([...subject.fields.keys()])) ?? [];
  const field = random.pick(group);
  const old = read(view, field);
  const other = random.pick(group);
  const way = random.int(6);
  if (way === 0) {
    write(view, field, read(view, other));
    write(view, other, old);
    return `swap ${describeField(field)} and ${describeField(other)}`;
  }
  let value = random.pick(EDGES);
  if (way === 1) value = read(view, other);
  else if (way === 2) value = old + BigInt(random.int(33) - 16);
  else if (way === 3) value = BigInt(bytes.length + random.int(17) - 8);
  else if (way === 4) value = BigInt(random.int(64));
  write(view, field, value);
  return `set ${describeField(field)} from ${old} to ${read(view, field)}`;
};

const flipBits = (_: Subject, bytes: Uint8Array, random: Random): string => {
  const places = Array.from({ length: 1 + random.int(8) }, () => random.int(bytes.length * 8));
  for (const bit of places) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return `flip bits ${places.join(', ')}`;
};

const overwrite = (_: Subject, bytes: Uint8Array, random: Random): string => {
  const length = 1 + random.int(Math.min(64, bytes.length));
  const [from, to] = [random.int(bytes.length - length + 1), random.int(bytes.length - length + 1)];
  if (random.int(4) === 0) {
    const fill = random.pick([0, 0xff, 0x80]);
    bytes.fill(fill, to, to + length);
    return `fill ${length} bytes at ${to} with ${fill}`;
  }
  bytes.copyWithin(to, from, from + length);
  return `copy ${length} bytes from ${from} to ${to}`;
};

const CHANGES = [changeField, changeField, changeField, changeField, flipBits, overwrite] as const;

/** Cuts the end off, or adds one. */
const resize = (bytes: Uint8Array, random: Random): Mutant => {
  if (random.int(4) > 0) {
    const length = random.int(bytes.length);
    return { bytes: bytes.slice(0, length), changes: [`cut to ${length} bytes`] };
  }
  const longer = new Uint8Array(bytes.length + 1 + random.int(4096)).fill(random.int(256));
  longer.set(bytes);
  return { bytes: longer, changes: [`extend to ${longer.length} bytes`] };
};

/** The same subject and numbers give the same mutant. */
export const mutate = (subject: Subject, random: Random): Mutant => {
  if (random.int(12) === 0) return resize(subject.bytes, random);
  const bytes = new Uint8Array(subject.bytes);
  // Most have one change: the more there are, the sooner one of them is refused.
  const count = Math.max(1, random.int(8) - 3);
  const changes = Array.from({ length: count }, () => random.pick(CHANGES)(subject, bytes, random));
  return { bytes, changes };
};
