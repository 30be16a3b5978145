import { describe, expect, it } from 'vitest';
import { BPF_F, BPF_MAP_TYPE, ERRNO } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { MapCreateAttr } from '../../kernel/bpf.ts';
import { openKernelImage } from '../../node/index.ts';
import { bootFake } from './testdata/fake-host.ts';
import { MAP_TYPES } from './index.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
const boot = () => bootFake(btf, '6.12.95');

const { E2BIG, EBADF, EEXIST, EFAULT, EINVAL, ENOENT, ENOSPC, ENOTSUPP, EPERM } = ERRNO;
const T = BPF_MAP_TYPE;
type Row = readonly [title: string, attr: Partial<MapCreateAttr>, errno: number];

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value, 0]).buffer);
const number = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(0, true);

const base = (mapType: number, attr: Partial<MapCreateAttr> = {}): MapCreateAttr => ({
  mapType,
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  ...attr,
});

const errno = (result: { ok: boolean; errno?: number }): number =>
  result.ok ? 0 : -(result.errno ?? 0);

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

const lpmKey = (prefix: number, ...bytes: number[]): Uint8Array =>
  new Uint8Array([...u32(prefix), ...bytes]);

/** A map with functions that give the value or the errno, negative. */
function mapOf(attr: MapCreateAttr, kernel = boot()) {
  const fd = kernel.must('MAP_CREATE', attr);
  const info = kernel.must('OBJ_GET_INFO_BY_FD', { bpfFd: fd });
  const size = info.kind === 'map' ? info.valueSize : 0;
  return {
    ...kernel,
    fd,
    set: (key: Uint8Array, value: Uint8Array, flags = 0) =>
      errno(kernel.call('MAP_UPDATE_ELEM', { mapFd: fd, key, value, flags })),
    get(key: Uint8Array, length = size): Uint8Array | number {
      const value = new Uint8Array(length);
      const result = kernel.call('MAP_LOOKUP_ELEM', { mapFd: fd, key, value });
      return result.ok ? value : -result.errno;
    },
    remove: (key: Uint8Array) => errno(kernel.call('MAP_DELETE_ELEM', { mapFd: fd, key })),
    keys(): Uint8Array[] {
      const keys: Uint8Array[] = [];
      for (let key: Uint8Array | null = null; ;) {
        const nextKey: Uint8Array = new Uint8Array(attr.keySize);
        if (!kernel.call('MAP_GET_NEXT_KEY', { mapFd: fd, key, nextKey }).ok) return keys;
        keys.push(nextKey);
        key = nextKey;
      }
    },
  };
}

