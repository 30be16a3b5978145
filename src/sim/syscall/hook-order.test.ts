import { describe, expect, it } from 'vitest';
import { MAP, O, PROT, PTRACE } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { Syscalls } from '../../kernel/syscalls.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel, type SimKernel } from '../kernel.ts';

const kernels = Object.fromEntries(
  shippedKernels().map((kernel) => [
    kernel.series,
    {
      release: kernel.release,
      btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
    },
  ]),
);

/** Asked by every LSM for many reasons; the tests of capabilities cover it. */
const LEFT_OUT = new Set(['capable']);
const DEFAULTS: Readonly<Record<string, number>> = { inode_init_security: -95 };

/** Notes each hook that is called, with the mask or mode of those that have one. */
function record(sim: SimKernel, log: string[]): void {
  const hooks = sim.lsm
    .hookNames()
    .filter((name) => !LEFT_OUT.has(name))
    .map((name): [string, (...args: number[]) => number] => [
      name,
      (...args) => {
        const shown = name === 'inode_permission' || name === 'file_permission' ? args[1] : '';
        log.push(`${name}${shown === '' ? '' : `:0x${(shown ?? 0).toString(16)}`}`);
        return DEFAULTS[name] ?? 0;
      },
    ]);
  sim.lsm.register({ name: 'recorder', hooks: Object.fromEntries(hooks) });
}

function trace(series: string, setup: Act, act: Act): string[] {
  const options = kernels[series];
  if (options === undefined) throw new Error(`no kernel ${series}`);
  const sim = bootKernel(options);
  const task = sim.spawn({ uid: 0, comm: 'worker' });
  const sys = sim.syscall(task);
  setup(sys, sim);
  const log: string[] = [];
  record(sim, log);
  expect(act(sys, sim)).toBeGreaterThanOrEqual(0);
  return log;
}

