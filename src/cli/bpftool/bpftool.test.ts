import { describe, expect, it } from 'vitest';
import {
  attachmentsJson,
  cgroupHeader,
  cgroupJson,
  formatAttachments,
  formatCgroup,
} from './cgroup.ts';
import { btfJson, formatBtf } from './btf.ts';
import { entryJson, formatEntry, formatNextKey } from './entry.ts';
import { golden } from './testdata/golden.ts';
import { jsonText } from './json.ts';
import { formatLink, linkJson, type ShownLink } from './link.ts';
import { formatMap, mapJson, type ShownMap } from './map.ts';
import { formatProg, isoTime, progJson, type ShownProg } from './prog.ts';
import { formatToken, tokenJson, tokensInMounts } from './token.ts';

// The texts were recorded from bpftool 7.5 and 7.8 on Linux 6.12.86, trailing spaces included.

const LOADED = Date.UTC(2026, 10, 22, 20, 12, 20) / 1000;

const prog: ShownProg = {
  id: 1,
  type: 29,
  name: 'deny_syslog_pol',
  tag: '20589373ce22eac2',
  gplCompatible: true,
  runTimeNs: 0n,
  runCnt: 0n,
  recursionMisses: 0n,
  loadedAt: LOADED,
  uid: 0,
  xlatedBytes: 16,
  jitedBytes: 30,
  memlock: 4096,
  mapIds: [],
  btfId: 0,
  pinned: ['/sys/fs/bpf/deny_prog'],
};
const progs: readonly ShownProg[] = [
  prog,
  {
    ...prog,
    id: 4,
    name: 'usesmap',
    tag: '2c24d7c519a868e3',
    xlatedBytes: 32,
    jitedBytes: 35,
    mapIds: [1],
    pinned: [],
  },
];

describe('prog show', () => {
  it('is as bpftool prints it', () => {
    expect(progs.map(formatProg).join('')).toBe(
      [
        '1: lsm  name deny_syslog_pol  tag 20589373ce22eac2  gpl',
        `\tloaded_at ${isoTime(LOADED)}  uid 0`,
        '\txlated 16B  jited 30B  memlock 4096B',
        '\tpinned /sys/fs/bpf/deny_prog',
        '4: lsm  name usesmap  tag 2c24d7c519a868e3  gpl',
        `\tloaded_at ${isoTime(LOADED)}  uid 0`,
        '\txlated 32B  jited 35B  memlock 4096B  map_ids 1',
        '',
      ].join('\n'),
    );
  });

  it('is as bpftool prints it in JSON', () => {
    expect(jsonText(progs.map(progJson))).toBe(golden('prog-show'));
  });

  const variants: [name: string, prog: ShownProg, plain: RegExp, json: RegExp][] = [
    [
      'statistics',
      { ...prog, runTimeNs: 1234n, runCnt: 5n },
      /ce22eac2 {2}gpl run_time_ns 1234 run_cnt 5\n/,
      /"run_time_ns":1234,"run_cnt":5,"loaded_at"/,
    ],
    [
      'missed recursions',
      { ...prog, recursionMisses: 2n },
      /gpl recursion_misses 2\n/,
      /"recursion_misses":2,/,
    ],
    ['no licence', { ...prog, gplCompatible: false }, /ce22eac2\n/, /"gpl_compatible":false/],
    [
      'an interpreter',
      { ...prog, jitedBytes: 0 },
      / {2}not jited {2}memlock/,
      /"jited":false,"bytes_m/,
    ],
    ['no name', { ...prog, name: '' }, /^1: lsm {2}tag/, /"lsm","tag"/],
    ['BTF', { ...prog, btfId: 7, pinned: undefined }, /4096B\n\tbtf_id 7\n$/, /,"btf_id":7}/],
    ['a new type', { ...prog, type: 99 }, /^1: type 99 {2}name/, /"type":99,/],
  ];
  it.each(variants)('shows %s', (_, shown, plain, json) => {
    expect(formatProg(shown)).toMatch(plain);
    expect(jsonText(progJson(shown))).toMatch(json);
  });
});

const link: ShownLink = {
  id: 1,
  type: 2,
  progId: 1,
  progType: 29,
  attachType: 27,
  targetObjId: 1,
  targetBtfId: 35174,
  cgroupId: 0n,
  pinned: ['/sys/fs/bpf/deny_link'],
};
const cgroupLink: ShownLink = {
  ...link,
  id: 2,
  type: 3,
  progId: 2,
  progType: undefined,
  attachType: 43,
  cgroupId: 27n,
  pinned: [],
};