describe('MAP_CREATE', () => {
  const RINGBUF = { keySize: 0, valueSize: 0, maxEntries: 4096 };
  const LPM = { keySize: 8, mapFlags: BPF_F.NO_PREALLOC };
  const rows: readonly (readonly [type: keyof typeof T, ...Row])[] = [
    ['ARRAY', 'as it should be', {}, 0],
    ['ARRAY', 'without entries', { maxEntries: 0 }, EINVAL],
    ['ARRAY', 'with a key of 8 bytes', { keySize: 8 }, EINVAL],
    ['ARRAY', 'without a value', { valueSize: 0 }, EINVAL],
    ['ARRAY', 'with NO_PREALLOC', { mapFlags: BPF_F.NO_PREALLOC }, EINVAL],
    ['ARRAY', 'mmapable', { mapFlags: BPF_F.MMAPABLE }, 0],
    [
      'ARRAY',
      'read-only and write-only',
      { mapFlags: BPF_F.RDONLY_PROG | BPF_F.WRONLY_PROG },
      EINVAL,
    ],
    ['PERCPU_ARRAY', 'mmapable', { mapFlags: BPF_F.MMAPABLE }, EINVAL],
    ['PERCPU_ARRAY', 'with a value beyond a unit', { valueSize: 32769 }, E2BIG],
    ['HASH', 'as it should be', {}, 0],
    ['HASH', 'without a key', { keySize: 0 }, EINVAL],
    ['HASH', 'with NO_COMMON_LRU', { mapFlags: BPF_F.NO_COMMON_LRU }, EINVAL],
    ['HASH', 'with a value beyond kmalloc', { valueSize: 4 * 1024 * 1024 }, E2BIG],
    ['LRU_HASH', 'with NO_PREALLOC', { mapFlags: BPF_F.NO_PREALLOC }, ENOTSUPP],
    ['LPM_TRIE', 'as it should be', LPM, 0],
    ['LPM_TRIE', 'preallocated', { keySize: 8 }, EINVAL],
    ['LPM_TRIE', 'with a key of 4 bytes', { ...LPM, keySize: 4 }, EINVAL],
    ['RINGBUF', 'of one page', RINGBUF, 0],
    ['RINGBUF', 'of three pages', { ...RINGBUF, maxEntries: 12288 }, EINVAL],
    ['RINGBUF', 'of 2048 bytes', { ...RINGBUF, maxEntries: 2048 }, EINVAL],
    ['RINGBUF', 'with a value', { ...RINGBUF, valueSize: 4 }, EINVAL],
    ['PROG_ARRAY', 'with a value of 8 bytes', {}, EINVAL],
    ['PROG_ARRAY', 'as it should be', { valueSize: 4 }, 0],
    ['ARRAY_OF_MAPS', 'without an inner map', { valueSize: 4 }, EBADF],
    ['INODE_STORAGE', 'with entries', { mapFlags: BPF_F.NO_PREALLOC }, EINVAL],
    ['TASK_STORAGE', 'without BTF', { maxEntries: 0, mapFlags: BPF_F.NO_PREALLOC }, EINVAL],
    ['ARENA', 'which is not modelled', {}, EINVAL],
  ];
  it.each(rows)('%s %s', (type, _title, attr, errno) => {
    const { bpf, task } = boot();
    const result = bpf.call(task, 'MAP_CREATE', base(T[type], attr));
    expect(result.ok ? 0 : result.errno).toBe(errno);
  });

  it('names what is not modelled', () => {
    const { call } = boot();
    expect(call('MAP_CREATE', base(T.STACK_TRACE))).toMatchObject({
      errno: EINVAL,
      reason: 'map type STACK_TRACE (#7) is not modelled',
    });
    expect(call('MAP_CREATE', base(999))).toMatchObject({ errno: EINVAL });
  });

  it.each(['way_too_long_name', 'a-b', 'a b'])(
    'refuses the name %s and keeps nothing',
    (mapName) => {
      const { call, bpf, host } = boot();
      const before = host.mem.liveObjects;
      expect(call('MAP_CREATE', base(T.HASH, { mapName }))).toMatchObject({ errno: EINVAL });
      expect(bpf.leaks()).toEqual([]);
      expect(host.mem.liveObjects).toBe(before);
    },
  );

  it('needs CAP_BPF for the kinds that Linux keeps to it', () => {
    const { call, host } = boot();
    host.caps = false;
    host.unprivilegedBpfDisabled = 0;
    expect(call('MAP_CREATE', base(T.LRU_HASH))).toMatchObject({ errno: EPERM });
    expect(call('MAP_CREATE', base(T.HASH))).toMatchObject({ ok: true });
    host.unprivilegedBpfDisabled = 2;
    expect(call('MAP_CREATE', base(T.HASH))).toMatchObject({ errno: EPERM });
  });

  it('lists every type', () => {
    expect(MAP_TYPES.find((type) => type.name === 'HASH')).toMatchObject({
      number: 1,
      support: 'yes',
    });
    expect(MAP_TYPES.find((type) => type.name === 'ARENA')).toMatchObject({ support: 'no' });
  });
});

