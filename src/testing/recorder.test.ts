import { describe, expect, it } from 'vitest';
import { BPF_MAP_TYPE } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import type { Kernel } from '../kernel/index.ts';
import { openKernelImage } from '../node/index.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import { recordKernel } from './recorder.ts';
import { compareTranscripts, formatDifference, formatStep } from './transcript.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
const boot = (): Kernel => asKernel(bootKernel({ btf, release: '6.12.95' }));

async function lines(act: (kernel: Kernel) => Promise<void>, maps = {}): Promise<string[]> {
  const recording = recordKernel(boot(), maps);
  await act(recording.kernel);
  return recording.steps.map(formatStep);
}

describe('a recording', () => {
  it('names tasks by their creation and descriptors by what made them', async () => {
    const shown = await lines(async (kernel) => {
      const task = await kernel.spawn({ uid: 1000 });
      const fd = await task.call('open', '/etc/hostname', 0);
      await task.call('read', fd, new Uint8Array(100));
      await task.call('close', fd);
      await task.call('close', fd);
      await task.call('kill', task.pid, 0);
    });
    expect(shown).toEqual([
      'self: spawn({ uid: 1000 }) = task1',
      'task1: open("/etc/hostname", 0x0) = file "/etc/hostname"',
      'task1: read(file "/etc/hostname") = 10 "localhost\\n"',
      'task1: close(file "/etc/hostname") = 0',
      'task1: close(file "/etc/hostname") = EBADF',
      'task1: kill(task1, 0) = 0',
    ]);
  });

  it('tells addresses by the area they lie in', async () => {
    const shown = await lines(async (kernel) => {
      const task = await kernel.spawn();
      await task.call('execve', '/bin/true', ['true'], []);
      const heap = await task.call('brk', 0);
      await task.call('brk', heap + 8192);
      const at = await task.call('mmap', 0, 8192, 3, 0x22, -1, 0);
      await task.call('mprotect', at + 4096, 4096, 1);
      await task.call('mprotect', heap, 4096, 1);
    });
    expect(shown.slice(2)).toEqual([
      'task1: brk(0x0) = heap',
      'task1: brk(heap+0x2000) = heap+0x2000',
      'task1: mmap(0x0, 8192, 0x3, 0x22, -1, 0) = map1',
      'task1: mprotect(map1+0x1000, 4096, 0x1) = 0',
      'task1: mprotect(heap, 4096, 0x1) = 0',
    ]);
  });

  it('shows pids in maps as tasks, where it is told so', async () => {
    const use = async (kernel: Kernel): Promise<void> => {
      const task = await kernel.spawn();
      const attr = { mapType: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 };
      const map = await task.bpf('MAP_CREATE', { ...attr, mapName: 'who' });
      if (!map.ok) throw new Error(map.reason);
      const value = new Uint8Array(new Uint32Array([task.pid]).buffer);
      await task.bpf('MAP_UPDATE_ELEM', { mapFd: map.value, key: new Uint8Array(4), value });
    };
    const shown = await lines(use, { who: { volatile: { value: 'pid' } } });
    expect(shown.at(-1)).toBe(
      'task1: bpf MAP_UPDATE_ELEM(mapFd: map who, key: <00 00 00 00>, value: task1) = 0',
    );
  });
});

describe('two transcripts', () => {
  const step = (call: string, result: string) => ({ task: 'self', call, result });

  it('are compared to their end where only results differ', () => {
    const sim = [step('a()', '0'), step('b()', '0'), step('c()', '0')];
    const linux = [step('a()', 'EPERM'), step('b()', '0'), step('c()', '1')];
    const found = compareTranscripts(sim, linux);
    expect(found.map((difference) => difference.step)).toEqual([1, 3]);
    expect(formatDifference(found[0]!)).toBe(
      'step 1  sim    self: a() = 0\n        linux  self: a() = EPERM',
    );
  });

  it('are compared no further than the first other call', () => {
    const sim = [step('a()', '0'), step('b()', '0')];
    expect(compareTranscripts(sim, [step('x()', '0'), step('y()', '0')])).toHaveLength(1);
    expect(compareTranscripts(sim, [step('a()', '0')])).toEqual([
      { step: 2, sim: step('b()', '0'), linux: undefined },
    ]);
  });
});
