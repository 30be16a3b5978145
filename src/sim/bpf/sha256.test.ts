import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { sha256 } from './sha256.ts';

it.each([0, 1, 55, 56, 63, 64, 65, 1000])('hashes %i bytes', (length) => {
  const bytes = new Uint8Array(length).map((_, i) => i * 7);
  const hex = createHash('sha256').update(bytes).digest('hex');
  expect(Buffer.from(sha256(bytes)).toString('hex')).toBe(hex);
});