describe('arrays', () => {
  it('hold every index from the start', () => {
    const map = mapOf(base(T.ARRAY));
    expect(map.get(u32(3))).toEqual(u64(0));
    expect(map.set(u32(3), u64(9))).toBe(0);
    expect(map.get(u32(3))).toEqual(u64(9));
    expect(map.keys().map(number)).toEqual([0, 1, 2, 3]);
  });

  it.each([
    ['lookup beyond the end', -ENOENT, (m: ReturnType<typeof mapOf>) => m.get(u32(4))],
    ['update beyond the end', -E2BIG, (m: ReturnType<typeof mapOf>) => m.set(u32(4), u64(1))],
    ['update with NOEXIST', -EEXIST, (m: ReturnType<typeof mapOf>) => m.set(u32(0), u64(1), 1)],
    ['update with EXIST', 0, (m: ReturnType<typeof mapOf>) => m.set(u32(0), u64(1), 2)],
    [
      'update with unknown flags',
      -EINVAL,
      (m: ReturnType<typeof mapOf>) => m.set(u32(0), u64(1), 3),
    ],
    ['update with F_LOCK', -EINVAL, (m: ReturnType<typeof mapOf>) => m.set(u32(0), u64(1), 4)],
    ['delete', -EINVAL, (m: ReturnType<typeof mapOf>) => m.remove(u32(0))],
    ['a short key', -EFAULT, (m: ReturnType<typeof mapOf>) => m.get(new Uint8Array(2))],
  ] as const)('%s', (_title, expected, act) => {
    expect(act(mapOf(base(T.ARRAY)))).toBe(expected);
  });

  it('per CPU give one aligned slot for each possible CPU', () => {
    const map = mapOf(base(T.PERCPU_ARRAY, { valueSize: 4 }));
    const value = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(map.set(u32(1), value)).toBe(0);
    expect(map.get(u32(1), 16)).toEqual(value);
    expect(map.get(u32(1), 4)).toBe(-EFAULT);
  });
});

describe('hash tables', () => {
  it.each(['HASH', 'PERCPU_HASH', 'LRU_HASH'] as const)('%s: errnos', (type) => {
    const map = mapOf(base(T[type], { valueSize: 8 }));
    const value = type === 'PERCPU_HASH' ? new Uint8Array(16) : u64(1);
    expect(map.get(u32(1), value.length)).toBe(-ENOENT);
    expect(map.remove(u32(1))).toBe(-ENOENT);
    expect(map.set(u32(1), value, 2)).toBe(-ENOENT);
    expect(map.set(u32(1), value, 1)).toBe(0);
    expect(map.set(u32(1), value, 1)).toBe(-EEXIST);
    expect(map.set(u32(1), value, 3)).toBe(-EINVAL);
    expect(map.remove(u32(1))).toBe(0);
    expect(map.keys()).toEqual([]);
  });

  it('are full at max_entries, and take updates of what is there', () => {
    const map = mapOf(base(T.HASH));
    for (const key of [1, 2, 3, 4]) expect(map.set(u32(key), u64(key))).toBe(0);
    expect(map.set(u32(5), u64(5))).toBe(-E2BIG);
    expect(map.set(u32(4), u64(44))).toBe(0);
    expect(map.get(u32(4))).toEqual(u64(44));
    expect(map.remove(u32(1))).toBe(0);
    expect(map.set(u32(5), u64(5))).toBe(0);
    expect(sorted(map.keys().map(number))).toEqual([2, 3, 4, 5]);
  });

  it('LRU gives up the element that was not used for the longest time', () => {
    const map = mapOf(base(T.LRU_HASH));
    for (const key of [1, 2, 3, 4]) map.set(u32(key), u64(key));
    map.set(u32(1), u64(11));
    map.set(u32(5), u64(5));
    expect(sorted(map.keys().map(number))).toEqual([1, 3, 4, 5]);
  });

  it('keep thousands of elements', () => {
    const map = mapOf(base(T.HASH, { maxEntries: 3000 }));
    for (let i = 0; i < 3000; i++) map.set(u32(i * 7), u64(i));
    for (let i = 0; i < 3000; i += 2) expect(map.remove(u32(i * 7))).toBe(0);
    expect(map.keys()).toHaveLength(1500);
    expect(map.get(u32(7 * 2999))).toEqual(u64(2999));
  });
});

