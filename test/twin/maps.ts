import { BPF_ELEM, BPF_F, BPF_MAP_TYPE } from 'krsi/abi';
import type { MapCreateAttr, Task } from 'krsi/kernel';
import { policyTests } from 'krsi/testing';
import { always, loadHook, makeMap, u32 } from './programs.ts';

type MapType = keyof typeof BPF_MAP_TYPE;
type Row = readonly [type: MapType, attr: Partial<MapCreateAttr>];

const { ANY, NOEXIST, EXIST, F_LOCK } = BPF_ELEM;
const PAGE = 4096;

const attrOf = ([type, attr]: Row): MapCreateAttr => ({
  mapType: BPF_MAP_TYPE[type],
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  mapName: 'm',
  ...attr,
});

const trie = { keySize: 8, mapFlags: BPF_F.NO_PREALLOC };
const ring = { keySize: 0, valueSize: 0, maxEntries: PAGE };
const slots = { valueSize: 4 };

/** Sizes that each type takes or refuses. */
const SIZES: readonly Row[] = (
  ['HASH', 'ARRAY', 'PERCPU_HASH', 'PERCPU_ARRAY', 'LRU_HASH', 'LRU_PERCPU_HASH'] as const
).flatMap((type): Row[] => [
  [type, {}],
  [type, { keySize: 0 }],
  [type, { keySize: 1 }],
  [type, { keySize: 8 }],
  [type, { keySize: 512 }],
  [type, { keySize: 513 }],
  [type, { keySize: 70_000 }],
  [type, { valueSize: 0 }],
  [type, { valueSize: 1 }],
  [type, { valueSize: 40_000 }],
  [type, { valueSize: 0x8000_0000 }],
  [type, { maxEntries: 0 }],
  [type, { maxEntries: 1 }],
  [type, { maxEntries: 0xffff_ffff }],
]);

const OTHERS: readonly Row[] = [
  ['LPM_TRIE', trie],
  ['LPM_TRIE', { ...trie, mapFlags: 0 }],
  ['LPM_TRIE', { ...trie, keySize: 4 }],
  ['LPM_TRIE', { ...trie, keySize: 5 }],
  ['LPM_TRIE', { ...trie, keySize: 260 }],
  ['LPM_TRIE', { ...trie, keySize: 261 }],
  ['LPM_TRIE', { ...trie, valueSize: 0 }],
  ['LPM_TRIE', { ...trie, maxEntries: 0 }],
  ['LPM_TRIE', { ...trie, mapFlags: BPF_F.NO_PREALLOC | BPF_F.MMAPABLE }],
  ['RINGBUF', ring],
  ['RINGBUF', { ...ring, maxEntries: 0 }],
  ['RINGBUF', { ...ring, maxEntries: 100 }],
  ['RINGBUF', { ...ring, maxEntries: 3 * PAGE }],
  ['RINGBUF', { ...ring, maxEntries: 2 * PAGE }],
  ['RINGBUF', { ...ring, keySize: 4 }],
  ['RINGBUF', { ...ring, valueSize: 4 }],
  ['RINGBUF', { ...ring, mapFlags: BPF_F.NO_PREALLOC }],
  ['PROG_ARRAY', slots],
  ['PROG_ARRAY', {}],
  ['PROG_ARRAY', { ...slots, keySize: 8 }],
  ['PROG_ARRAY', { ...slots, mapFlags: BPF_F.NO_PREALLOC }],
  ['ARRAY_OF_MAPS', slots],
  ['HASH_OF_MAPS', slots],
  ['TASK_STORAGE', { maxEntries: 0, mapFlags: BPF_F.NO_PREALLOC }],
  ['INODE_STORAGE', { maxEntries: 0, mapFlags: BPF_F.NO_PREALLOC }],
];

/** Flags on each type that takes any. */
const FLAGS: readonly Row[] = (
  [
    ['HASH', {}],
    ['ARRAY', {}],
    ['LRU_HASH', {}],
    ['PERCPU_ARRAY', {}],
    ['PERCPU_HASH', {}],
  ] as const
).flatMap(([type, attr]: Row): Row[] =>
  [
    BPF_F.NO_PREALLOC,
    BPF_F.NO_COMMON_LRU,
    BPF_F.NUMA_NODE,
    BPF_F.RDONLY,
    BPF_F.WRONLY,
    BPF_F.RDONLY | BPF_F.WRONLY,
    BPF_F.RDONLY_PROG,
    BPF_F.WRONLY_PROG,
    BPF_F.RDONLY_PROG | BPF_F.WRONLY_PROG,
    BPF_F.ZERO_SEED,
    BPF_F.MMAPABLE,
    BPF_F.PRESERVE_ELEMS,
    BPF_F.INNER_MAP,
    BPF_F.CLONE,
    1 << 30,
  ].map((mapFlags): Row => [type, { ...attr, mapFlags }]),
);