describe('link show', () => {
  it('is as bpftool prints it', () => {
    expect([link, cgroupLink].map(formatLink).join('')).toBe(
      [
        '1: tracing  prog 1  ',
        '\tprog_type lsm  attach_type lsm_mac  ',
        '\ttarget_obj_id 1  target_btf_id 35174  ',
        '\tpinned /sys/fs/bpf/deny_link',
        '2: cgroup  prog 2  ',
        '\tcgroup_id 27  attach_type lsm_cgroup  ',
        '',
      ].join('\n'),
    );
  });

  it('is as bpftool prints it in JSON', () => {
    expect(jsonText([link, cgroupLink].map(linkJson))).toBe(golden('link-show'));
  });

  it('shows a cookie where the kernel tells one', () => {
    expect(jsonText(linkJson({ ...link, cookie: 0n, pinned: undefined }))).toBe(
      golden('link-show-cookie'),
    );
  });
});

const map: ShownMap = {
  id: 1,
  type: 1,
  name: 'policy_map',
  flags: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 16,
  memlock: 2384,
  frozen: false,
  btfId: 0,
  pinned: ['/sys/fs/bpf/policy_map'],
};
const rodata: ShownMap = {
  ...map,
  id: 2,
  type: 2,
  name: '.rodata',
  maxEntries: 1,
  memlock: 272,
  frozen: true,
  pinned: [],
};

describe('map show', () => {
  it('is as bpftool prints it', () => {
    expect([map, rodata].map(formatMap).join('')).toBe(
      [
        '1: hash  name policy_map  flags 0x0',
        '\tkey 4B  value 8B  max_entries 16  memlock 2384B',
        '\tpinned /sys/fs/bpf/policy_map',
        '2: array  name .rodata  flags 0x0',
        '\tkey 4B  value 8B  max_entries 1  memlock 272B',
        '\tfrozen',
        '',
      ].join('\n'),
    );
  });

  it('is as bpftool prints it in JSON', () => {
    expect(jsonText([map, rodata].map(mapJson))).toBe(golden('map-show'));
  });

  it('shows BTF, flags and the owner of an array of programs', () => {
    const owned = { ...rodata, type: 3, btfId: 9, owner: { progType: 29, jited: true } };
    expect(formatMap({ ...owned, flags: 0x480 })).toBe(golden('map-show-owner'));
    expect(jsonText(mapJson(owned))).toContain('"owner_prog_type":"lsm","owner_jited":true,');
  });
});

const attached = (progId: number, hook: string, btfId: number) => ({
  progId,
  attachType: 43,
  attachFlags: 2,
  name: 'cg',
  target: { name: `bpf_lsm_${hook}`, btfObjId: 1, btfId },
});
const attachments = [attached(2, 'socket_bind', 34875), attached(3, 'socket_create', 34881)];
const effective = attachments.map((one) => ({ ...one, attachFlags: undefined }));

describe('cgroup show', () => {
  it('is as bpftool prints it', () => {
    expect(cgroupHeader(false) + formatAttachments(attachments)).toBe(
      [
        'ID       AttachType      AttachFlags     Name           ',
        '2        lsm_cgroup      multi           cg              bpf_lsm_socket_bind',
        '3        lsm_cgroup      multi           cg              bpf_lsm_socket_create',
        '',
      ].join('\n'),
    );
  });

  it('has no flags in the list of effective programs', () => {
    expect(cgroupHeader(true) + formatAttachments(effective)).toBe(
      [
        'ID       AttachType      Name           ',
        '2        lsm_cgroup      cg              bpf_lsm_socket_bind',
        '3        lsm_cgroup      cg              bpf_lsm_socket_create',
        '',
      ].join('\n'),
    );
    expect(jsonText(attachmentsJson(effective))).toBe(golden('cgroup-show-effective'));
  });

  it('is a tree as bpftool prints it', () => {
    const cgroup = { path: '/sys/fs/cgroup/a', programs: attachments };
    expect(formatCgroup(cgroup, 1)).toBe(
      [
        '/sys/fs/cgroup/a',
        '    2        lsm_cgroup      multi           cg              bpf_lsm_socket_bind',
        '    3        lsm_cgroup      multi           cg              bpf_lsm_socket_create',
        '',
      ].join('\n'),
    );
    expect(jsonText([cgroupJson(cgroup)])).toBe(golden('cgroup-tree'));
  });
});

