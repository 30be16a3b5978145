import { describe, expect, it } from 'vitest';
import { ERRNO, MAP, O, PROT, PTRACE, SIG } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { Syscalls } from '../../kernel/syscalls.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel, type SimKernel } from '../kernel.ts';
import { ALL_CAPS, NO_CAPS } from '../mem/capset.ts';
import type { Task } from '../task/task.ts';
import type { SpawnOptions } from '../task/tasks.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));
const E = ERRNO;
const CAP_KILL: SpawnOptions = { uid: 1000, caps: ['CAP_KILL'] };
const CAP_PTRACE: SpawnOptions = { uid: 1000, caps: ['CAP_SYS_PTRACE'] };

function fork(sim: SimKernel, task: Task): Task {
  const child = sim.fork(task);
  if (typeof child === 'number') throw new Error(`fork: ${child}`);
  return child;
}

describe.each(kernels)('tasks on $release', (options) => {
  const boot = (): SimKernel => bootKernel(options);

  it('pid 1 is root, and its parent is pid 0, which is its own', () => {
    const sim = boot();
    const pid = sim.layouts.field('task_struct', 'pid');
    const parent = sim.layouts.field('task_struct', 'real_parent');
    const idle = parent.get(sim.init.addr);
    expect([sim.init.pid, sim.init.comm, sim.init.cred.uid]).toEqual([1, 'systemd', 0]);
    expect([pid.get(idle), parent.get(idle)]).toEqual([0, idle]);
  });

  it('a child has what its parent had, in structs of its own', () => {
    const sim = boot();
    const parent = sim.spawn({ uid: 1000, gid: 100, groups: [5, 3], comm: 'parent' });
    const child = fork(sim, parent);
    expect(child.pid).toBe(parent.pid + 1);
    expect([child.comm, child.cred.uid, child.cred.gid]).toEqual(['parent', 1000, 100]);
    expect(sim.tasks.creds.inGroup(child.cred, 5)).toBe(true);
    expect(child.s.real_parent).toBe(parent.addr);
    expect(child.s.cred).not.toBe(parent.s.cred);
    expect(child.s.mm).not.toBe(parent.s.mm);
    expect(child.s.group_leader).toBe(child.addr);
  });

  it('orphans go to init, and nothing is left when all have exited', () => {
    const sim = boot();
    const parent = sim.spawn();
    const child = fork(sim, parent);
    sim.exit(parent);
    expect(child.s.real_parent).toBe(sim.init.addr);
    sim.exit(child);
    expect(sim.leaks()).toEqual([]);
  });

  it('a task that has exited makes no more calls', () => {
    const sim = boot();
    const task = sim.spawn();
    const sys = sim.syscall(task);
    sim.exit(task);
    expect(sys.getpid()).toBe(-E.ESRCH);
  });

  it.each<[string, SpawnOptions, SpawnOptions, number, number]>([
    ['one’s own', { uid: 1000 }, { uid: 1000 }, SIG.TERM, 0],
    ['another’s', { uid: 1000 }, { uid: 1001 }, SIG.TERM, E.EPERM],
    ['root’s', { uid: 1000 }, {}, 0, E.EPERM],
    ['another’s with CAP_KILL', CAP_KILL, { uid: 1001 }, SIG.KILL, 0],
    ['another’s as root', {}, { uid: 1000 }, SIG.KILL, 0],
    ['a signal there is not', {}, { uid: 1000 }, 65, E.EINVAL],
    ['a test for existence', { uid: 1000 }, { uid: 1000 }, 0, 0],
  ])('kill: %s', (_name, by, of, signal, errno) => {
    const sim = boot();
    const target = sim.spawn(of);
    const killer = sim.syscall(sim.spawn(by));
    expect(killer.kill(target.pid, signal)).toBe(errno === 0 ? 0 : -errno);
    expect(target.alive).toBe(errno !== 0 || signal === 0);
  });

  it('kill: nobody, init, which no signal ends, and groups', () => {
    const sim = boot();
    const task = sim.spawn();
    const root = sim.syscall(task);
    expect(root.kill(9999, SIG.KILL)).toBe(-E.ESRCH);
    expect(root.kill(-9999, SIG.KILL)).toBe(-E.ESRCH);
    expect(root.kill(1, SIG.KILL)).toBe(0);
    expect(sim.init.alive).toBe(true);
    const other = sim.spawn();
    expect(root.kill(-1, SIG.TERM)).toBe(0);
    expect([other.alive, task.alive]).toEqual([false, true]);
  });

  it.each<[string, SpawnOptions, SpawnOptions, number, number]>([
    ['one’s own', { uid: 1000 }, { uid: 1000 }, PTRACE.ATTACH, 0],
    ['another’s', { uid: 1000 }, { uid: 1001 }, PTRACE.ATTACH, E.EPERM],
    ['the same user in another group', { uid: 1000 }, { uid: 1000, gid: 5 }, PTRACE.SEIZE, E.EPERM],
    ['another’s with CAP_SYS_PTRACE', CAP_PTRACE, { uid: 1001 }, PTRACE.SEIZE, 0],
    ['one with more capabilities', { uid: 1000 }, CAP_KILL, PTRACE.ATTACH, E.EPERM],
    ['root as root', {}, {}, PTRACE.ATTACH, 0],
    ['without having attached', {}, {}, PTRACE.DETACH, E.ESRCH],
    ['an unknown request', {}, {}, 0x9999, E.ESRCH],
  ])('ptrace: %s', (_name, by, of, request, errno) => {
    const sim = boot();
    const target = sim.spawn(of);
    const result = sim.syscall(sim.spawn(by)).ptrace(request, target.pid);
    expect(result).toBe(errno === 0 ? 0 : -errno);
  });

  it('ptrace: one tracer at a time, oneself and nobody not at all', () => {
    const sim = boot();
    const target = sim.spawn();
    const tracer = sim.spawn();
    const sys = sim.syscall(tracer);
    expect(sys.ptrace(PTRACE.ATTACH, tracer.pid)).toBe(-E.EPERM);
    expect(sys.ptrace(PTRACE.ATTACH, 9999)).toBe(-E.ESRCH);
    expect(sys.ptrace(PTRACE.ATTACH, target.pid)).toBe(0);
    expect(target.s.parent).toBe(tracer.addr);
    expect(sim.syscall(sim.spawn()).ptrace(PTRACE.ATTACH, target.pid)).toBe(-E.EPERM);
    expect(sys.ptrace(PTRACE.DETACH, target.pid)).toBe(0);
    expect(target.s.parent).toBe(target.s.real_parent);
    expect(sim.syscall(target).ptrace(PTRACE.TRACEME, 0)).toBe(0);
    expect(sim.syscall(target).ptrace(PTRACE.TRACEME, 0)).toBe(-E.EPERM);
  });

  it('setuid: root leaves its capabilities behind, others go nowhere', () => {
    const sim = boot();
    const { creds } = sim.tasks;
    const task = sim.spawn();
    const sys = sim.syscall(task);
    expect(creds.caps(task.cred, 'cap_effective')).toBe(ALL_CAPS);
    expect(sys.setgid(100)).toBe(0);
    expect(sys.setuid(1000)).toBe(0);
    const { uid, euid, suid, fsuid, egid } = task.cred;
    expect([uid, euid, suid, fsuid, egid]).toEqual([1000, 1000, 1000, 1000, 100]);
    expect(creds.caps(task.cred, 'cap_permitted')).toBe(NO_CAPS);
    expect(sys.setuid(0)).toBe(-E.EPERM);
    expect(sys.setgid(0)).toBe(-E.EPERM);
    expect(sys.setuid(1000)).toBe(0);
    expect(sys.setuid(-1)).toBe(-E.EINVAL);
  });
});

