import { PAGE_SIZE } from '../mm/user-memory.ts';

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const ET_EXEC = 2;
const BASE = 0x400000;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PF = { X: 1, W: 2, R: 4 } as const;

/**
 * A program for x86-64 that the ELF loader accepts: one page of code, one of data with some bss behind it. Its
 * instructions do not matter, as the simulation does not run them.
 *
 *   0x400000  ELF header, program headers
 *   0x401000  code  (R-X)
 *   0x402000  data  (RW-), 0x3000 bytes in memory
 */
export function programImage(): Uint8Array {
  const image = new Uint8Array(3 * PAGE_SIZE);
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, BASE + PAGE_SIZE, true);
  view.setUint32(32, EHDR_BYTES, true);
  view.setUint16(52, EHDR_BYTES, true);
  view.setUint16(54, PHDR_BYTES, true);
  const segments = [
    { flags: PF.R, offset: 0, size: PAGE_SIZE, memory: PAGE_SIZE },
    { flags: PF.R | PF.X, offset: PAGE_SIZE, size: PAGE_SIZE, memory: PAGE_SIZE },
    { flags: PF.R | PF.W, offset: 2 * PAGE_SIZE, size: PAGE_SIZE, memory: 3 * PAGE_SIZE },
  ];
  view.setUint16(56, segments.length, true);
  for (const [i, segment] of segments.entries()) {
    const at = EHDR_BYTES + i * PHDR_BYTES;
    view.setUint32(at, PT_LOAD, true);
    view.setUint32(at + 4, segment.flags, true);
    view.setUint32(at + 8, segment.offset, true);
    view.setUint32(at + 16, BASE + segment.offset, true);
    view.setUint32(at + 32, segment.size, true);
    view.setUint32(at + 40, segment.memory, true);
    view.setUint32(at + 48, PAGE_SIZE, true);
  }
  // ud2, for whoever disassembles it.
  image.set([0x0f, 0x0b], PAGE_SIZE);
  return image;
}
