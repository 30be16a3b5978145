import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../abi/index.ts';
import { formatText, type FormatArgument, type FormatSource } from './format.ts';

const source: FormatSource = {
  string: (space) => new TextEncoder().encode(space === 'u' ? 'user' : 'kernel'),
  bytes: (_argument, length) => Uint8Array.from({ length }, (_, i) => i + 1),
};
const number = (value: bigint): FormatArgument => [
  Number(BigInt.asIntN(32, value)),
  Number(BigInt.asIntN(32, value >> 32n)),
];
const format = (text: string, ...args: bigint[]): string | number =>
  formatText(text, args.map(number), source);

describe('bpf_trace_printk and bpf_snprintf', () => {
  it.each([
    ['plain 100%%', [], 'plain 100%'],
    ['%d', [-1n], '-1'],
    ['%u', [-1n], '4294967295'],
    ['%lu', [-1n], '18446744073709551615'],
    ['%lld', [-5n], '-5'],
    ['%x %X %lx', [255n, 255n, 1n << 40n], 'ff FF 10000000000'],
    ['%i', [1n << 33n], '0'],
    ['%c%c', [0x68n, 0x69n], 'hi'],
    ['%s|%pks|%pus', [1n, 1n, 1n], 'kernel|kernel|user'],
    ['[%5d][%-5d][%05d][%+d]', [7n, 7n, -7n, 7n], '[    7][7    ][-0007][+7]'],
    ['[%8s][%-8s]', [1n, 1n], '[  kernel][kernel  ]'],
    ['%pI4 %pi4', [1n, 1n], '1.2.3.4 001.002.003.004'],
    ['%pI6', [1n], '0102:0304:0506:0708:090a:0b0c:0d0e:0f10'],
    ['%px', [0xffff8880_00001000n], 'ffff888000001000'],
    ['%p', [0n], '0000000000000000'],
  ])('%s', (text, args, expected) => {
    expect(format(text, ...args)).toBe(expected);
  });

  it.each([
    ['a conversion without an argument', '%d', []],
    ['an unknown conversion', '%f', [1n]],
    ['text that is not ASCII', 'é', []],
    ['a letter behind %s', '%sx', [1n]],
    ['a lone per cent sign', '%', [1n]],
    ['%pM', '%pM', [1n]],
  ] as const)('refuse %s', (_title, text, args: readonly bigint[]) => {
    expect(format(text, ...args)).toBe(-ERRNO.EINVAL);
  });
});
