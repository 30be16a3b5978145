import { describe, expect, it } from 'vitest';
import { readBtf } from '../../btf/index.ts';
import { openKernelImage } from '../../node/index.ts';
import type { RunResult } from '../../vm/index.ts';
import { Layouts } from '../mem/layout.ts';
import { KernelMemory, type Offset } from '../mem/memory.ts';
import { as, Lsm, type GraphValue, type HookProgram } from './index.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });

function boot() {
  const mem = new KernelMemory({ initial: 1024 * 1024 });
  const layouts = new Layouts(btf, mem);
  const lsm = new Lsm({
    mem,
    layouts,
    btf,
    release: '6.12.95',
    now: () => 5,
    task: () => ({ pid: 1, tgid: 1, comm: 'init', uid: 0 }),
    syscall: () => 'openat',
  });
  return { mem, layouts, lsm };
}

/** A program as a function of its context. */
const program = (
  name: string,
  answer: number | ((ctx: Offset) => number),
  fault?: string,
): HookProgram => ({
  name,
  id: 1,
  line: () => undefined,
  run(ctx) {
    const value = typeof answer === 'number' ? answer : answer(ctx);
    return {
      lo: value | 0,
      hi: value < 0 ? -1 : 0,
      fault: fault === undefined ? undefined : { kind: 'memory', insn: 0, message: fault },
      steps: 1,
      originInsn: -1,
      program: undefined as never,
    } satisfies RunResult;
  },
});

const EPERM = -1;
const EACCES = -13;
const ENOSYS = -38;
const EOPNOTSUPP = -95;
const ENOPARAM = -519;

describe('the hook table', () => {
  it('holds what the BTF declares, and nothing that only looks like a hook', () => {
    const { lsm } = boot();
    const names = lsm.hookNames();
    expect(names).toContain('file_open');
    expect(names).not.toContain('init');
    expect(names.length).toBeGreaterThan(250);
  });

  it('knows prototypes', () => {
    const { prototype } = boot().lsm.hook('file_mprotect');
    expect(prototype?.params.map((p) => [p.name, p.kind, p.slot])).toEqual([
      ['vma', 'pointer', 0],
      ['reqprot', 'int', 1],
      ['prot', 'int', 2],
    ]);
  });

  it('gives an inert hook where the kernel has none', () => {
    const { lsm } = boot();
    lsm.register({ name: 'yama', hooks: { no_such_hook: () => EPERM } });
    expect(lsm.hook('no_such_hook').call(1)).toBe(0);
  });
});

describe('results of several LSMs', () => {
  type Row = readonly [hook: string, answers: readonly number[], result: number, asked: number];
  const rows: readonly Row[] = [
    ['file_open', [0, 0], 0, 2],
    ['file_open', [0, EACCES, EPERM], EACCES, 2],
    ['inode_free_security', [EPERM, EPERM], 0, 2],
    ['task_prctl', [ENOSYS, ENOSYS], ENOSYS, 2],
    ['task_prctl', [0, EPERM], EPERM, 2],
    ['task_prctl', [0, ENOSYS], 0, 2],
    ['fs_context_parse_param', [ENOPARAM, ENOPARAM], ENOPARAM, 2],
    ['fs_context_parse_param', [0, ENOPARAM], 0, 2],
    ['fs_context_parse_param', [ENOPARAM, -22, 0], -22, 2],
    ['inode_init_security', [EOPNOTSUPP, EOPNOTSUPP], 0, 2],
    ['inode_init_security', [EOPNOTSUPP, EPERM], EPERM, 2],
    ['vm_enough_memory', [0, -12, 0], -12, 2],
    ['xfrm_state_pol_flow_match', [0, 1], 0, 1],
    ['inode_setsecurity', [EOPNOTSUPP, 0, EPERM], 0, 2],
  ];
  it.each(rows)('%s %j gives %i after %i', (hook, answers, result, asked) => {
    const { lsm } = boot();
    let count = 0;
    answers.forEach((answer, i) => {
      const call = (): number => {
        count += 1;
        return answer;
      };
      lsm.register({ name: `lsm${i}`, hooks: { [hook]: call } });
    });
    expect(lsm.hook(hook).call(0, 0, 0, 0, 0)).toBe(result);
    expect(count).toBe(asked);
  });

  it.each([
    ['task_prctl', ENOSYS],
    ['fs_context_parse_param', ENOPARAM],
    ['xfrm_state_pol_flow_match', 1],
    ['inode_init_security', 0],
    ['file_open', 0],
  ])('%s with nobody, or a program without opinion, gives %i', (hook, result) => {
    const { lsm } = boot();
    expect(lsm.hook(hook).call()).toBe(result);
    lsm.hook(hook).attach(program('p', 0));
    expect(lsm.hook(hook).call()).toBe(result);
  });
});

