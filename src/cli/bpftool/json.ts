/** Text that stands in the JSON as it is: a number that JavaScript cannot hold, or one in hexadecimal. */
export interface RawJson {
  readonly raw: string;
}
/** An object whose members keep their order, whatever their names; C allows the same name (the empty one) twice. */
export interface JsonObject {
  readonly members: readonly (readonly [name: string, value: Json])[];
}
export type Json =
  string | number | bigint | boolean | null | RawJson | JsonObject | readonly Json[];

/** An object without the members whose value is undefined. */
export const jsonObject = (
  members: readonly (readonly [name: string, value: Json | undefined])[],
): JsonObject => ({
  members: members.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  ),
});

const INDENT = '    ';

/** Elements of an array stand in one line, members of an object each in their own: the layout of bpftool's writer. */
function write(value: Json, pretty: boolean, depth: number): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return JSON.stringify(value);
  if ('raw' in value) return value.raw;
  const line = (level: number): string => (pretty ? `\n${INDENT.repeat(level)}` : '');
  const inner = depth + 1;
  if ('members' in value) {
    const colon = pretty ? ': ' : ':';
    const members = value.members.map(
      ([name, member]) =>
        `${line(inner)}${JSON.stringify(name)}${colon}${write(member, pretty, inner)}`,
    );
    return members.length === 0 ? '{}' : `{${members.join(',')}${line(depth)}}`;
  }
  const elements = value.map((element) => write(element, pretty, inner));
  return elements.length === 0 ? '[]' : `[${elements.join(',')}${line(depth)}]`;
}

/** JSON as bpftool writes it, with the line's end: compact (`-j`) or indented (`-p`). */
export const jsonText = (value: Json, pretty = false): string => `${write(value, pretty, 0)}\n`;
