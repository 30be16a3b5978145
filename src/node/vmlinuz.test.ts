import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../abi/index.ts';
import { isVmlinuz, unpackVmlinuz, vmlinuzUname } from './vmlinuz.ts';

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};
const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** A bzImage with one setup sector, its version string in there, and the payload right behind. */
function bzImage(payload: Uint8Array, release = '6.5.0-test'): Uint8Array {
  const head = new Uint8Array(1024);
  const view = new DataView(head.buffer);
  view.setUint8(0x1f1, 1);
  view.setUint16(0x1fe, 0xaa55, true);
  head.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, 0x20f, true);
  view.setUint16(0x20e, 0x300 - 512, true);
  head.set(
    new TextEncoder().encode(`${release} (builder) #1 SMP Debian 6.1.176-1 (2026-07-02)\0`),
    0x300,
  );
  view.setUint32(0x248, 0, true);
  view.setUint32(0x24c, payload.length, true);
  return join(head, payload);
}

const content = Uint8Array.from({ length: 300 }, (_, i) => (i * i) & 255);

/** One zstd frame with one stored block. */
const zstd = (data: Uint8Array): Uint8Array =>
  join([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58], u32((data.length << 3) | 1).subarray(0, 3), data);
/** Two literals, a match that overlaps itself (`ab` seven times over), then five literals. */
const lz4 = join(
  [0x02, 0x21, 0x4c, 0x18],
  u32(11),
  [0x28, 0x61, 0x62, 0x02, 0x00, 0x50, 0x76, 0x77, 0x78, 0x79, 0x7a],
);

describe('vmlinuz', () => {
  it.each([
    ['gzip', gzipSync(content), content],
    ['zstd', join(zstd(content), u32(content.length)), content],
    ['lz4', join(lz4, u32(19)), new TextEncoder().encode('abababababababvwxyz')],
    ['no compression', join([0x7f, 0x45, 0x4c, 0x46], content), join([127, 69, 76, 70], content)],
  ])('unpacks %s', (_, payload, expected) => {
    const image = bzImage(payload);
    expect(isVmlinuz(image)).toBe(true);
    expect([...unpackVmlinuz(image, 'vmlinuz')]).toEqual([...expected]);
  });

  it('tells the release that its header carries', () => {
    expect(vmlinuzUname(bzImage(content, '6.1.0-50-cloud-amd64'))).toEqual({
      release: '6.1.0-50-cloud-amd64',
      version: '#1 SMP Debian 6.1.176-1 (2026-07-02)',
    });
  });

  const gzip = gzipSync(content);
  it.each([
    ['bzip2', bzImage(join([0x42, 0x5a, 0x68], content)), /bzip2, which is not supported/],
    ['lzma', bzImage(join([0x5d, 0, 0, 1], content)), /lzma, which is not supported/],
    ['lzo', bzImage(join([0x89, 0x4c, 0x5a, 0x4f], content)), /lzo, which is not supported/],
    ['unknown magic', bzImage(content), /no known compression starts with 00 01 04 09 10 19/],
    ['cut off', bzImage(gzip).subarray(0, 1100), /the payload ends at \d+, past the file's 1100/],
    [
      'damaged gzip',
      bzImage(gzip.map((b, i) => (i > 20 && i < 60 ? ~b : b))),
      /gzip payload is damaged/,
    ],
    ['short lz4', bzImage(join(lz4, u32(20))), /lz4 payload is damaged: unpacks to 19 bytes/],
    ['long lz4', bzImage(join(lz4, u32(16))), /lz4 payload is damaged/],
    ['cut zstd', bzImage(join(zstd(content).subarray(0, 99), u32(300))), /zstd payload is damaged/],
    ['a bomb', bzImage(join(lz4, u32(0xffffffff))), /an unpacked size of 4294967295 bytes/],
    ['no payload', bzImage(new Uint8Array(4)), /a payload of 4 bytes holds no kernel/],
  ])('refuses %s', (_, image, message) => {
    const unpack = () => unpackVmlinuz(image, 'vmlinuz');
    expect(unpack).toThrow(FormatError);
    expect(unpack).toThrow(message);
  });

  it('gives only a typed error for any damage to the header', () => {
    const image = bzImage(gzip);
    for (let at = 0x1f1; at < 0x250; at++)
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = image.slice();
        damaged[at] = value;
        if (!isVmlinuz(damaged)) continue;
        vmlinuzUname(damaged);
        try {
          unpackVmlinuz(damaged, 'vmlinuz');
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
  });
});