describe('BPF programs', () => {
  it('come after the built-in LSMs, whose denial they never see', () => {
    const { lsm } = boot();
    lsm.register({ name: 'capability', hooks: { file_open: () => EPERM } });
    lsm.hook('file_open').attach(program('p', EACCES));
    expect(lsm.hook('file_open').call(0)).toBe(EPERM);
    expect(lsm.decisions).toMatchObject([
      { hook: 'file_open', result: EPERM, by: { layer: 'lsm', lsm: 'capability' }, programs: [] },
    ]);
  });

  it('of void hooks all run', () => {
    const { lsm } = boot();
    for (const name of ['a', 'b']) lsm.hook('inode_free_security').attach(program(name, EPERM));
    expect(lsm.hook('inode_free_security').call(0)).toBe(0);
    expect(lsm.decisions[0]).toMatchObject({
      by: undefined,
      programs: [{ name: 'b' }, { name: 'a' }],
    });
  });

  it('see arguments as 64-bit slots and a return slot of 0, also behind another program', () => {
    const { lsm, mem } = boot();
    const seen: bigint[][] = [];
    const look = (ctx: Offset): number => {
      seen.push([0, 1, 2, 3].map((slot) => mem.view.getBigUint64(ctx + slot * 8, true)));
      return 0;
    };
    for (const name of ['a', 'b']) lsm.hook('file_mprotect').attach(program(name, look));
    lsm.hook('file_mprotect').call(4096, 5, -1);
    const slots = [0xffff8880_00001000n, 5n, 2n ** 64n - 1n, 0n];
    expect(seen).toEqual([slots, slots]);
  });

  it.each([
    ['an int', 'task_kill', [0, 0, -1, 0], 2, 0xffffffffn],
    ['NULL', 'task_kill', [0, 0, 0, 0], 0, 0n],
    ['a user address', 'mmap_addr', [0x7fff_1234_5000], 0, 0x7fff_1234_5000n],
    ['a short', 'path_mkdir', [0, 0, 0x1_01ed], 2, 0x01edn],
  ])('see %s as the register holds it', (_title, hook, args, slot, expected) => {
    const { lsm, mem } = boot();
    let seen = -1n;
    const look = (ctx: Offset): number => {
      seen = mem.view.getBigUint64(ctx + slot * 8, true);
      return 0;
    };
    lsm.hook(hook).attach(program('p', look));
    lsm.hook(hook).call(...args);
    expect(seen).toBe(expected);
  });

  it('that fault count as allowing, and the decision says so', () => {
    const { lsm } = boot();
    lsm.hook('file_open').attach(program('p', 0, 'bad address'));
    expect(lsm.hook('file_open').call(0)).toBe(0);
    expect(lsm.decisions[0]?.programs).toEqual([
      { name: 'p', id: 1, result: 0, fault: 'bad address' },
    ]);
  });

  it('run again when their own helpers reach a hook, to a bounded depth', () => {
    const { lsm } = boot();
    let depth = 0;
    const again = (): number => {
      depth += 1;
      return lsm.hook('file_open').call(0);
    };
    lsm.hook('file_open').attach(program('p', again));
    expect(lsm.hook('file_open').call(0)).toBe(0);
    expect(depth).toBe(16);
    expect(lsm.decisions[0]?.programs[0]?.fault).toBe('hooks nest too deep');
  });

  it('detach', () => {
    const { lsm } = boot();
    const hook = lsm.hook('file_open');
    const [one, two] = [program('one', EPERM), program('two', 0)];
    for (const each of [one, two]) hook.attach(each);
    hook.detach(one);
    expect(hook.call(0)).toBe(0);
    hook.detach(two);
    expect(hook.idle).toBe(true);
  });
});

describe('decisions', () => {
  it('name the object once for each system call', () => {
    const { lsm } = boot();
    let asked = 0;
    lsm.hook('file_open').attach(program('p', EPERM));
    lsm.object = () => `/etc/shadow${(asked += 1)}`;
    for (const _ of [1, 2]) lsm.hook('file_open').call(0);
    expect(lsm.decisions.map((d) => d.object)).toEqual(['/etc/shadow1', '/etc/shadow1']);
    expect(lsm.decisions[1]).toMatchObject({
      seq: 2,
      time: 5,
      syscall: 'openat',
      hook: 'file_open',
    });
  });

  it('tell what DAC refused', () => {
    const { lsm } = boot();
    expect(lsm.deniedByDac('mode bits', 13)).toBe(EACCES);
    expect(lsm.decisions[0]).toMatchObject({
      hook: undefined,
      by: { layer: 'dac', rule: 'mode bits' },
    });
  });

  it('are bounded, the oldest dropped', () => {
    const { lsm } = boot();
    for (let i = 0; i < 5000; i++) lsm.deniedByDac('x', 1);
    expect(lsm.decisions).toHaveLength(4096);
    expect(lsm.decisions[0]?.seq).toBe(5000 - 4095);
  });
});

