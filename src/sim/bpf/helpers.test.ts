import { describe, expect, it } from 'vitest';
import { BPF_F, BPF_MAP_TYPE, ERRNO, HELPERS } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { MapCreateAttr } from '../../kernel/bpf.ts';
import { openKernelImage } from '../../node/index.ts';
import { toAddress } from '../mem/memory.ts';
import { bootFake } from './testdata/fake-host.ts';
import { HELPER_SUPPORT } from './index.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
const boot = () => bootFake(btf, '6.12.95');
const { E2BIG, EEXIST, EFAULT, EINVAL, ENOENT, ERANGE } = ERRNO;
const T = BPF_MAP_TYPE;

/** `call NAME` with the helper's number. */
const call = (name: string): string => `call bpf_${name}#${HELPERS.findIndex((h) => h === name)}`;
/** Stores text on the stack at r10 + offset, eight bytes an instruction. */
const onStack = (text: string, offset: number): string => {
  const bytes = new TextEncoder().encode(text.padEnd(Math.ceil((text.length + 1) / 8) * 8, '\0'));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 8 }, (_, i) => {
    const word = view.getBigUint64(i * 8, true);
    return `r1 = ${BigInt.asIntN(64, word)} ll\n*(u64 *)(r10 ${offset + i * 8}) = r1`;
  }).join('\n');
};
const withMap = (attr: Partial<MapCreateAttr> = {}) => {
  const kernel = boot();
  const fd = kernel.must('MAP_CREATE', {
    mapType: T.HASH,
    keySize: 4,
    valueSize: 8,
    maxEntries: 2,
    ...attr,
  });
  return { ...kernel, fd };
};
const KEY = '*(u32 *)(r10 -4) = 5\nr2 = r10\nr2 += -4';

const update = (fd: number, flags: number): string =>
  `${KEY}\n*(u64 *)(r10 -16) = 9\nr1 = map[fd:${fd}]\nr3 = r10\nr3 += -16\nr4 = ${flags}\n${call('map_update_elem')}`;

const ring = () => {
  const kernel = withMap({ mapType: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 });
  const reader = kernel.bpf.ringbuf(kernel.task, kernel.fd);
  if (!reader.ok) throw new Error(reader.reason);
  return { ...kernel, reader: reader.value };
};

const reserve = (fd: number, size: number): string =>
  `r1 = map[fd:${fd}]\nr2 = ${size}\nr3 = 0\n${call('ringbuf_reserve')}\nif r0 == 0 goto full`;

const read = (helper: string, source: string, size = 8): string =>
  `*(u64 *)(r10 -8) = -1\nr1 = r10\nr1 += -8\nr2 = ${size}\n${source}\n${call(helper)}`;

const send = (fd: number, size: number, end: string): string =>
  `${reserve(fd, size)}\n*(u8 *)(r0 +0) = ${size & 255}\nr1 = r0\nr2 = 0\n${call(end)}\nr0 = 0
      exit\nfull: r0 = -1\nexit`;

