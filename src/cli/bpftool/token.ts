import { jsonObject, type JsonObject } from './json.ts';

/** A bpffs that delegates something: what tokens made from it allow, as its mount options name it. */
export interface ShownToken {
  readonly mount: string;
  readonly cmds: readonly string[];
  readonly maps: readonly string[];
  readonly progs: readonly string[];
  readonly attachs: readonly string[];
}

const KINDS = ['cmds', 'maps', 'progs', 'attachs'] as const;
const PER_LINE = 4;

/** The bpf mounts in the text of /proc/mounts that delegate something. */
export function tokensInMounts(mounts: string): readonly ShownToken[] {
  return mounts.split('\n').flatMap((line) => {
    const [, path = '', type, options = ''] = line.split(' ');
    if (type !== 'bpf') return [];
    const given = (kind: string): readonly string[] =>
      new RegExp(`(?:^|,)delegate_${kind}=([^,]*)`).exec(options)?.[1]?.split(':') ?? [];
    const [cmds = [], maps = [], progs = [], attachs = []] = KINDS.map(given);
    const token = { mount: unescapeMount(path), cmds, maps, progs, attachs };
    return KINDS.some((kind) => token[kind].length > 0) ? [token] : [];
  });
}

/** Spaces, tabs, newlines and backslashes in paths are three octal digits in /proc/mounts. */
export const unescapeMount = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

function formatItems(items: readonly string[]): string {
  let text = '';
  items.forEach((item, i) => {
    text += `${i % PER_LINE === 0 ? '\n\t  ' : ''}${item.padEnd(20)}`;
  });
  return text;
}

/** `token show` for people. */
export const formatToken = (token: ShownToken): string =>
  `token_info  ${token.mount}${KINDS.map((kind) => `\n\tallowed_${kind}:${formatItems(token[kind])}`).join('')}\n`;

/** `token show --json`. */
export const tokenJson = (token: ShownToken): JsonObject =>
  jsonObject([
    ['token_info', token.mount],
    ...KINDS.map((kind) => [`allowed_${kind}`, token[kind]] as const),
  ]);
