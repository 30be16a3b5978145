import { describe, expect, it } from 'vitest';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './inet.ts';

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('IPv4', () => {
  it.each([
    ['127.0.0.1', '7f000001'],
    ['255.255.255.255', 'ffffffff'],
    ['256.0.0.1', undefined],
    ['1.2.3', undefined],
    ['01.2.3.4', undefined],
    ['1.2.3.4 ', undefined],
    ['', undefined],
  ])('%s', (text, bytes) => {
    expect(hex(parseIpv4(text))).toBe(bytes);
    if (bytes !== undefined) expect(formatIpv4(Buffer.from(bytes, 'hex'))).toBe(text);
  });
});

describe('IPv6', () => {
  it.each([
    ['::', '00000000000000000000000000000000', '::'],
    ['::1', '00000000000000000000000000000001', '::1'],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a', '2001:db8::8:800:200c:417a'],
    ['2001:DB8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
    ['fe80::', 'fe800000000000000000000000000000', 'fe80::'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7', undefined, ''],
    ['1::2::3', undefined, ''],
    ['1:2:3:4:5:6:7::8', '00010002000300040005000600070008', ''],
    ['12345::', undefined, ''],
    ['g::', undefined, ''],
  ])('%s', (text, bytes, canonical) => {
    if (canonical === '') expect(parseIpv6(text)).toBeUndefined();
    else {
      expect(hex(parseIpv6(text))).toBe(bytes);
      expect(formatIpv6(Buffer.from(bytes ?? '', 'hex'))).toBe(canonical);
    }
  });
});