const put = (sys: Syscalls, path: string, content: string, mode = 0o755): string => {
  const fd = sys.open(path, O.CREAT | O.WRONLY, mode);
  sys.write(fd, new TextEncoder().encode(content));
  sys.close(fd);
  return path;
};

describe.each(kernels)('exec on $release', (options) => {
  const start = (by: SpawnOptions = {}): { sim: SimKernel; task: Task; sys: Syscalls } => {
    const sim = bootKernel(options);
    const task = sim.spawn(by);
    return { sim, task, sys: sim.syscall(task) };
  };

  it.each<[string, (sys: Syscalls) => number, number]>([
    ['a program', (s) => s.execve('/bin/cat', ['cat'], []), 0],
    ['a missing program', (s) => s.execve('/bin/none', [], []), E.ENOENT],
    ['an empty path', (s) => s.execve('', [], []), E.ENOENT],
    ['a file without x bit', (s) => s.execve('/etc/passwd', [], []), E.EACCES],
    ['a directory', (s) => s.execve('/etc', [], []), E.EACCES],
    ['a device', (s) => s.execve('/dev/null', [], []), E.EACCES],
    ['neither ELF nor script', (s) => s.execve(put(s, '/tmp/t', 'text'), [], []), E.ENOEXEC],
    ['nothing', (s) => s.execve(put(s, '/tmp/t', ''), [], []), E.ENOEXEC],
    ['ELF’s magic alone', (s) => s.execve(put(s, '/tmp/t', '\x7fELF'), [], []), E.ENOEXEC],
    ['a script', (s) => s.execve(put(s, '/tmp/t', '#! /bin/sh\n'), ['t'], []), 0],
    [
      'a script of a missing program',
      (s) => s.execve(put(s, '/tmp/t', '#!/no\n'), [], []),
      E.ENOENT,
    ],
    ['a script of nothing', (s) => s.execve(put(s, '/tmp/t', '#! \n'), [], []), E.ENOEXEC],
    ['a script of itself', (s) => s.execve(put(s, '/tmp/t', '#!/tmp/t\n'), [], []), E.ELOOP],
    ['too long an argument', (s) => s.execve('/bin/cat', ['x'.repeat(131072)], []), E.E2BIG],
    ['the longest argument', (s) => s.execve('/bin/cat', ['x'.repeat(131071)], []), 0],
    ['too many arguments', (s) => s.execve('/bin/cat', Array(300_000).fill(''), []), E.E2BIG],
    [
      'a file that is open for writing',
      (s) => {
        s.open(put(s, '/tmp/t', '#!/bin/sh\n'), O.WRONLY);
        return s.execve('/tmp/t', [], []);
      },
      E.ETXTBSY,
    ],
  ])('%s', (_name, act, errno) => {
    const { sim, task, sys } = start();
    const result = act(sys);
    expect(result).toBe(errno === 0 ? 0 : -errno);
    sim.exit(task);
    expect(sim.leaks()).toEqual([]);
  });

  it('lays the strings out on the new stack, and says in the mm where', () => {
    const { task, sys } = start();
    expect(sys.execve('/bin/cat', ['cat', '-n'], ['A=1', 'BB=2'])).toBe(0);
    const { mm } = task;
    if (mm === undefined) throw new Error('no mm');
    const words = (from: number, to: number): string[] =>
      new TextDecoder().decode(mm.read(from, to - from)).split('\0');
    expect(words(mm.s.arg_start, mm.s.arg_end)).toEqual(['cat', '-n', '']);
    expect(words(mm.s.env_start, mm.s.env_end)).toEqual(['A=1', 'BB=2', '']);
    expect(mm.readString(mm.s.env_end, 100)).toBe('/bin/cat');
    const argc = mm.read(mm.s.start_stack, 16);
    expect(new DataView(argc?.buffer ?? new ArrayBuffer(16)).getUint32(0, true)).toBe(2);
    expect([task.comm, mm.exe?.path?.dentry.name]).toEqual(['cat', 'cat']);
  });

  it('shows bprm->p at argv[0] when the credentials are committed, in the new address space', () => {
    const { sim, task, sys } = start();
    const p = sim.layouts.field('linux_binprm', 'p');
    const envc = sim.layouts.field('linux_binprm', 'envc');
    const seen: unknown[] = [];
    sim.lsm.register({
      name: 'probe',
      hooks: {
        bprm_committed_creds: (bprm = 0) => {
          const strings = task.mm?.read(p.get(bprm), 16) ?? new Uint8Array();
          seen.push(new TextDecoder().decode(strings), envc.get(bprm), task.mm?.s.arg_start);
          return 0;
        },
      },
    });
    sys.execve('/bin/cat', ['cat', '-n'], ['LD_PRELOAD=x']);
    expect(seen).toEqual(['cat\0-n\0LD_PRELOA', 1, 0]);
  });

  it('gives a script’s interpreter its argument, the script, and the rest', () => {
    const { task, sys } = start();
    put(sys, '/tmp/s', '#!/bin/sh  -x y \n');
    expect(sys.execve('/tmp/s', ['zero', 'one'], [])).toBe(0);
    const { mm } = task;
    const bytes = mm?.read(mm.s.arg_start, mm.s.arg_end - mm.s.arg_start);
    expect(new TextDecoder().decode(bytes).split('\0')).toEqual([
      '/bin/sh',
      '-x y',
      '/tmp/s',
      'one',
      '',
    ]);
    expect([task.comm, mm?.exe?.path?.dentry.name]).toEqual(['s', 'sh']);
  });

  it('an empty argv becomes one empty string', () => {
    const { task, sys } = start();
    sys.execve('/bin/cat', [], ['A=1']);
    const { mm } = task;
    expect(mm && mm.s.arg_end - mm.s.arg_start).toBe(1);
  });

  it('closes what is close-on-exec and keeps the rest', () => {
    const { task, sys } = start();
    const kept = sys.open('/etc/passwd', 0);
    const closed = sys.open('/etc/passwd', O.CLOEXEC);
    sys.execve('/bin/cat', ['cat'], []);
    expect([task.files.get(kept) !== undefined, task.files.get(closed)]).toEqual([true, undefined]);
  });

  it('a set-user-id program gives its owner’s ids and, for root, every capability', () => {
    const { sim, task, sys } = start({ uid: 1000 });
    expect(sys.execve('/bin/su', ['su'], [])).toBe(0);
    const { uid, euid, suid, fsuid } = task.cred;
    expect([uid, euid, suid, fsuid]).toEqual([1000, 0, 0, 0]);
    expect(sim.tasks.creds.caps(task.cred, 'cap_effective')).toBe(ALL_CAPS);
    expect(task.mm?.dumpable, 'not to be traced by its user').toBe(0);
    expect(sim.syscall(sim.spawn({ uid: 1000 })).ptrace(PTRACE.ATTACH, task.pid)).toBe(-E.EPERM);
  });

  it('a set-user-id program gains nothing under a tracer that may not', () => {
    const { sim, task, sys } = start({ uid: 1000 });
    expect(sim.syscall(sim.spawn({ uid: 1000 })).ptrace(PTRACE.SEIZE, task.pid)).toBe(0);
    sys.execve('/bin/su', ['su'], []);
    expect([task.cred.euid, sim.tasks.creds.caps(task.cred, 'cap_permitted')]).toEqual([
      1000,
      NO_CAPS,
    ]);
  });

  it('exec by others drops what set-ids did not give; the dumpable state follows', () => {
    const { sim, task, sys } = start({ uid: 1000, caps: ['CAP_NET_ADMIN'] });
    sys.execve('/bin/cat', ['cat'], []);
    expect(sim.tasks.creds.caps(task.cred, 'cap_effective')).toBe(NO_CAPS);
    expect(task.mm?.dumpable).toBe(1);
  });

  it('a program that cannot be read may not be looked into', () => {
    const { sim, sys: root } = start();
    root.chmod('/usr/bin/cat', 0o711);
    const user = sim.spawn({ uid: 1000 });
    expect(sim.syscall(user).execve('/bin/cat', ['cat'], [])).toBe(0);
    expect(user.mm?.dumpable).toBe(0);
  });

  it('a refusal after the point of no return kills the task', () => {
    const { sim, task, sys } = start();
    sim.lsm.register({ name: 'no', hooks: { mmap_file: () => -E.EACCES } });
    expect(sys.execve('/bin/cat', ['cat'], [])).toBe(-E.EACCES);
    expect(task.alive).toBe(false);
    expect(sim.leaks()).toEqual([]);
  });

  it('a program with its own heap: brk, and mprotect of it', () => {
    const { task, sys } = start();
    sys.execve('/bin/cat', ['cat'], []);
    const { mm } = task;
    if (mm === undefined) throw new Error('no mm');
    const start0 = mm.s.start_brk;
    expect(sys.brk(0)).toBe(start0);
    expect(sys.brk(start0 + 5000)).toBe(start0 + 5000);
    const heap = mm.vmaAt(start0);
    expect([heap?.s.vm_start, heap?.s.vm_end]).toEqual([start0, start0 + 8192]);
    expect(sys.mprotect(start0, 4096, PROT.READ | PROT.WRITE | PROT.EXEC)).toBe(0);
    expect(
      mm.vmas.filter((vma) => vma.s.vm_start >= start0 && vma.s.vm_end <= start0 + 8192),
    ).toHaveLength(2);
    expect(sys.brk(start0)).toBe(start0);
    expect(mm.vmaAt(start0)).toBeUndefined();
    expect(sys.brk(1)).toBe(start0);
  });
});

