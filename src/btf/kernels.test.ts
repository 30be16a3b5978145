import { readFileSync } from 'node:fs';
import { brotliDecompressSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkBtf } from './check.ts';
import { formatType } from './c/format.ts';
import { printC } from './c/print.ts';
import { findMember, funcProto } from './lookup.ts';
import { printRaw } from './print-raw.ts';
import { readBtf } from './reader.ts';
import type { Btf, BtfType } from './types.ts';
import { writeBtf, type NewBtfType } from './writer.ts';

const folder = new URL('../../kernels/', import.meta.url);
const LARGE_WINDOW = { params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } };
const kernels = JSON.parse(readFileSync(new URL('kernels.json', folder), 'utf8')) as {
  readonly series: string;
  readonly release: string;
}[];

const openKernel = (release: string): Btf => {
  const packed = readFileSync(new URL(`${release}.btf.br`, folder));
  return readBtf(brotliDecompressSync(packed, LARGE_WINDOW), { file: release });
};

const typesOf = function* (btf: Btf): Iterable<BtfType & NewBtfType> {
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if (type.kind !== 'void') yield type;
  }
};

describe.each(kernels)('the BTF of Linux $series', ({ release }) => {
  const btf = openKernel(release);

  it('has the hooks with their prototypes', () => {
    const id = btf.find('bpf_lsm_file_open', 'func');
    expect(id).toBeDefined();
    const { returns, params } = funcProto(btf, id!);
    expect(formatType(btf, returns)).toBe('int');
    expect(params.map((p) => `${p.name}: ${formatType(btf, p.type)}`)).toEqual([
      'file: struct file *',
    ]);
  });

  it('has the layout of kernel structs', () => {
    const task = btf.find('task_struct', 'struct')!;
    const comm = findMember(btf, task, 'comm')!;
    expect(formatType(btf, comm.type)).toBe('char[16]');
    expect(btf.sizeOf(comm.type)).toBe(16);
    expect(comm.bitOffset / 8 + 16).toBeLessThan(btf.sizeOf(task));
    expect(findMember(btf, btf.find('file', 'struct')!, 'f_path.dentry')).toBeDefined();
  });
});

describe('a whole kernel', () => {
  const btf = openKernel(kernels[0]!.release);

  it('keeps all types when written and read again', () => {
    const again = readBtf(writeBtf(typesOf(btf)), { file: 'again' });
    expect(again.typeCount).toBe(btf.typeCount);
    // Not by toBe: a difference would print two texts of twelve megabytes.
    expect(printRaw(again) === printRaw(btf)).toBe(true);
  });

  it('is sound by the rules of the loader', () => {
    expect(checkBtf(btf)).toEqual([]);
  });

  it('prints as one C header, each struct once', () => {
    const header = printC(btf);
    expect(header.match(/^struct task_struct \{$/gm)).toHaveLength(1);
    expect(header).toMatch(/^typedef int pid_t;$|^typedef __kernel_pid_t pid_t;$/m);
    expect(header.length).toBeGreaterThan(1 << 20);
  });
});
