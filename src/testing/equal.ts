/** Shows a value in one line, as close to source code as it gets. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `bytes(${[...value].join(' ')})`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, member]) => `${name}: ${show(member)}`);
    return `{ ${members.join(', ')} }`;
  }
  return String(value);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/**
 * Where two values first differ, `.key[3]`; undefined when they are equal. Numbers and bigints are not equal to each
 * other; arrays and byte arrays are not either.
 */
export function firstDifference(actual: unknown, expected: unknown, path = ''): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (!isRecord(actual) || !isRecord(expected)) return path;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return path;
  const list = Array.isArray(actual) || actual instanceof Uint8Array;
  const names = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  for (const name of names) {
    const at = `${path}${list ? `[${name}]` : `.${name}`}`;
    if (!Object.hasOwn(actual, name) || !Object.hasOwn(expected, name)) return at;
    const inner = firstDifference(actual[name], expected[name], at);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