async function create(task: Task, table: readonly Row[]): Promise<void> {
  for (const row of table) await task.bpf('MAP_CREATE', attrOf(row));
}

/** Values of a map's size, with a number that can be told apart. */
const value = (size: number, n: number): Uint8Array => new Uint8Array(size).fill(n);

/** Each operation on each kind of key, with each flag. */
async function exercise(task: Task, row: Row, keys: readonly Uint8Array[], size: number) {
  const made = await task.bpf('MAP_CREATE', attrOf(row));
  if (!made.ok) return;
  const mapFd = made.value;
  const get = (key: Uint8Array, flags = 0): Promise<unknown> =>
    task.bpf('MAP_LOOKUP_ELEM', { mapFd, key, value: new Uint8Array(size), flags });
  for (const [i, key] of keys.entries()) {
    await get(key);
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 1 + i), flags: EXIST });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 2 + i), flags: NOEXIST });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 3 + i), flags: NOEXIST });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 4 + i), flags: ANY });
    await get(key);
    await get(key, F_LOCK);
    await get(key, 8);
    for (const flags of [3, F_LOCK, 8, 1 << 20])
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 9), flags });
  }
  for (const key of keys) {
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key });
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key });
    await get(key);
  }
  await task.bpf('MAP_FREEZE', { mapFd });
  await task.bpf('MAP_FREEZE', { mapFd });
  for (const key of keys.slice(0, 1)) {
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: value(size, 7), flags: ANY });
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key });
    await get(key);
  }
  await task.call('close', mapFd);
}

const numbers = [0, 1, 3, 4, 0xffff_ffff].map(u32);
const prefixes = [
  [0, 0, 0, 0, 0],
  [8, 10, 0, 0, 0],
  [16, 10, 1, 0, 0],
  [32, 10, 1, 2, 3],
  [33, 10, 1, 2, 3],
].map(([length = 0, ...address]) => Uint8Array.of(...u32(length), ...address));