describe('fire', () => {
  it('lays a graph of structs out as the BTF says, for the time of the call', () => {
    const { lsm, mem, layouts } = boot();
    const before = mem.liveObjects;
    const at = (struct: string, path: string) => layouts.field(struct, path);
    const look = (ctx: Offset): number => {
      const file = mem.readPointer(ctx);
      const inode = at('file', 'f_inode').get(file);
      const dentry = at('file', 'f_path.dentry').get(file);
      expect(at('file', 'f_flags').get(file)).toBe(3);
      expect(at('inode', 'i_ino').get(inode)).toBe(77);
      expect(at('dentry', 'd_inode').get(dentry)).toBe(inode);
      expect(mem.readString(at('dentry', 'd_name.name').get(dentry))).toBe('shadow');
      return at('dentry', 'd_parent').get(dentry) === dentry ? EPERM : 0;
    };
    lsm.hook('file_open').attach(program('p', look));
    const inode = { i_ino: 77 };
    const dentry: Record<string, GraphValue> = {
      d_inode: inode,
      d_name: { name: 'shadow', len: 6 },
    };
    dentry['d_parent'] = dentry as GraphValue;
    const fired = lsm.fire('file_open', [{ f_flags: 3, f_inode: inode, f_path: { dentry } }]);
    expect(fired).toMatchObject({
      result: EPERM,
      decision: { syscall: 'fire', by: { program: 'p' } },
    });
    expect(mem.liveObjects).toBe(before);
  });

  it('takes objects of the simulation, other types, text, bytes and enum names', () => {
    const { lsm, mem, layouts } = boot();
    const seen: number[] = [];
    const remember = (ctx: Offset): number => {
      seen.push(mem.readPointer(ctx), mem.readPointer(ctx + 8));
      return 0;
    };
    lsm.hook('socket_connect').attach(program('p', remember));
    const sock = { addr: 0x20000 };
    const address = as('sockaddr_in', { sin_family: 2, sin_addr: { s_addr: 0x0100007f } });
    lsm.fire('socket_connect', { sock, address, addrlen: 16 });
    expect(seen[0]).toBe(0x20000);
    expect(layouts.sizeOf('sockaddr_in')).toBe(16);
    lsm.hook('locked_down').attach(program('q', (ctx) => -mem.view.getInt32(ctx, true)));
    expect(lsm.fire('locked_down', ['LOCKDOWN_DEV_MEM']).result).toBeLessThan(0);
    expect(lsm.fire('kernel_module_request', ['ext4']).result).toBe(0);
  });

  it('passes a struct of 4 bytes by value', () => {
    const { lsm, mem } = boot();
    lsm.hook('path_chown').attach(program('p', (ctx) => -mem.view.getInt32(ctx + 8, true)));
    expect(lsm.fire('path_chown', [null, 12, 0]).result).toBe(-12);
    expect(lsm.fire('path_chown', [null, { val: 13 }, 0]).result).toBe(-13);
  });

  const rows: readonly (readonly [string, Parameters<Lsm['fire']>[1], string])[] = [
    ['file_opn', [], 'hook file_opn: the booted kernel has no such hook (nearest: file_open'],
    ['file_open', [], 'hook file_open(file): 1 arguments wanted, 0 given'],
    ['file_open', { fil: null }, 'hook file_open(file): no parameter fil (nearest: file)'],
    ['file_open', {}, 'hook file_open(file): argument file is missing'],
    [
      'file_open',
      [{ f_flag: 1 }],
      'argument file: struct file has no member f_flag (nearest: f_flags',
    ],
    ['file_open', [{ f_flags: -1 }], 'argument file.f_flags: -1 is out of range: 0 to 4294967295'],
    ['file_open', [{ f_flags: 1.5 }], 'argument file.f_flags: an integer is wanted, 1.5 given'],
    ['file_open', [{ f_path: 3 }], 'argument file.f_path: 3 is given for struct path'],
    [
      'file_open',
      ['x'],
      'argument file: a string is given where a pointer to struct file is wanted',
    ],
    ['file_open', [true], 'argument file: true is given where a pointer to struct file is wanted'],
    ['file_open', [as('no_such', {})], 'the booted kernel has no struct no_such'],
    ['task_kill', [null, null, 2 ** 31, null], 'argument sig: 2147483648 is out of range'],
    ['locked_down', ['LOCKDOWN_X'], 'enum lockdown_reason has no LOCKDOWN_X (nearest'],
    [
      'task_alloc',
      [{ comm: 'a name of seventeen' }, 0],
      '19 elements are given for an array of 16',
    ],
  ];
  it.each(rows)('%s %j: error', (hook, args, message) => {
    const { lsm, mem } = boot();
    const before = mem.liveObjects;
    expect(() => lsm.fire(hook, args)).toThrow(message);
    expect(mem.liveObjects).toBe(before);
  });
});