type Act = (sys: Syscalls, sim: SimKernel) => number;
const none: Act = () => 0;
const file: Act = (sys) => sys.close(sys.open('/tmp/f', O.CREAT, 0o644));
const script: Act = (s) => {
  const fd = s.open('/tmp/s', O.CREAT | O.WRONLY, 0o755);
  s.write(fd, new TextEncoder().encode('#!/usr/bin/sh -e\n'));
  return s.close(fd);
};
const walk = (depth: number): string[] => Array<string>(depth).fill('inode_permission:0x81');
/** After a link that nobody followed before: noting the access ends RCU mode. */
const walkOn = (depth: number): string[] => Array<string>(depth).fill('inode_permission:0x1');
/** Each of the program's three segments. */
const segment = ['mmap_file', 'mmap_addr'];
const made = ['inode_alloc_security', 'd_instantiate'];
const changed = ['inode_setattr', 'inode_post_setattr'];
const opened = (mask: string): string[] => [
  'file_alloc_security',
  ...walk(2),
  `inode_permission:${mask}`,
  'file_open',
  'file_post_open',
];
const ROWS: [name: string, setup: Act, act: Act, hooks: string[]][] = [
  ['open to read', file, (s) => s.open('/tmp/f', O.RDONLY), opened('0x24')],
  ['open to read and write', file, (s) => s.open('/tmp/f', O.RDWR), opened('0x26')],
  ['open to append', file, (s) => s.open('/tmp/f', O.WRONLY | O.APPEND), opened('0x2a')],
  [
    'open that creates',
    none,
    (s) => s.open('/tmp/n', O.CREAT | O.RDWR, 0o644),
    [
      'file_alloc_security',
      ...walk(2),
      'path_mknod',
      'inode_permission:0x3',
      'inode_create',
      ...made,
      'inode_permission:0x20',
      'file_open',
      'file_post_open',
    ],
  ],
  [
    'open that truncates',
    file,
    (s) => s.open('/tmp/f', O.WRONLY | O.TRUNC),
    [...opened('0x22'), 'file_truncate', ...changed],
  ],
  [
    'open through a link',
    (s) => s.symlink('/etc/passwd', '/tmp/l'),
    (s) => s.open('/tmp/l', O.RDONLY),
    [
      'file_alloc_security',
      ...walk(2),
      'inode_follow_link',
      ...walkOn(2),
      'inode_permission:0x24',
      'file_open',
      'file_post_open',
    ],
  ],
  [
    'close',
    (s) => s.open('/etc/passwd', 0),
    (s) => s.close(0),
    ['file_release', 'file_free_security'],
  ],
  [
    'read',
    (s) => s.open('/etc/passwd', 0),
    (s) => s.read(0, new Uint8Array(1)),
    ['file_permission:0x4'],
  ],
  [
    'write',
    (s) => s.open('/dev/null', 1),
    (s) => s.write(0, new Uint8Array(1)),
    ['file_permission:0x2'],
  ],
  [
    'unlink',
    file,
    (s) => s.unlink('/tmp/f'),
    [...walk(2), 'path_unlink', 'inode_permission:0x3', 'inode_unlink', 'inode_free_security'],
  ],
  [
    'unlink of an open file, then its close',
    (s) => s.open('/tmp/f', O.CREAT, 0o644),
    (s) => s.unlink('/tmp/f') || s.close(0),
    [
      ...walk(2),
      'path_unlink',
      'inode_permission:0x3',
      'inode_unlink',
      'file_release',
      'inode_free_security',
      'file_free_security',
    ],
  ],
  [
    'mkdir',
    none,
    (s) => s.mkdir('/tmp/d', 0o755),
    [...walk(2), 'path_mkdir', 'inode_permission:0x3', 'inode_mkdir', ...made],
  ],
  [
    'rmdir',
    (s) => s.mkdir('/tmp/d', 0o755),
    (s) => s.rmdir('/tmp/d'),
    [...walk(2), 'path_rmdir', 'inode_permission:0x3', 'inode_rmdir', 'inode_free_security'],
  ],
  [
    'symlink',
    none,
    (s) => s.symlink('x', '/tmp/l'),
    [...walk(2), 'path_symlink', 'inode_permission:0x3', 'inode_symlink', ...made],
  ],
  [
    'link',
    file,
    (s) => s.link('/tmp/f', '/tmp/g'),
    [
      ...walk(4),
      'inode_permission:0x6',
      'path_link',
      'inode_permission:0x3',
      'inode_link',
      'd_instantiate',
    ],
  ],
  [
    'rename over another file',
    (s, sim) => file(s, sim) || s.link('/etc/hosts', '/tmp/g'),
    (s) => s.rename('/tmp/f', '/tmp/g'),
    [...walk(4), 'path_rename', 'inode_permission:0x3', 'inode_permission:0x3', 'inode_rename'],
  ],
  [
    'rename of a directory to another',
    (s) => s.mkdir('/tmp/d', 0o755),
    (s) => s.rename('/tmp/d', '/var/d'),
    [
      ...walk(4),
      'path_rename',
      'inode_permission:0x3',
      'inode_permission:0x3',
      'inode_permission:0x2',
      'inode_rename',
    ],
  ],
  [
    'truncate',
    file,
    (s) => s.truncate('/tmp/f', 1),
    [...walk(2), 'inode_permission:0x2', 'path_truncate', ...changed],
  ],
  [
    'ftruncate',
    (s) => s.open('/tmp/f', O.CREAT | 1, 0o644),
    (s) => s.ftruncate(0, 1),
    ['file_truncate', ...changed],
  ],
  ['chmod', file, (s) => s.chmod('/tmp/f', 0o600), [...walk(2), 'path_chmod', ...changed]],
  ['chown', file, (s) => s.chown('/tmp/f', 1, 1), [...walk(2), 'path_chown', ...changed]],
  ['access', file, (s) => s.access('/tmp/f', 4), [...walk(2), 'inode_permission:0x14']],
  ['chdir', none, (s) => s.chdir('/tmp'), [...walk(1), 'inode_permission:0x41']],
  ['stat', file, (s) => s.stat('/tmp/f', new Uint8Array(144)), [...walk(2), 'inode_getattr']],
  [
    'execve',
    none,
    (s) => s.execve('/bin/cat', ['cat'], []),
    [
      'file_alloc_security',
      ...walk(1),
      'inode_follow_link',
      ...walkOn(3),
      'inode_permission:0x21',
      'file_open',
      'file_post_open',
      'cred_prepare',
      'bprm_creds_for_exec',
      'file_permission:0x4',
      'bprm_check_security',
      'file_permission:0x4',
      'bprm_creds_from_file',
      'inode_permission:0x4',
      'bprm_committing_creds',
      // The old cred lives on in f_cred of the program's file.
      'bprm_committed_creds',
      ...segment,
      ...segment,
      ...segment,
    ],
  ],
  ['setuid', none, (s) => s.setuid(5), ['cred_prepare', 'task_fix_setuid', 'cred_free']],
  ['setgid', none, (s) => s.setgid(5), ['cred_prepare', 'task_fix_setgid', 'cred_free']],
  ['kill', none, (s) => s.kill(1, 0), ['task_kill']],
  ['ptrace', none, (s) => s.ptrace(PTRACE.SEIZE, 1), ['ptrace_access_check']],
  ['ptrace of oneself', none, (s) => s.ptrace(PTRACE.TRACEME, 0), ['ptrace_traceme']],
  [
    'mmap of anonymous memory',
    none,
    (s) => s.mmap(0, 4096, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0),
    ['mmap_file', 'mmap_addr'],
  ],
  [
    'mprotect across three mappings',
    (s) => {
      const at = s.mmap(0, 3 * 4096, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0);
      return s.mprotect(at + 4096, 4096, PROT.READ | PROT.WRITE);
    },
    (s, sim) => {
      const vmas = [...sim.tasks.all].at(-1)?.mm?.vmas ?? [];
      return s.mprotect(vmas.at(-3)?.s.vm_start ?? 0, 3 * 4096, PROT.NONE);
    },
    ['file_mprotect', 'file_mprotect', 'file_mprotect'],
  ],
  [
    'socket',
    none,
    (s) => s.socket(2, 1, 0),
    [
      'socket_create',
      'inode_alloc_security',
      'sk_alloc_security',
      'socket_post_create',
      'd_instantiate',
      'file_alloc_security',
    ],
  ],
  [
    'bind, listen and close of a socket',
    (s) => s.socket(2, 1, 0),
    (s) =>
      s.bind(0, { family: 'AF_INET', address: '127.0.0.1', port: 80 }) ||
      s.listen(0, 1) ||
      s.close(0),
    [
      'socket_bind',
      'socket_listen',
      'file_release',
      'sk_free_security',
      'inode_free_security',
      'file_free_security',
    ],
  ],
  [
    'connect',
    (s) => s.socket(2, 2, 0),
    (s) => s.connect(0, { family: 'AF_INET', address: '192.0.2.1', port: 53 }),
    ['socket_connect'],
  ],
];

