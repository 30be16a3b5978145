import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KERNEL_BASE_HI, KernelMemory, OutOfMemory, toAddress } from './memory.ts';

const MIB = 1024 * 1024;

describe('kernel memory', () => {
  it('hands out zeroed objects, aligned to 16, and to pages from one page up', () => {
    const mem = new KernelMemory();
    for (const size of [1, 16, 17, 100, 2048, 2049, 4096, 5000]) {
      const first = mem.alloc(size);
      mem.u8.fill(0xff, first, first + size);
      mem.free(first);
      const again = mem.alloc(size);
      expect(again % (size > 2048 ? 4096 : 16), `${size} bytes`).toBe(0);
      expect(mem.u8.subarray(again, again + size).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('never hands out the first 64 KiB, so that NULL plus a field offset misses every object', () => {
    expect(new KernelMemory().alloc(16)).toBeGreaterThanOrEqual(65536);
  });

  it('counts what lives', () => {
    const mem = new KernelMemory();
    const objects = [mem.alloc(8), mem.alloc(3000), mem.alloc(100_000)];
    expect(mem.liveObjects).toBe(3);
    expect(mem.liveBytes).toBe(16 + 4096 + 102_400);
    for (const object of objects) mem.free(object);
    expect([mem.liveObjects, mem.liveBytes]).toEqual([0, 0]);
  });

  it('grows, keeps what was written, and stops at its limit', () => {
    const mem = new KernelMemory({ initial: MIB, limit: 4 * MIB });
    const kept = mem.allocString('kept');
    const big = mem.alloc(2 * MIB);
    expect(big).toBeGreaterThan(0);
    expect(mem.readString(kept)).toBe('kept');
    expect(() => mem.alloc(3 * MIB)).toThrow(OutOfMemory);
    mem.free(big);
    expect(mem.alloc(2 * MIB)).toBe(big);
  });

  it.each([
    ['a slab object', 32],
    ['a run of pages', 8192],
  ])('throws when %s is freed twice', (_kind, size) => {
    const mem = new KernelMemory();
    const object = mem.alloc(size);
    mem.free(object);
    expect(() => mem.free(object)).toThrow('not allocated');
  });

  it('stores pointers as kernel addresses and NULL as zero', () => {
    const mem = new KernelMemory();
    const at = mem.alloc(16);
    mem.writePointer(at, 0x12345);
    expect(mem.readPointer(at)).toBe(0x12345);
    expect(mem.view.getBigUint64(at, true)).toBe(toAddress(0x12345));
    expect(mem.view.getInt32(at + 4, true)).toBe(KERNEL_BASE_HI);
    mem.writePointer(at, 0);
    expect(mem.view.getBigUint64(at, true)).toBe(0n);
    mem.view.setBigUint64(at, 0x7fff_0000_0000n, true);
    expect(mem.readPointer(at), 'a user address').toBe(0);
  });

  it('reads strings up to a NUL or a limit, as UTF-8', () => {
    const mem = new KernelMemory();
    const at = mem.allocString('größe');
    expect(mem.readString(at)).toBe('größe');
    expect(mem.readString(at, 2)).toBe('gr');
  });

  it('keeps objects apart whatever is allocated and freed', () => {
    const action = fc.record({ size: fc.integer({ min: 1, max: 20_000 }), drop: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const mem = new KernelMemory({ initial: MIB });
        const live = new Map<number, number>();
        for (const { size, drop } of actions) {
          const at = mem.alloc(size);
          for (const [other, length] of live)
            expect(at + size <= other || other + length <= at).toBe(true);
          live.set(at, size);
          const victim = [...live.keys()][drop];
          if (victim === undefined) continue;
          mem.free(victim);
          live.delete(victim);
        }
        for (const at of live.keys()) mem.free(at);
        expect([mem.liveObjects, mem.liveBytes]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