describe('map helpers', () => {
  it('update, look up and delete', () => {
    const { run, fd, call: bpf } = withMap();
    const find = `${KEY}\nr1 = map[fd:${fd}]\n${call('map_lookup_elem')}\nif r0 == 0 goto out`;
    expect(run(`${find}\nr0 = -1\nout: exit`)).toBe(0);
    expect(run(`${update(fd, 0)}\nexit`)).toBe(0);
    expect(run(`${find}\nr0 = *(u64 *)(r0 +0)\nr0 = -r0\nout: exit`)).toBe(-9);
    expect(run(`${update(fd, 1)}\nexit`)).toBe(-EEXIST);
    const remove = `${KEY}\nr1 = map[fd:${fd}]\n${call('map_delete_elem')}\nexit`;
    expect(run(remove)).toBe(0);
    expect(run(remove)).toBe(-ENOENT);
    expect(run(`${update(fd, 2)}\nexit`)).toBe(-ENOENT);
    const value = new Uint8Array(8);
    expect(bpf('MAP_LOOKUP_ELEM', { mapFd: fd, key: new Uint8Array(4), value })).toMatchObject({
      errno: ENOENT,
    });
  });

  it.each([
    ['a read-only map', { mapFlags: BPF_F.RDONLY_PROG }, 'write into map forbidden'],
    [
      'a ring buffer',
      { mapType: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
      'does not go with',
    ],
  ])('fault on %s', (_title, attr, message) => {
    const { run, fd } = withMap(attr);
    expect(() => run(`${update(fd, 0)}\nexit`)).toThrow(message);
  });

  it('fault on a key that is no memory', () => {
    const { run, fd } = withMap();
    expect(() =>
      run(`r1 = map[fd:${fd}]\nr2 = 8\n${call('map_lookup_elem')}\nr0 = 0\nexit`),
    ).toThrow('R2');
  });

  it('walk a map with a callback, until it answers 1', () => {
    const { run, fd, must } = withMap({ mapType: T.ARRAY, maxEntries: 4 });
    for (const i of [0, 1, 2, 3])
      must('MAP_UPDATE_ELEM', {
        mapFd: fd,
        key: new Uint8Array([i, 0, 0, 0]),
        value: new Uint8Array([i * 2, 0, 0, 0, 0, 0, 0, 0]),
      });
    const walk = (stop: number) => `*(u64 *)(r10 -8) = 0
      r1 = map[fd:${fd}]
      r2 = subprog[each]
      r3 = r10
      r3 += -8
      r4 = 0
      ${call('for_each_map_elem')}
      r1 = *(u64 *)(r10 -8)
      r1 <<= 4
      r0 |= r1
      r0 = -r0
      exit
      each: r1 = *(u32 *)(r2 +0)
      r3 = *(u64 *)(r3 +0)
      r2 = *(u64 *)(r4 +0)
      r2 += r3
      *(u64 *)(r4 +0) = r2
      r0 = 0
      if r1 != ${stop} goto done
      r0 = 1
      done: exit`;
    expect(run(walk(9))).toBe(-((12 << 4) | 4));
    expect(run(walk(1))).toBe(-((2 << 4) | 2));
  });

  it.each([
    ['all', 5, 9, -5],
    ['until 1', 5, 2, -3],
    ['too many', (1 << 23) + 1, 9, -E2BIG],
  ])('loop: %s', (_title, count, stop, expected) => {
    const code = `r1 = ${count}\nr2 = subprog[each]\nr3 = 0\nr4 = 0\n${call('loop')}
      if r0 s< 0 goto out\nr0 = -r0\nout: exit
      each: r0 = 0\nif r1 != ${stop} goto done\nr0 = 1\ndone: exit`;
    expect(boot().run(code)).toBe(expected);
  });
});

describe('ring buffers', () => {
  it('carry what is submitted, in order, and not what is discarded', () => {
    const { run, fd, reader } = ring();
    run(send(fd, 5, 'ringbuf_submit'));
    run(send(fd, 6, 'ringbuf_discard'));
    run(send(fd, 9, 'ringbuf_submit'));
    expect(reader.consume().map((record) => [record.length, record[0]])).toEqual([
      [5, 5],
      [9, 9],
    ]);
    expect(reader.consume()).toEqual([]);
  });

  it('go round many times with records that cross the end', () => {
    const { load, attach, fd, reader, host } = ring();
    attach(load('file_open', send(fd, 1000, 'ringbuf_submit')));
    for (let i = 0; i < 20; i++) {
      for (const _ of [1, 2, 3]) expect(host.lsm.fire('file_open', [null]).result).toBe(0);
      const records = reader.consume();
      expect(records.map((r) => [r.length, r[0]])).toEqual([1, 2, 3].map(() => [1000, 1000 & 255]));
    }
  });

  it('are full when the reader lags', () => {
    const { run, fd, reader } = ring();
    const sizes = [1000, 1000, 1000, 1000].map((size) => run(send(fd, size, 'ringbuf_submit')));
    expect(sizes).toEqual([0, 0, 0, 0]);
    expect(run(send(fd, 100, 'ringbuf_submit'))).toBe(-1);
    expect(reader.consume()).toHaveLength(4);
    expect(run(send(fd, 100, 'ringbuf_submit'))).toBe(0);
  });

  it('take whole records, and tell their state', () => {
    const { run, fd, reader } = ring();
    const output = `*(u64 *)(r10 -8) = 7\nr1 = map[fd:${fd}]\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0
      ${call('ringbuf_output')}\nexit`;
    expect(run(output)).toBe(0);
    const query = (what: number) =>
      run(`r1 = map[fd:${fd}]\nr2 = ${what}\n${call('ringbuf_query')}\nr0 = -r0\nexit`);
    expect([0, 1, 2, 3].map(query)).toEqual([-16, -4096, 0, -16]);
    expect(reader.consume()).toEqual([new Uint8Array([7, 0, 0, 0, 0, 0, 0, 0])]);
  });

  it('live as long as they are mapped', () => {
    const { task, fd, reader, bpf } = ring();
    task.close(fd);
    expect(bpf.leaks()).toHaveLength(1);
    reader.close();
    expect(bpf.leaks()).toEqual([]);
  });
});

describe('the task', () => {
  it.each([
    ['get_current_pid_tgid', 'w0 = w0', 7],
    ['get_current_pid_tgid', 'r0 >>= 32', 5],
    ['get_current_uid_gid', 'w0 = w0', 1000],
    ['get_current_uid_gid', 'r0 >>= 32', 100],
    ['get_current_cgroup_id', '', 42],
    ['ktime_get_ns', '', 1_000_000],
    ['get_smp_processor_id', '', 0],
  ])('%s; %s', (name, part, expected) => {
    expect(boot().run(`${call(name)}\n${part}\nr0 = -r0\nexit`)).toBe(-expected || 0);
  });

  it.each([
    [0, 1],
    [1, 42],
    [2, 0],
  ])('ancestor cgroup at level %i', (level, id) => {
    const code = `r1 = ${level}\n${call('get_current_ancestor_cgroup_id')}\nr0 = -r0\nexit`;
    expect(boot().run(code)).toBe(-id || 0);
  });

  it('comm is cut to the buffer, and padded', () => {
    const code = `r1 = r10\nr1 += -8\nr2 = 4\n*(u64 *)(r10 -8) = -1\n${call('get_current_comm')}
      r0 = *(u32 *)(r10 -8)\nr0 = -r0\nexit`;
    expect(boot().run(code)).toBe(-0x00726f77);
  });

  it('has storage, which goes with it', () => {
    const builder = readBtf(openKernelImage('6.12').btf, { file: 'own' });
    const kernel = boot();
    const btfFd = kernel.must('BTF_LOAD', { btf: builder.bytes });
    const type = builder.find('int', 'int') ?? 0;
    const fd = kernel.must('MAP_CREATE', {
      mapType: T.TASK_STORAGE,
      keySize: 4,
      valueSize: 4,
      maxEntries: 0,
      mapFlags: BPF_F.NO_PREALLOC,
      btfFd,
      btfKeyTypeId: type,
      btfValueTypeId: type,
    });
    const count = (flags: number) => `${call('get_current_task_btf')}
      r2 = r0\nr1 = map[fd:${fd}]\nr3 = 0\nr4 = ${flags}\n${call('task_storage_get')}
      if r0 == 0 goto out\nr1 = *(u32 *)(r0 +0)\nr1 += 1\n*(u32 *)(r0 +0) = r1\nr0 = r1\nr0 = -r0\nout: exit`;
    expect([0, 1, 0].map((flags) => kernel.run(count(flags)))).toEqual([0, -1, -2]);
    kernel.host.lsm.hook('task_free').call(kernel.task.addr);
    expect(kernel.run(count(0))).toBe(0);
  });
});

describe('reading memory', () => {
  const PATH = 'reads';
  const bytes = 'r0 = *(u64 *)(r10 -8)\nr0 = -r0\nexit';

  it('of the kernel', () => {
    const { run, host } = boot();
    const at = host.mem.alloc(16);
    host.mem.u8.set([7, 0, 0, 0], at);
    const source = `r3 = ${BigInt.asIntN(64, toAddress(at))} ll`;
    expect(run(`${read('probe_read_kernel', source)}\n${bytes}`)).toBe(-7);
    expect(run(`${read('probe_read', source)}\n${bytes}`)).toBe(-7);
  });

  it.each([
    ['NULL', 'r3 = 0', -ERANGE],
    ['a user address', 'r3 = 4096', -ERANGE],
    ['an address where nothing is', 'r3 = -16', -EFAULT],
  ])(`${PATH} of %s fail and leave zeroes`, (_title, source, errno) => {
    expect(boot().run(`${read('probe_read_kernel', source)}\nexit`)).toBe(errno);
    expect(boot().run(`${read('probe_read_kernel', source)}\n${bytes}`)).toBe(0);
  });

  it('of the task, as far as it is mapped', () => {
    const { run, host } = boot();
    host.user.bytes = new Uint8Array(4096).fill(65, 0, 3);
    const at = (offset: number) => `r3 = ${host.user.address + offset} ll`;
    expect(run(`${read('probe_read_user', at(0))}\n${bytes}`)).toBe(-0x414141);
    expect(run(`${read('probe_read_user', at(4092))}\nexit`)).toBe(-EFAULT);
    expect(run(`${read('probe_read_user_str', at(0))}\nr0 = -r0\nexit`)).toBe(-4);
    expect(run(`${read('probe_read_user_str', at(0), 3)}\nr0 = -r0\nexit`)).toBe(-3);
    expect(run(`${read('copy_from_user', at(0))}\n${bytes}`, { progFlags: 16 })).toBe(-0x414141);
  });

  it('d_path gives the length with its NUL', () => {
    const { host, load, attach } = boot();
    const code = `r1 = *(u64 *)(r1 +0)\nr2 = r10\nr2 += -32\nr3 = 32\n${call('d_path')}\nr0 = -r0\nexit`;
    attach(load('file_open', code));
    expect(host.lsm.fire('file_open', { file: {} }).result).toBe(-12);
  });
});

describe('text', () => {
  it.each([
    ['abc', 'abc', 4, 0],
    ['abc', 'abd', 4, -1],
    ['abd', 'abc', 2, 0],
  ])('strncmp(%s, %s, %i)', (left, right, size, expected) => {
    const code = `${onStack(left, -16)}\n${onStack(right, -8)}
      r1 = r10\nr1 += -16\nr2 = ${size}\nr3 = r10\nr3 += -8\n${call('strncmp')}\nexit`;
    expect(boot().run(code)).toBe(expected);
  });

  it.each([
    ['strtol', ' -17x', 0, -17],
    ['strtol', '0x1f', 0, 31],
    ['strtol', '017', 0, 15],
    ['strtol', '19', 8, 1],
    ['strtoul', '42', 10, 42],
  ])('%s("%s", %i)', (name, text, base, expected) => {
    const code = `${onStack(text, -16)}\nr1 = r10\nr1 += -16\nr2 = ${text.length}\nr3 = ${base}
      r4 = r10\nr4 += -8\n${call(name)}\nr0 = *(u64 *)(r10 -8)
      if r0 s< 0 goto out\nr0 = -r0\nout: exit`;
    expect(boot().run(code)).toBe(-Math.abs(expected));
  });

  it.each([
    ['strtol', 'x', 0, -EINVAL],
    ['strtol', '', 0, -EINVAL],
    ['strtol', '5', 2, -EINVAL],
    ['strtol', '9223372036854775808', 0, -ERANGE],
    ['strtoul', '-1', 0, -EINVAL],
  ])('%s("%s", %i) fails', (name, text, base, expected) => {
    const code = `${onStack(text, -40)}\nr1 = r10\nr1 += -40\nr2 = ${text.length}\nr3 = ${base}
      r4 = r10\nr4 += -8\n${call(name)}\nexit`;
    expect(boot().run(code)).toBe(expected);
  });

  it('trace_printk is readable', () => {
    const { run, bpf } = boot();
    const code = `${onStack('pid %d\n', -8)}\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 7
      ${call('trace_printk')}\nr0 = -r0\nexit`;
    expect(run(code)).toBe(-6);
    expect(bpf.trace).toEqual(['pid 7']);
  });
});

it('every helper is in the table, with its number', () => {
  expect(HELPER_SUPPORT[0]).toMatchObject({ name: 'map_lookup_elem', number: 1, support: 'yes' });
  expect(HELPER_SUPPORT.find((h) => h.name === 'skb_load_bytes')).toMatchObject({ support: 'no' });
});