export default policyTests((test) => {
  test('sizes of maps', async ({ boot }) => {
    const { kernel } = await boot();
    await create(await kernel.spawn(), SIZES);
  });
  test('sizes of special maps', async ({ boot }) => {
    const { kernel } = await boot();
    await create(await kernel.spawn(), OTHERS);
  });
  test('flags of maps', async ({ boot }) => {
    const { kernel } = await boot();
    await create(await kernel.spawn(), FLAGS);
  });
  test('names of maps', async ({ boot }) => {
    const { kernel } = await boot();
    const names = ['', 'a', 'a.b_c9', 'a-b', 'a b', 'ä', 'abcdefghijklmno'];
    await create(
      await kernel.spawn(),
      names.map((mapName): Row => ['ARRAY', { mapName }]),
    );
  });

  for (const type of ['HASH', 'ARRAY', 'LRU_HASH', 'PERCPU_HASH', 'PERCPU_ARRAY'] as const)
    test(`operations on ${type}`, async ({ boot }) => {
      const { kernel } = await boot();
      const cpus = type.startsWith('PERCPU') ? kernel.possibleCpus : 1;
      // With room to spare: which element an LRU map gives up is left to the kernel.
      const attr = type === 'LRU_HASH' ? { maxEntries: 1000 } : {};
      await exercise(await kernel.spawn(), [type, attr], numbers, 8 * cpus);
    });
  test('operations on LPM_TRIE', async ({ boot }) => {
    const { kernel } = await boot();
    await exercise(await kernel.spawn(), ['LPM_TRIE', trie], prefixes, 8);
  });
  test('operations on RINGBUF', async ({ boot }) => {
    const { kernel } = await boot();
    await exercise(await kernel.spawn(), ['RINGBUF', ring], numbers.slice(0, 1), 8);
  });
  test('operations on a map that is read-only or write-only for bpf(2)', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    for (const mapFlags of [BPF_F.RDONLY, BPF_F.WRONLY])
      await exercise(task, ['ARRAY', { mapFlags }], numbers.slice(0, 1), 8);
  });
  test('operations on an array with a spin lock', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    await exercise(task, ['ARRAY', { btfKeyTypeId: 1, btfValueTypeId: 1 }], numbers, 8);
  });

  test('a hash holds as many elements as it was made for', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    for (const mapFlags of [0, BPF_F.NO_PREALLOC]) {
      const mapFd = await makeMap(task, 'HASH', { maxEntries: 3, mapFlags });
      for (let i = 0; i < 5; i++)
        await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(i), value: u32(i) });
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(1), value: u32(9) });
      await task.bpf('MAP_DELETE_ELEM', { mapFd, key: u32(2) });
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(7), value: u32(9) });
    }
  });

  test('the longest prefix is found', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const mapFd = await makeMap(task, 'LPM_TRIE', { ...trie, maxEntries: 10 });
    for (const [i, key] of prefixes.entries())
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key, value: u32(i) });
    const asked = [
      [32, 10, 1, 2, 3],
      [32, 10, 1, 2, 4],
      [32, 10, 2, 2, 4],
      [32, 11, 0, 0, 0],
      [8, 10, 0, 0, 0],
      [0, 1, 2, 3, 4],
    ];
    for (const [length = 0, ...address] of asked) {
      const key = Uint8Array.of(...u32(length), ...address);
      await task.bpf('MAP_LOOKUP_ELEM', { mapFd, key, value: new Uint8Array(4) });
    }
    await task.bpf('MAP_GET_NEXT_KEY', { mapFd, key: null, nextKey: new Uint8Array(8) });
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key: prefixes[1] ?? u32(0) });
    await task.bpf('MAP_LOOKUP_ELEM', {
      mapFd,
      key: Uint8Array.of(...u32(32), 10, 2, 2, 4),
      value: new Uint8Array(4),
    });
  });

  test('going through the keys of an array', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const mapFd = await makeMap(task, 'ARRAY', { maxEntries: 3 });
    for (const key of [null, u32(0), u32(1), u32(2), u32(77)])
      await task.bpf('MAP_GET_NEXT_KEY', { mapFd, key, nextKey: new Uint8Array(4) });
    const hash = await makeMap(task, 'HASH', { maxEntries: 3 });
    for (const key of [null, u32(0)])
      await task.bpf('MAP_GET_NEXT_KEY', { mapFd: hash, key, nextKey: new Uint8Array(4) });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd: hash, key: u32(5), value: u32(5) });
    for (const key of [null, u32(5), u32(6)])
      await task.bpf('MAP_GET_NEXT_KEY', { mapFd: hash, key, nextKey: new Uint8Array(4) });
  });

  test('maps of maps', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const inner = await makeMap(task, 'ARRAY', { maxEntries: 2, mapName: 'inner' });
    const larger = await makeMap(task, 'ARRAY', { maxEntries: 3, mapName: 'larger' });
    const hash = await makeMap(task, 'HASH', { maxEntries: 2, mapName: 'hash' });
    for (const type of ['ARRAY_OF_MAPS', 'HASH_OF_MAPS'] as const) {
      await task.bpf('MAP_CREATE', attrOf([type, { ...slots, innerMapFd: 99 }]));
      const mapFd = await makeMap(task, type, { maxEntries: 2, innerMapFd: inner });
      for (const fd of [inner, larger, hash, mapFd, 99])
        await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(fd) });
      await task.bpf('MAP_DELETE_ELEM', { mapFd, key: u32(0) });
      await task.bpf('MAP_LOOKUP_ELEM', { mapFd, key: u32(0), value: new Uint8Array(4) });
      await task.bpf('MAP_CREATE', attrOf(['ARRAY_OF_MAPS', { ...slots, innerMapFd: mapFd }]));
    }
  });

  test('arrays of programs', async ({ boot }) => {
    const machine = await boot();
    const task = await machine.kernel.spawn();
    const unlink = await loadHook(machine, task, always('inode_unlink', 0));
    const rmdir = await loadHook(machine, task, always('inode_rmdir', 0));
    const mapFd = await makeMap(task, 'PROG_ARRAY', { maxEntries: 2 });
    for (const fd of [unlink, unlink, rmdir, mapFd, 99])
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(fd) });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(2), value: u32(unlink) });
    await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(unlink), flags: NOEXIST });
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key: u32(0) });
    await task.bpf('MAP_DELETE_ELEM', { mapFd, key: u32(0) });
  });

  test('descriptors that are no maps', async ({ boot }) => {
    const machine = await boot();
    const task = await machine.kernel.spawn();
    const prog = await loadHook(machine, task, always('inode_unlink', 0));
    const file = await task.call('open', '/etc/passwd', 0);
    for (const mapFd of [99, prog, file]) {
      await task.bpf('MAP_LOOKUP_ELEM', { mapFd, key: u32(0), value: new Uint8Array(4) });
      await task.bpf('MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: new Uint8Array(4) });
      await task.bpf('MAP_DELETE_ELEM', { mapFd, key: u32(0) });
      await task.bpf('MAP_GET_NEXT_KEY', { mapFd, key: null, nextKey: new Uint8Array(4) });
      await task.bpf('MAP_FREEZE', { mapFd });
    }
    for (const bpfFd of [99, file]) await task.bpf('OBJ_GET_INFO_BY_FD', { bpfFd });
  });

  test('what the kernel tells of objects', async ({ boot }) => {
    const machine = await boot();
    const task = await machine.kernel.spawn();
    const map = await makeMap(task, 'HASH', { mapFlags: BPF_F.NO_PREALLOC });
    const prog = await loadHook(machine, task, always('inode_unlink', -1));
    const link = await task.bpf('RAW_TRACEPOINT_OPEN', { progFd: prog });
    for (const bpfFd of [map, prog, link.ok ? link.value : 99])
      await task.bpf('OBJ_GET_INFO_BY_FD', { bpfFd });
  });
});
