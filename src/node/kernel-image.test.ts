import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { release as hostRelease, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import { InputError, openKernelImage, readObjectFile, shippedKernels } from './index.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'krsi-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});
const file = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
};

/** An ELF file of nothing but named sections. */
function elf(sections: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const names = Object.keys(sections);
  const strings = new TextEncoder().encode(`\0${[...names, '.shstrtab'].join('\0')}\0`);
  const bodies = [...Object.values(sections), strings];
  const table = 64 + bodies.reduce((sum, body) => sum + body.length, 0);
  const bytes = new Uint8Array(table + 64 * (bodies.length + 1));
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(0x28, BigInt(table), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, bodies.length + 1, true);
  view.setUint16(0x3e, bodies.length, true);
  let at = 64;
  let name = 1;
  bodies.forEach((body, i) => {
    const header = table + 64 * (i + 1);
    bytes.set(body, at);
    view.setUint32(header, name, true);
    view.setUint32(header + 4, 1, true);
    view.setBigUint64(header + 0x18, BigInt(at), true);
    view.setBigUint64(header + 0x20, BigInt(body.length), true);
    at += body.length;
    name += (names[i] ?? '').length + 1;
  });
  return bytes;
}

describe('shipped kernels', () => {
  it('are named by series and by release', () => {
    for (const { series, release } of shippedKernels()) {
      expect(release).toMatch(new RegExp(`^${series.replace('.', '\\.')}\\.\\d`));
      expect(openKernelImage(release).series).toBe(series);
    }
  });

  it.each(shippedKernels().map((kernel) => [kernel.series, kernel] as const))(
    '%s has the BTF and the configuration of its package',
    (series, kernel) => {
      const image = openKernelImage(series);
      expect(image.btf.length).toBe(kernel.btfSize);
      expect(createHash('sha256').update(image.btf).digest('hex')).toBe(kernel.btfSha256);
      expect(image.release).toBe(kernel.release);
      expect(image.config?.get('CONFIG_BPF_LSM')).toBe('y');
      expect(image.config?.get('CONFIG_HZ')).toBe('250');
      const btf = readBtf(image.btf, { file: image.file });
      expect(btf.find('bpf_lsm_file_open', 'func')).toBeDefined();
    },
  );
});

describe('kernels from files', () => {
  it.each(shippedKernels().map(({ series }) => [series]))(
    'raw BTF of %s tells no release, but its series is guessed',
    (series) => {
      const path = file('raw.btf', openKernelImage(series).btf);
      expect(openKernelImage(path)).toMatchObject({ release: undefined, series, file: path });
      expect(openKernelImage(path, '6.7.1')).toMatchObject({ release: '6.7.1', series: '6.7' });
    },
  );

  const { btf } = openKernelImage('6.1');
  it('ELF gives its .BTF section and what its banner tells', () => {
    const rodata = new TextEncoder().encode('..Linux version 6.5.0-rc1 (me@here) (gcc) #3 SMP\n');
    const image = openKernelImage(file('vmlinux', elf({ '.rodata': rodata, '.BTF': btf })));
    expect(image.release).toBe('6.5.0-rc1');
    expect(image.version).toBe('#3 SMP');
    expect(image.series).toBe('6.5');
    expect(Buffer.compare(image.btf, btf)).toBe(0);
  });

  it('a configuration beside the image is taken along', () => {
    file('config-6.5.0', '# comment\nCONFIG_HZ=1000\n# CONFIG_X is not set\nCONFIG_S="a=b"\n');
    const image = openKernelImage(file('vmlinux-6.5.0', elf({ '.BTF': btf })));
    expect([...(image.config ?? [])]).toEqual([
      ['CONFIG_HZ', '1000'],
      ['CONFIG_S', '"a=b"'],
    ]);
  });

  const host = '/sys/kernel/btf/vmlinux';
  if (existsSync(host))
    it('the running kernel is opened with its own release', () => {
      const image = openKernelImage(host);
      expect(image.release).toBe(hostRelease());
      expect(readBtf(image.btf, { file: host }).find('task_struct', 'struct')).toBeDefined();
    });
});

const refusal = (spec: string): unknown => {
  try {
    return openKernelImage(spec);
  } catch (error) {
    return error;
  }
};

describe('what is no kernel', () => {
  it.each([
    ['6.99', 'missing', /neither a shipped kernel \(6\.1, 6\.12, 6\.18\) nor a file/],
    ['/nowhere/vmlinuz', 'missing', /no such file/],
    ['/', 'directory', /is a directory/],
    ['/dev/zero', 'unreadable', /is a pipe, socket or device, not a regular file/],
    [import.meta.filename, 'unrecognised', /starts with 69 6d 70 6f 72 74 20 7b; not BTF, ELF or/],
  ])('%s is %s', (spec, reason, message) => {
    const error = refusal(spec);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ reason, path: spec, message: expect.stringMatching(message) });
  });

  it('a file too large to be one is not read', () => {
    const path = file('huge', new Uint8Array());
    truncateSync(path, 2 ** 40);
    expect(refusal(path)).toMatchObject({
      message: expect.stringMatching(/has 1099511627776 bytes/),
    });
  });

  it.each([
    ['without BTF', elf({ '.text': new Uint8Array(8) }), /has no \.BTF section/],
    ['cut off', elf({ a: new Uint8Array(9) }).subarray(0, 150), /past the end of the file/],
    ['big-endian', elf({}).map((byte, i) => (i === 5 ? 2 : byte)), /only little-endian/],
  ])('ELF %s is refused', (_, bytes, message) => {
    const path = file('bad', bytes);
    const error = refusal(path);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });
});

describe('object files', () => {
  it('are read from a path, and errors name it', () => {
    const path = file('no.bpf.o', elf({ '.BTF': new Uint8Array(8) }));
    expect(() => readObjectFile(path)).toThrow(FormatError);
    expect(() => readObjectFile(path)).toThrow(path);
    expect(() => readObjectFile(join(dir, 'missing.bpf.o'))).toThrow(InputError);
  });
});