describe('LPM tries', () => {
  const attr = base(T.LPM_TRIE, { keySize: 8, maxEntries: 16, mapFlags: BPF_F.NO_PREALLOC });
  const key = lpmKey;
  const trie = () => {
    const map = mapOf(attr);
    map.set(key(0, 0, 0, 0, 0), u64(1));
    map.set(key(8, 10, 0, 0, 0), u64(2));
    map.set(key(24, 10, 1, 2, 0), u64(3));
    map.set(key(32, 10, 1, 2, 3), u64(4));
    map.set(key(24, 192, 0, 2, 0), u64(5));
    return map;
  };

  it.each([
    ['the exact address', key(32, 10, 1, 2, 3), 4],
    ['its network', key(32, 10, 1, 2, 4), 3],
    ['the wider network', key(32, 10, 9, 9, 9), 2],
    ['a shorter key than the entries below it', key(16, 10, 1, 0, 0), 2],
    ['another network', key(32, 192, 0, 2, 77), 5],
    ['the default', key(32, 8, 8, 8, 8), 1],
  ])('find %s', (_title, address, expected) => {
    expect(trie().get(address)).toEqual(u64(expected));
  });

  it('refuse prefixes longer than the key, and more entries than there is room for', () => {
    const map = mapOf({ ...attr, maxEntries: 1 });
    expect(map.set(key(33, 1, 2, 3, 4), u64(1))).toBe(-EINVAL);
    expect(map.remove(key(33, 1, 2, 3, 4))).toBe(-EINVAL);
    expect(map.set(key(8, 1, 0, 0, 0), u64(1))).toBe(0);
    expect(map.set(key(8, 2, 0, 0, 0), u64(1))).toBe(-ENOSPC);
    expect(map.set(key(8, 1, 0, 0, 0), u64(2), 1)).toBe(-EEXIST);
    expect(map.set(key(8, 3, 0, 0, 0), u64(2), 2)).toBe(-ENOENT);
    expect(map.set(key(8, 1, 0, 0, 0), u64(2))).toBe(0);
  });

  it('forget what is deleted and list longer prefixes before those that contain them', () => {
    const map = trie();
    const list = () => map.keys().map((k) => number(k));
    expect(list()).toEqual([32, 24, 8, 24, 0]);
    expect(map.remove(key(24, 10, 1, 2, 0))).toBe(0);
    expect(map.remove(key(24, 10, 1, 2, 0))).toBe(-ENOENT);
    expect(map.get(key(32, 10, 1, 2, 4))).toEqual(u64(2));
    for (const each of [key(0, 0, 0, 0, 0), key(8, 10, 0, 0, 0), key(32, 10, 1, 2, 3)])
      expect(map.remove(each)).toBe(0);
    expect(list()).toEqual([24]);
    expect(map.remove(key(24, 192, 0, 2, 0))).toBe(0);
    expect(list()).toEqual([]);
  });
});

describe('access from user space', () => {
  it('ends for writing when the map is frozen', () => {
    const map = mapOf(base(T.ARRAY));
    map.must('MAP_FREEZE', { mapFd: map.fd });
    expect(map.set(u32(0), u64(1))).toBe(-EPERM);
    expect(map.get(u32(0))).toEqual(u64(0));
    expect(map.call('MAP_FREEZE', { mapFd: map.fd })).toMatchObject({ errno: EPERM });
  });

  it.each([
    ['BPF_F_RDONLY', BPF_F.RDONLY, -EPERM, u64(0)],
    ['BPF_F_WRONLY', BPF_F.WRONLY, 0, -EPERM],
  ])('%s', (_title, mapFlags, written, read) => {
    const map = mapOf(base(T.ARRAY, { mapFlags }));
    expect(map.set(u32(0), u64(0))).toBe(written);
    expect(map.get(u32(0))).toEqual(read);
  });

  it('tells bad descriptors from those of other things', () => {
    const { call, load } = boot();
    const prog = load('file_open', 'r0 = 0\nexit');
    const key = u32(0);
    expect(call('MAP_DELETE_ELEM', { mapFd: 99, key })).toMatchObject({ errno: EBADF });
    expect(call('MAP_DELETE_ELEM', { mapFd: prog, key })).toMatchObject({ errno: EINVAL });
  });
});