/** Hooks that came after 6.1. */
const SINCE_61 = new Set(['file_post_open', 'file_release', 'inode_post_setattr']);

describe('hooks in the order of Linux', () => {
  it.each(ROWS)('%s', (_name, setup, act, hooks) => {
    expect(trace('6.12', setup, act)).toEqual(hooks);
    expect(trace('6.18', setup, act)).toEqual(hooks);
  });

  const elsewhere = new Set(['execve', 'access', 'open that creates', 'mkdir', 'symlink']);
  const old = ROWS.filter(([name]) => !elsewhere.has(name));
  it.each(old)('%s, with those that 6.1 has', (_name, setup, act, hooks) => {
    const expected = hooks
      .filter((hook) => !SINCE_61.has(hook))
      .map((hook) => (hook === 'file_truncate' ? 'path_truncate' : hook));
    expect(trace('6.1', setup, act)).toEqual(expected);
  });

  it('6.1 asks for the security of a new inode, and copies the cred for access(2)', () => {
    const mkdir = trace('6.1', none, (s) => s.mkdir('/tmp/d', 0o755));
    expect(mkdir.slice(-3)).toEqual([
      'inode_alloc_security',
      'inode_init_security',
      'd_instantiate',
    ]);
    expect(trace('6.1', none, (s) => s.access('/', 4))).toEqual([
      'cred_prepare',
      'inode_permission:0x14',
      'cred_free',
    ]);
  });

  it('6.1 prepares credentials before it opens the program', () => {
    const hooks = trace('6.1', none, (s) => s.execve('/bin/cat', ['cat'], []));
    expect(hooks.indexOf('cred_prepare')).toBeLessThan(hooks.indexOf('file_open'));
  });

  it('fork and exit', () => {
    const hooks = trace('6.12', none, (s, sim) => {
      const task = sim.tasks.find(s.getpid());
      const child = task === undefined ? -1 : sim.fork(task);
      if (typeof child !== 'number') sim.exit(child);
      return typeof child === 'number' ? child : 0;
    });
    expect(hooks).toEqual(['cred_prepare', 'task_alloc', 'task_free', 'cred_free']);
  });

  it('a script is checked twice, the second time as its interpreter', () => {
    const hooks = trace('6.12', script, (s) => s.execve('/tmp/s', ['s'], []));
    const exec = hooks.filter((hook) => hook.startsWith('bprm_') || hook === 'file_open');
    expect(exec).toEqual([
      'file_open',
      'bprm_creds_for_exec',
      'bprm_check_security',
      'file_open',
      'bprm_check_security',
      'bprm_creds_from_file',
      'bprm_committing_creds',
      'bprm_committed_creds',
    ]);
  });
});