describe('btf show', () => {
  const vmlinux = {
    id: 1,
    size: 4686078,
    name: 'vmlinux',
    kernelBtf: true,
    progIds: [],
    mapIds: [],
  };
  it('is as bpftool prints it', () => {
    expect(formatBtf(vmlinux)).toBe('1: name [vmlinux]  size 4686078B\n');
    expect(jsonText([btfJson(vmlinux)])).toBe(
      '[{"id":1,"size":4686078,"prog_ids":[],"map_ids":[],"kernel":true,"name":"vmlinux"}]\n',
    );
  });
  it('names the objects that use it', () => {
    const own = { id: 9, size: 100, name: '', kernelBtf: false, progIds: [3, 4], mapIds: [5] };
    expect(formatBtf(own)).toBe('9: name <anon>  size 100B  prog_ids 3,4  map_ids 5\n');
  });
});

describe('token show', () => {
  const mounts = [
    'proc /proc proc rw 0 0',
    'x /run/tk bpf rw,relatime,delegate_cmds=map_create:prog_load,delegate_progs=lsm,delegate_attachs=any 0 0',
    'bpf /sys/fs/bpf bpf rw,nosuid,mode=700 0 0',
  ].join('\n');

  it('is as bpftool prints it', () => {
    const tokens = tokensInMounts(mounts);
    expect(tokens.map(formatToken).join('')).toBe(
      [
        'token_info  /run/tk',
        '\tallowed_cmds:',
        '\t  map_create          prog_load           ',
        '\tallowed_maps:',
        '\tallowed_progs:',
        '\t  lsm                 ',
        '\tallowed_attachs:',
        '\t  any                 ',
        '',
      ].join('\n'),
    );
    expect(jsonText(tokens.map(tokenJson))).toBe(golden('token-show'));
  });

  it('puts four in a line, and reads paths with spaces', () => {
    const [token] = tokensInMounts('x /run/a\\040b bpf rw,delegate_cmds=1:2:3:4:5 0 0');
    expect(token?.mount).toBe('/run/a b');
    expect(token && formatToken(token)).toContain(`${'4'.padEnd(20)}\n\t  5`);
  });
});

describe('elements of maps', () => {
  const entry = { key: Uint8Array.of(1, 0, 0, 0), value: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0) };
  it('are bytes without types', () => {
    expect(formatEntry(entry)).toBe('key: 01 00 00 00  value: 02 00 00 00 00 00 00 00\n');
    expect(jsonText([entryJson(entry)])).toBe(
      '[{"key":["0x01","0x00","0x00","0x00"],"value":["0x02","0x00","0x00","0x00","0x00","0x00","0x00","0x00"]}]\n',
    );
  });
  it('take lines of their own when they are long', () => {
    const value = new Uint8Array(20);
    expect(formatEntry({ ...entry, value })).toBe(
      `key:\n01 00 00 00\nvalue:\n${'00 '.repeat(20).trim()}\n`,
    );
    const middle = { key: new Uint8Array(16), value: new Uint8Array(16) };
    expect(formatEntry(middle)).toMatch(/^key: [0 ]+\nvalue: [0 ]+\n$/);
  });
  it('have a value for each CPU', () => {
    const value = [Uint8Array.of(1, 0), Uint8Array.of(2, 0)];
    expect(formatEntry({ ...entry, value })).toBe(
      'key:\n01 00 00 00\nvalue (CPU 00): 01 00\nvalue (CPU 01): 02 00\n',
    );
    expect(jsonText(entryJson({ ...entry, value }))).toContain(
      '"values":[{"cpu":0,"value":["0x01","0x00"]},{"cpu":1,',
    );
  });
  it('have a next key', () => {
    expect(formatNextKey(null, entry.key)).toBe('key: None\nnext key:\n01 00 00 00\n');
    expect(formatNextKey(entry.key, entry.key)).toBe('key:\n01 00 00 00\nnext key:\n01 00 00 00\n');
  });
});

describe('JSON', () => {
  it('is indented as bpftool indents it', () => {
    expect(
      jsonText(
        [btfJson({ id: 1, size: 2, name: 'x', kernelBtf: true, progIds: [], mapIds: [4, 5] })],
        true,
      ),
    ).toBe(
      [
        '[{',
        '        "id": 1,',
        '        "size": 2,',
        '        "prog_ids": [],',
        '        "map_ids": [4,5',
        '        ],',
        '        "kernel": true,',
        '        "name": "x"',
        '    }',
        ']',
        '',
      ].join('\n'),
    );
  });
});