describe('maps in maps', () => {
  it.each(['ARRAY_OF_MAPS', 'HASH_OF_MAPS'] as const)('%s', (type) => {
    const kernel = boot();
    const inner = kernel.must('MAP_CREATE', base(T.ARRAY));
    const other = kernel.must('MAP_CREATE', base(T.ARRAY, { valueSize: 4 }));
    const map = mapOf(base(T[type], { valueSize: 4, innerMapFd: inner }), kernel);
    expect(map.set(u32(1), u32(inner))).toBe(0);
    expect(map.set(u32(1), u32(other))).toBe(-EINVAL);
    expect(map.set(u32(1), u32(99))).toBe(-EBADF);
    const id = kernel.must('OBJ_GET_INFO_BY_FD', { bpfFd: inner });
    expect(map.get(u32(1))).toEqual(u32(id.kind === 'map' ? id.id : 0));
    expect(map.get(u32(2))).toBe(-ENOENT);
    for (const fd of [inner, other]) kernel.task.close(fd);
    expect(kernel.bpf.leaks()).toHaveLength(2);
    expect(map.remove(u32(1))).toBe(0);
    expect(map.remove(u32(1))).toBe(-ENOENT);
    kernel.task.close(map.fd);
    expect(kernel.bpf.leaks()).toEqual([]);
  });

  it('do not nest twice, and take no program arrays', () => {
    const { must, call } = boot();
    const plain = must('MAP_CREATE', base(T.ARRAY));
    const outer = must('MAP_CREATE', base(T.ARRAY_OF_MAPS, { valueSize: 4, innerMapFd: plain }));
    const progs = must('MAP_CREATE', base(T.PROG_ARRAY, { valueSize: 4 }));
    const make = (innerMapFd: number) =>
      call('MAP_CREATE', base(T.ARRAY_OF_MAPS, { valueSize: 4, innerMapFd }));
    expect(make(outer)).toMatchObject({ errno: EINVAL });
    expect(make(progs)).toMatchObject({ errno: ENOTSUPP });
  });
});

describe('program arrays', () => {
  it('take programs of one hook and let go of them with the last descriptor', () => {
    const kernel = boot();
    const map = mapOf(base(T.PROG_ARRAY, { valueSize: 4 }), kernel);
    const first = kernel.load('file_open', 'r0 = 0\nexit');
    const second = kernel.load('file_permission', 'r0 = 0\nexit');
    expect(map.set(u32(0), u32(first))).toBe(0);
    expect(map.set(u32(1), u32(second))).toBe(-EINVAL);
    expect(map.set(u32(9), u32(first))).toBe(-E2BIG);
    expect(map.set(u32(0), u32(first), 1)).toBe(-EINVAL);
    expect(map.remove(u32(1))).toBe(-ENOENT);
    kernel.task.close(second);
    kernel.task.close(first);
    expect(kernel.bpf.leaks()).toHaveLength(2);
    kernel.task.close(map.fd);
    expect(kernel.bpf.leaks()).toEqual([]);
  });
});

it('every kind gives its memory back', () => {
  const kernel = boot();
  const before = kernel.host.mem.liveObjects;
  for (const attr of [
    base(T.HASH),
    base(T.ARRAY),
    base(T.PERCPU_HASH),
    base(T.RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 }),
    base(T.LPM_TRIE, { keySize: 8, mapFlags: BPF_F.NO_PREALLOC }),
  ]) {
    const map = mapOf(attr, kernel);
    map.set(new Uint8Array(attr.keySize), new Uint8Array(attr.valueSize));
    kernel.task.close(map.fd);
  }
  expect(kernel.bpf.leaks()).toEqual([]);
  expect(kernel.host.mem.liveObjects).toBe(before);
});
