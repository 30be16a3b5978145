import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decompressXz } from './xz.ts';

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

// Made with liblzma; no encoder is at hand in the tests.
/** 535 bytes like machine code, packed with the x86 filter. */
const CODE = fromBase64(
  '/Td6WFoAAAFpIt42AgEEACEBFgANhjUf4AIWATFdAGGDv8UAASLc2coLpV+tTamGVRJ7F/k0JyyxNbjMbipGB+6vVoZdxz6Hb37O' +
    'MVylxjmRFT9aYaseZSuoOQAfmqHjK4Kc9igbXLCTSYKwAna0KfHsCWfsSQre3G3yq1fNxnXx7Ovif6QMNr1w2+Klg5ztMLJXySxH' +
    'obHw2DGXvzVoWVZWsiUInqP4rZcPdgMqcioxcwA+4Gp5pqlNpafBqGVSjDX5880z1gVvCPGa63s6EbfWuUtRVGp6W4xqFb0FPYPs' +
    'd5FYr/k+8a88Lsc2oZ291y5DVFLQKY0Dc2j1GvkZGpkmeHpHb6+fmSVRAf7NKrA/8RMkOv4tueYydebozOmJaj+GBeBZ6zBISfDj' +
    '/Bel8UWamCbJ32LSXk4P97PZzoRzoEN/+PrvGnJTJuGuZ9MMAAAAAAOZDCcAAckClwQAAAC57Kg+MA2LAgAAAAABWVo=',
);
/** English, no filter, a 64-bit checksum. */
const TEXT = fromBase64(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AP3ADVdADoaCM52x+Xp1gc0w9EOv85V4aq94R0LP9sEj0SIaoA7saw09frUHbBoKMMi' +
    'TQIV00876k+AAAAAACYHJ9EJE6u7AAFR+AcAAACqLBThscRn+wIAAAAABFla',
);
/** The first 100 bytes of a stream with a delta filter. */
const DELTA = fromBase64(
  '/Td6WFoAAAFpIt42AgEDAQMhARaXj3H84AIWAXhdAGGDv8UB2ZQR9P5Wv/4ip1VdosvUM3bHsy+y7rPaQIFERY/+nZwHQU6gQZfH' +
    'WVUhbsd0ycI0qxgr0CALZUSOQZDNM43c+Q==',
);

const text = 'the quick brown fox '.repeat(40) + 'jumps over the lazy dog '.repeat(9);

describe('xz', () => {
  it('unpacks a stream', () => {
    expect(new TextDecoder().decode(decompressXz(TEXT, text.length))).toBe(text);
  });

  it('undoes the filter for x86 code', () => {
    const unpacked = decompressXz(CODE, 535);
    expect(createHash('sha256').update(unpacked).digest('hex')).toBe(
      'e1eece891100918a403e5400aa4606c49b1c013c06888ae8d5706bd454c9df98',
    );
  });

  const damage = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const damaged = TEXT.slice();
    damaged.set(bytes, at);
    return damaged;
  };
  const data = 12 + (TEXT[12]! + 1) * 4;
  it.each([
    ['an unknown filter', DELTA, /filters 3, 33 are not supported/],
    ['no block', TEXT.subarray(0, 12), /the blocks have no end/],
    ['the wrong size', damage(12, 0), /unpacks to 0 bytes, not 1016/],
    ['no first properties', damage(data, 0x80), /the first chunk sets no properties/],
    ['an unknown chunk', damage(data, 3), /chunk control 0x3 is unknown/],
    ['bad properties', damage(data + 5, 224), /LZMA properties 224 are not allowed/],
    ['a chunk that starts wrong', damage(data + 6, 1), /a chunk starts wrong/],
    ['damaged bits', damage(data + 20, 0xff, 0xff), /a (match|chunk) /],
    ['a stream cut off', TEXT.subarray(0, 60), /a chunk runs past the end/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decompressXz(bytes, text.length)).toThrow(message);
  });

  it('takes any damage as an error, never as a hang', () => {
    for (let at = 0; at < TEXT.length; at++)
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = damage(at, TEXT[at]! ^ flip);
        try {
          expect(decompressXz(damaged, text.length)).toHaveLength(text.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
  });
});