describe.each(kernels)('mappings on $release', (options) => {
  const ANON = MAP.PRIVATE | MAP.ANONYMOUS;
  const RW = PROT.READ | PROT.WRITE;
  const PAGE = 4096;

  it.each<[string, (sys: Syscalls) => number, number]>([
    ['anonymous memory', (s) => s.mmap(0, 1, RW, ANON, -1, 0), 0],
    ['nothing', (s) => s.mmap(0, 0, RW, ANON, -1, 0), E.EINVAL],
    ['neither shared nor private', (s) => s.mmap(0, 1, RW, MAP.ANONYMOUS, -1, 0), E.EINVAL],
    ['more than there is', (s) => s.mmap(0, 2 ** 47, RW, ANON, -1, 0), E.ENOMEM],
    ['an offset between pages', (s) => s.mmap(0, 1, RW, ANON, -1, 100), E.EINVAL],
    ['no file', (s) => s.mmap(0, 1, RW, MAP.PRIVATE, 9, 0), E.EBADF],
    [
      'a fixed place between pages',
      (s) => s.mmap(0x10001, 1, RW, ANON | MAP.FIXED, -1, 0),
      E.EINVAL,
    ],
    ['the first pages, as root', (s) => s.mmap(0, 1, RW, ANON | MAP.FIXED, -1, 0), 0],
    ['a file', (s) => s.mmap(0, 1, PROT.READ, MAP.SHARED, s.open('/etc/passwd', 0), 0), 0],
    [
      'a file open for reading, shared and writable',
      (s) => s.mmap(0, 1, RW, MAP.SHARED, s.open('/etc/passwd', 0), 0),
      E.EACCES,
    ],
    [
      'a file open for writing alone',
      (s) => s.mmap(0, 1, PROT.WRITE, MAP.SHARED, s.open('/etc/passwd', 1), 0),
      E.EACCES,
    ],
    ['a directory', (s) => s.mmap(0, 1, PROT.READ, MAP.PRIVATE, s.open('/etc', 0), 0), E.ENODEV],
    [
      'an O_PATH descriptor',
      (s) => s.mmap(0, 1, 1, MAP.PRIVATE, s.open('/etc/passwd', O.PATH), 0),
      E.EBADF,
    ],
    [
      'what is taken, without replacing it',
      (s) => {
        const at = s.mmap(0, PAGE, RW, ANON, -1, 0);
        return s.mmap(at, PAGE, RW, ANON | MAP.FIXED_NOREPLACE, -1, 0);
      },
      E.EEXIST,
    ],
    ['mprotect of nothing mapped', (s) => s.mprotect(0x100000, PAGE, RW), E.ENOMEM],
    ['mprotect between pages', (s) => s.mprotect(0x100001, PAGE, RW), E.EINVAL],
    ['mprotect of no bytes', (s) => s.mprotect(0x100000, 0, RW), 0],
    [
      'mprotect with an unknown bit',
      (s) => s.mprotect(s.mmap(0, 1, RW, ANON, -1, 0), 1, 64),
      E.EINVAL,
    ],
    [
      'mprotect past the end of a mapping',
      (s) => s.mprotect(s.mmap(0, PAGE, RW, ANON, -1, 0), 2 ** 40, PROT.READ),
      E.ENOMEM,
    ],
    [
      'mprotect that would write to a shared read-only file',
      (s) => s.mprotect(s.mmap(0, 1, 1, MAP.SHARED, s.open('/etc/passwd', 0), 0), 1, RW),
      E.EACCES,
    ],
    ['munmap of nothing mapped', (s) => s.munmap(0x100000, PAGE), 0],
    ['munmap between pages', (s) => s.munmap(1, PAGE), E.EINVAL],
    ['munmap of no bytes', (s) => s.munmap(0, 0), E.EINVAL],
  ])('%s', (_name, act, errno) => {
    const sim = bootKernel(options);
    const task = sim.spawn();
    const result = act(sim.syscall(task));
    expect(result < 0 ? -result : 0).toBe(errno);
    sim.exit(task);
    expect(sim.leaks()).toEqual([]);
  });

  it('the first pages need CAP_SYS_RAWIO', () => {
    const sim = bootKernel(options);
    const sys = sim.syscall(sim.spawn({ uid: 1000 }));
    expect(sys.mmap(0x1000, 1, RW, ANON | MAP.FIXED, -1, 0)).toBe(-E.EPERM);
  });

  it('a hole cut by munmap splits, a mapping that fills it joins', () => {
    const sim = bootKernel(options);
    const task = sim.spawn();
    const sys = sim.syscall(task);
    const at = sys.mmap(0, 3 * PAGE, RW, ANON, -1, 0);
    sys.munmap(at + PAGE, PAGE);
    expect(task.mm?.vmas).toHaveLength(2);
    expect(sys.mmap(at + PAGE, PAGE, RW, ANON | MAP.FIXED, -1, 0)).toBe(at + PAGE);
    expect(task.mm?.vmas.map(({ s }) => [s.vm_start, s.vm_end, s.vm_pgoff])).toEqual([
      [at, at + 3 * PAGE, at / PAGE],
    ]);
    expect([task.mm?.s.map_count, task.mm?.s.total_vm]).toEqual([1, 3]);
  });

  it('private pages are copied on write, shared ones are the file', () => {
    const sim = bootKernel(options);
    const task = sim.spawn();
    const sys = sim.syscall(task);
    const fd = sys.open('/etc/hosts', O.RDWR);
    const own = sys.mmap(0, PAGE, RW, MAP.PRIVATE, fd, 0);
    const shared = sys.mmap(0, PAGE, RW, MAP.SHARED, fd, 0);
    task.mm?.write(own, new TextEncoder().encode('own'));
    const read = (): string => {
      const buffer = new Uint8Array(3);
      sys.read(sys.open('/etc/hosts', 0), buffer);
      return new TextDecoder().decode(buffer);
    };
    expect([task.mm?.readString(own, 3), read()]).toEqual(['own', '127']);
    task.mm?.write(shared, new TextEncoder().encode('all'));
    expect([task.mm?.readString(own, 3), read()]).toEqual(['own', 'all']);
  });

  it('reading faults where nothing may be read', () => {
    const sim = bootKernel(options);
    const task = sim.spawn();
    const sys = sim.syscall(task);
    const at = sys.mmap(0, 2 * PAGE, RW, ANON, -1, 0);
    expect(task.mm?.readNofault(at, 1), 'a page never touched').toBeUndefined();
    expect(task.mm?.read(at, 2 * PAGE)?.length).toBe(2 * PAGE);
    expect(task.mm?.readNofault(at, 1)).toEqual(new Uint8Array(1));
    sys.mprotect(at + PAGE, PAGE, PROT.NONE);
    expect(task.mm?.read(at, 2 * PAGE)).toBeUndefined();
    expect(task.mm?.write(at + PAGE, new Uint8Array(1))).toBe(false);
  });
});
