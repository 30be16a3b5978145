import { describe, expect, it } from 'vitest';
import { BPF_MAP_TYPE, ERRNO } from '../../abi/index.ts';
import type { BpfCommands, Kernel, MapInfo, Task } from '../../kernel/index.ts';
import { showCgroup, showCgroupTree } from '../commands/cgroup.ts';
import { detachLink, showLinks } from '../commands/link.ts';
import { deleteFromMap, lookupMap, nextKeyOfMap, updateMap } from '../commands/map-element.ts';
import { createMap, dumpMap, freezeMap, pinMap, showMaps } from '../commands/map.ts';
import { showProgs } from '../commands/prog.ts';
import { showTokens } from '../commands/token.ts';
import { Args } from './args.ts';
import type { Verb } from './run-verb.ts';
import { BpftoolError, formatFailure, type Machine, type Session } from './session.ts';

/** One hash map of two elements, as a kernel would have it; a second freeze or an update after it is EPERM. */
class FakeMap {
  frozen = false;
  readonly elements = new Map([
    ['01000000', '0200000000000000'],
    ['03000000', '0400000000000000'],
  ]);
  readonly info: MapInfo = {
    kind: 'map',
    type: BPF_MAP_TYPE.HASH,
    id: 7,
    name: 'blocked',
    keySize: 4,
    valueSize: 8,
    maxEntries: 16,
    mapFlags: 0,
    btfId: 0,
    btfKeyTypeId: 0,
    btfValueTypeId: 0,
    mapExtra: 0n,
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const FD = 9;
const PINNED = '/bpf/blocked';

type Attr<C extends keyof BpfCommands> = BpfCommands[C]['attr'];
type Answers = { [C in keyof BpfCommands]?: (attr: Attr<C>) => BpfCommands[C]['out'] };

/** Throws what a refusal answers with. */
function refuse(name: keyof typeof ERRNO): never {
  throw Object.assign(new Error(name), { refused: ERRNO[name] });
}

function answers(map: FakeMap): Answers {
  const next = (start: number): number => (start < map.info.id ? map.info.id : refuse('ENOENT'));
  return {
    MAP_GET_NEXT_ID: ({ startId }) => next(startId),
    MAP_GET_FD_BY_ID: ({ mapId }) => (mapId === map.info.id ? FD : refuse('ENOENT')),
    OBJ_GET: ({ pathname }) => (pathname === PINNED ? FD : refuse('ENOENT')),
    OBJ_GET_INFO_BY_FD: () => map.info,
    OBJ_PIN: ({ pathname }) => (pathname.startsWith('/bpf/') ? 0 : refuse('EPERM')),
    MAP_FREEZE: () => {
      if (map.frozen) refuse('EPERM');
      map.frozen = true;
      return 0;
    },
    MAP_LOOKUP_ELEM: ({ key, value }) => {
      value.set(Buffer.from(map.elements.get(hex(key)) ?? refuse('ENOENT'), 'hex'));
      return 0;
    },
    MAP_UPDATE_ELEM: ({ key, value }) => {
      if (map.frozen) refuse('EPERM');
      map.elements.set(hex(key), hex(value));
      return 0;
    },
    MAP_DELETE_ELEM: ({ key }) => (map.elements.delete(hex(key)) ? 0 : refuse('ENOENT')),
    MAP_GET_NEXT_KEY: ({ key, nextKey }) => {
      const keys = [...map.elements.keys()];
      const at = key === null ? 0 : keys.indexOf(hex(key)) + 1;
      nextKey.set(Buffer.from(keys[at] ?? refuse('ENOENT'), 'hex'));
      return 0;
    },
    MAP_CREATE: () => FD,
  };
}

function fakeKernel(map: FakeMap): Kernel {
  const known: Partial<Record<string, (attr: never) => unknown>> = answers(map);
  const bpf = (command: string, attr: unknown) => {
    try {
      return { ok: true, value: (known[command] ?? (() => refuse('ENOENT')))(attr as never) };
    } catch (error) {
      const { refused } = error as { refused?: number };
      if (refused === undefined) throw error;
      return { ok: false, errno: refused, reason: '' };
    }
  };
  const self = {
    bpf: async (command: string, attr: unknown) => bpf(command, attr),
    call: async (name: string) => (name === 'open' ? -ERRNO.ENOENT : 0),
  };
  return { possibleCpus: 1, self: self as unknown as Task } as Kernel;
}

const machine: Machine = {
  fdinfo: () => 'memlock:\t2384\nfrozen:\t0\n',
  mounts: () => 'bpf /bpf bpf rw 0 0\nroot / ext4 rw 0 0\n',
  filesBelow: (path) => (path === '/bpf' ? [PINNED] : []),
  foldersBelow: () => undefined,
  bootedAt: 0,
};

/** Runs a verb as the command would, and gives what it printed and its exit code. */
async function run(
  verb: Verb,
  words: string,
  { json = false, pins = false, map = new FakeMap() } = {},
): Promise<{ out: string; code: number }> {
  let out = '';
  const output = { json, pretty: false };
  const write = (text: string): void => {
    out += text;
  };
  const session: Session = { kernel: fakeKernel(map), machine, output, showPinned: pins, write };
  try {
    await verb(session, new Args(words.split(' ').filter(Boolean)));
    return { out, code: 0 };
  } catch (error) {
    if (!(error instanceof BpftoolError)) throw error;
    return { out: out + formatFailure(error, output), code: error.status };
  }
}

const SHOWN =
  '7: hash  name blocked  flags 0x0\n\tkey 4B  value 8B  max_entries 16  memlock 2384B\n';
const ENTRY = 'key: 01 00 00 00  value: 02 00 00 00 00 00 00 00\n';

const works: [name: string, verb: Verb, words: string, out: string][] = [
  ['map show', showMaps, '', SHOWN],
  ['map show id', showMaps, 'id 7', SHOWN],
  ['map show name', showMaps, 'name blocked', SHOWN],
  ['map show pinned', showMaps, `pinned ${PINNED}`, SHOWN],
  ['a keyword cut short', showMaps, 'i 0x7', SHOWN],
  ['map lookup', lookupMap, 'id 7 key 1 0 0 0', ENTRY],
  ['map lookup, hexadecimal', lookupMap, 'id 7 key hex 01 00 00 00', ENTRY],
  [
    'map dump',
    dumpMap,
    'id 7',
    `${ENTRY}key: 03 00 00 00  value: 04 00 00 00 00 00 00 00\nFound 2 elements\n`,
  ],
  ['map getnext, first', nextKeyOfMap, 'id 7', 'key: None\nnext key:\n01 00 00 00\n'],
  ['map getnext', nextKeyOfMap, 'id 7 key 1 0 0 0', 'key:\n01 00 00 00\nnext key:\n03 00 00 00\n'],
  ['map update', updateMap, 'id 7 key 1 0 0 0 value 9 0 0 0 0 0 0 0 any', ''],
  ['map delete', deleteFromMap, 'id 7 key 1 0 0 0', ''],
  ['map pin', pinMap, 'id 7 /bpf/other', ''],
  ['map freeze', freezeMap, 'id 7', ''],
  ['map create', createMap, '/bpf/m type hash key 4 value 8 entries 16 name m', ''],
  ['prog show, none there', showProgs, '', ''],
  ['link show, none there', showLinks, '', ''],
  ['token show, none there', showTokens, '', ''],
];

const fails: [name: string, verb: Verb, words: string, code: number, error: string][] = [
  [
    'an id that nobody has',
    showMaps,
    'id 9999',
    255,
    'get map by id (9999): No such file or directory',
  ],
  [
    'a program id that nobody has',
    showProgs,
    'id 9999',
    255,
    'get by id (9999): No such file or directory',
  ],
  [
    'a path that is not there',
    showProgs,
    'pinned /nope',
    255,
    'bpf obj get (/nope): No such file or directory',
  ],
  ['a pin of another kind', showProgs, `pinned ${PINNED}`, 255, 'incorrect object type: map'],
  ['an id that is no number', showMaps, 'id x', 255, "can't parse x as ID"],
  ['a tag that is none', showProgs, 'tag zz', 255, "can't parse tag"],
  ['an unknown handle', showMaps, 'foo 1', 255, "expected 'id', 'name' or 'pinned', got: 'foo'?"],
  ['a lone word', showProgs, 'foo', 255, "what is 'foo'?"],
  [
    'a link that nobody has',
    showLinks,
    'id 77',
    254,
    'failed to get link with ID 77: No such file or directory',
  ],
  ['a detach without a link', detachLink, '', 1, 'link specifier is invalid or missing'],
  [
    'a detach of no link',
    detachLink,
    'id 77',
    1,
    'failed to get link with ID 77: No such file or directory',
  ],
  ['too few bytes', lookupMap, 'id 7 key 1 0 0', 255, 'key expected 4 bytes got 3'],
  ['a byte that is none', lookupMap, 'id 7 key 1 0 0 zz', 255, 'error parsing byte: zz'],
  ['no value', updateMap, 'id 7 key 1 0 0 0', 255, 'did not find value'],
  ['two keys', updateMap, 'id 7 key 1 0 0 0 key 1 0 0 0', 255, 'duplicate key'],
  ['an unknown word', updateMap, 'id 7 nonsense', 255, 'expected key or value, got: nonsense'],
  [
    'a key that is not there',
    deleteFromMap,
    'id 7 key 9 0 0 0',
    254,
    'delete failed: No such file or directory',
  ],
  [
    'the key after the last',
    nextKeyOfMap,
    'id 7 key 3 0 0 0',
    254,
    "can't get next key: No such file or directory",
  ],
  [
    'a pin outside a bpffs',
    pinMap,
    'id 7 /tmp/x',
    255,
    "can't pin the object (/tmp/x): /tmp is in no bpf file system: mount one with 'mount -t bpf bpf /tmp'",
  ],
  ['no words', dumpMap, '', 255, "'dump' needs at least 2 arguments, 0 found"],
  [
    'a map type that is none',
    createMap,
    '/bpf/m type x key 4 value 8 entries 1 name m',
    255,
    'unrecognized map type: x',
  ],
  [
    'a map without a name',
    createMap,
    '/bpf/m type hash key 4 value 8',
    255,
    'map name not specified',
  ],
  [
    'a cgroup that is not there',
    showCgroup,
    '/nope',
    255,
    "can't open cgroup /nope: No such file or directory",
  ],
  ['no cgroup v2', showCgroupTree, '', 255, "cgroup v2 isn't mounted"],
];

describe('a verb of bpftool', () => {
  it.each(works)('works: %s', async (_, verb, words, out) => {
    expect(await run(verb, words)).toEqual({ out, code: 0 });
  });

  it.each(fails)('tells of %s', async (_, verb, words, code, error) => {
    expect(await run(verb, words)).toEqual({ out: `Error: ${error}\n`, code });
    expect(await run(verb, words, { json: true })).toEqual({
      out: `${JSON.stringify({ error })}\n`,
      code,
    });
  });

  it('says nothing of a name that nobody has', async () => {
    expect(await run(showMaps, 'name nope')).toEqual({ out: '', code: 255 });
  });

  it('tells of a key that is not there by text and exit code', async () => {
    const out = 'key:\n09 00 00 00\n\nNot found\n';
    expect(await run(lookupMap, 'id 7 key 9 0 0 0')).toEqual({ out, code: 254 });
    const json = { json: true };
    expect(await run(lookupMap, 'id 7 key 9 0 0 0', json)).toEqual({ out: 'null\n', code: 254 });
  });

  it('refuses to change a frozen map', async () => {
    const map = new FakeMap();
    expect(await run(freezeMap, 'id 7', { map })).toEqual({ out: '', code: 0 });
    const again = { out: 'Error: failed to freeze map: Operation not permitted\n', code: 255 };
    expect(await run(freezeMap, 'id 7', { map })).toEqual(again);
    const update = await run(updateMap, 'id 7 key 1 0 0 0 value 1 0 0 0 0 0 0 0', { map });
    expect(update).toEqual({ out: 'Error: update failed: Operation not permitted\n', code: 255 });
  });

  it('prints null in JSON when there is nothing to tell', async () => {
    const words = 'id 7 key 1 0 0 0 value 9 0 0 0 0 0 0 0';
    expect(await run(updateMap, words, { json: true })).toEqual({ out: 'null\n', code: 0 });
  });

  it('prints an array in JSON, but what was asked for as it is', async () => {
    const { out } = await run(showMaps, '', { json: true });
    const { out: one } = await run(showMaps, 'id 7', { json: true });
    expect(out).toBe(`[${one.trimEnd()}]\n`);
  });

  it('shows where objects are pinned when asked', async () => {
    const { out } = await run(showMaps, '', { pins: true });
    expect(out).toContain(`\n\tpinned ${PINNED}\n`);
  });
});
