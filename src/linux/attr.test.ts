import { describe, expect, it } from 'vitest';
import { BPF_ATTR, BPF_CMD_ATTR } from '../abi/index.ts';
import type { BpfCommand } from '../kernel/bpf.ts';
import { encodeAttr } from './attr.ts';

/** The field `map_name` in memory. */
const mapNameBytes = (mapName: string): string => {
  const { offset, size } = BPF_ATTR.map_create.map_name;
  const { bytes } = encodeAttr('MAP_CREATE', { mapName }).block;
  return String.fromCharCode(...bytes.subarray(offset, offset + size));
};

describe('union bpf_attr', () => {
  it('has numbers at the places of the generated layouts', () => {
    const { block } = encodeAttr('MAP_CREATE', { mapType: 2, maxEntries: 7, mapExtra: 1n << 40n });
    const view = new DataView(block.bytes.buffer);
    const { map_type, max_entries, map_extra } = BPF_ATTR.map_create;
    expect(view.getUint32(map_type.offset, true)).toBe(2);
    expect(view.getUint32(max_entries.offset, true)).toBe(7);
    expect(view.getBigUint64(map_extra.offset, true)).toBe(1n << 40n);
  });

  it('points to bytes and texts', () => {
    const insns = Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0);
    const { block } = encodeAttr('PROG_LOAD', { insns, license: 'GPL' });
    const { insns: at, license } = BPF_ATTR.prog_load;
    expect(block.pointers?.map(({ offset, to }) => [offset, [...to.bytes]])).toEqual([
      [at.offset, [...insns]],
      [license.offset, [...new TextEncoder().encode('GPL\0')]],
    ]);
  });

  it('holds names itself; one that is too long has no NUL, which the kernel refuses', () => {
    expect(mapNameBytes('short')).toBe('short'.padEnd(16, '\0'));
    expect(mapNameBytes('sixteen_or_more_')).toBe('sixteen_or_more_');
  });

  it.each([
    ['a number that does not fit 32 bits is cut as C cuts it', { startId: -1 }, 0xffff_ffff],
    ['undefined is 0', { startId: undefined }, 0],
    ['null is 0', { startId: null }, 0],
  ])('%s', (_name, fields, value) => {
    expect(encodeAttr('PROG_GET_NEXT_ID', fields).u32('start_id')).toBe(value);
  });

  it('refuses a field that the command has not, by name', () => {
    expect(() => encodeAttr('LINK_DETACH', { progFd: 1 })).toThrow(
      'bpf command LINK_DETACH has no field progFd',
    );
  });

  it('refuses a command that nobody knows, by name', () => {
    expect(() => encodeAttr('MAP_BURN' as BpfCommand, {})).toThrow(
      'bpf command MAP_BURN is unknown',
    );
  });

  it('has a layout for each command', () => {
    for (const command of Object.keys(BPF_CMD_ATTR))
      expect(encodeAttr(command as BpfCommand, {}).block.bytes.some(Boolean)).toBe(false);
  });
});
