import { describe, expect, it } from 'vitest';
import { ERRNO, O } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { Syscalls } from '../../kernel/syscalls.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel, type SimKernel } from '../kernel.ts';
import type { SpawnOptions } from '../task/tasks.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));
const USER: SpawnOptions = { uid: 1000, comm: 'user' };
const ROOT: SpawnOptions = { uid: 0, comm: 'root' };
const POOR_ROOT: SpawnOptions = { uid: 0, caps: [], comm: 'poor' };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

type Act = (sys: Syscalls) => number;
/** Steps by root come first, then the call under test by the task; the errno is positive, 0 is success. */
type Row = readonly [name: string, by: SpawnOptions, setup: Act, call: Act, errno: number];

const none: Act = () => 0;
const steps =
  (...calls: readonly Act[]): Act =>
  (sys) => {
    for (const call of calls) expect(call(sys)).toBeGreaterThanOrEqual(0);
    return 0;
  };
const makeFile =
  (path: string, mode: number, uid = 0, gid = uid): Act =>
  (sys) => {
    const fd = sys.open(path, O.CREAT | O.WRONLY, 0o600);
    expect(fd).toBeGreaterThanOrEqual(0);
    sys.write(fd, text('contents'));
    sys.close(fd);
    sys.chmod(path, mode);
    return sys.chown(path, uid, gid);
  };
const opened =
  (path: string, flags: number, then: (sys: Syscalls, fd: number) => number): Act =>
  (sys) => {
    const fd = sys.open(path, flags);
    expect(fd).toBeGreaterThanOrEqual(0);
    return then(sys, fd);
  };

const long = 'x'.repeat(256);
const loop = steps(
  (s) => s.symlink('/tmp/b', '/tmp/a'),
  (s) => s.symlink('/tmp/a', '/tmp/b'),
);
const tree = steps(
  (s) => s.mkdir('/tmp/d', 0o777),
  (s) => s.chmod('/tmp/d', 0o777),
  (s) => s.mkdir('/tmp/d/e', 0o777),
  makeFile('/tmp/d/f', 0o666, 1000),
);
const E = ERRNO;

const OPEN: Row[] = [
  ['a world-readable file opens', USER, none, (s) => s.open('/etc/passwd', O.RDONLY), 0],
  ['others may not read 0640', USER, none, (s) => s.open('/etc/shadow', O.RDONLY), E.EACCES],
  ['the group may', { uid: 1000, groups: [42] }, none, (s) => s.open('/etc/shadow', O.RDONLY), 0],
  ['root may, by CAP_DAC_OVERRIDE', ROOT, none, (s) => s.open('/etc/shadow', O.RDWR), 0],
  ['uid 0 alone owns it and may', POOR_ROOT, none, (s) => s.open('/etc/shadow', O.RDWR), 0],
  [
    'CAP_DAC_READ_SEARCH reads and does not write',
    { uid: 1000, caps: ['CAP_DAC_READ_SEARCH'] },
    none,
    (s) => s.open('/etc/shadow', O.RDWR),
    E.EACCES,
  ],
  [
    'an owner without the bit is refused even if others have it',
    USER,
    makeFile('/tmp/own', 0o004, 1000),
    (s) => s.open('/tmp/own', O.RDONLY),
    E.EACCES,
  ],
  ['a missing file', USER, none, (s) => s.open('/etc/none', O.RDONLY), E.ENOENT],
  ['a missing directory', USER, none, (s) => s.open('/none/x', O.RDONLY), E.ENOENT],
  ['a file as directory', USER, none, (s) => s.open('/etc/passwd/x', O.RDONLY), E.ENOTDIR],
  ['a slash behind a file', USER, none, (s) => s.open('/etc/passwd/', O.RDONLY), E.ENOTDIR],
  ['a directory without search permission', USER, none, (s) => s.open('/root/x', 0), E.EACCES],
  ['an empty path', USER, none, (s) => s.open('', O.RDONLY), E.ENOENT],
  ['a name of 256 bytes', USER, none, (s) => s.open(`/tmp/${long}`, 0), E.ENAMETOOLONG],
  ['a path of 4096 bytes', USER, none, (s) => s.open('/'.repeat(4096), 0), E.ENAMETOOLONG],
  ['a path of 4095 bytes', USER, none, (s) => s.open('/'.repeat(4095), 0), 0],
  ['a loop of links', USER, loop, (s) => s.open('/tmp/a', O.RDONLY), E.ELOOP],
  ['a dangling link', USER, loop, (s) => s.open('/tmp/a', O.RDONLY | O.NOFOLLOW), E.ELOOP],
  ['.. above the root', USER, none, (s) => s.open('/../../etc/passwd', O.RDONLY), 0],
  ['a directory for reading', USER, none, (s) => s.open('/etc', O.RDONLY), 0],
  ['a directory for writing', ROOT, none, (s) => s.open('/etc', O.WRONLY), E.EISDIR],
  ['O_DIRECTORY on a file', USER, none, (s) => s.open('/etc/hosts', O.DIRECTORY), E.ENOTDIR],
  ['O_CREAT makes a file', USER, none, (s) => s.open('/tmp/new', O.CREAT | O.RDWR, 0o644), 0],
  ['O_CREAT needs the directory', USER, none, (s) => s.open('/etc/new', O.CREAT, 0o644), E.EACCES],
  [
    'O_CREAT|O_EXCL on a file that is there',
    USER,
    none,
    (s) => s.open('/etc/passwd', O.CREAT | O.EXCL, 0o644),
    E.EEXIST,
  ],
  [
    'O_CREAT|O_EXCL does not follow a link',
    USER,
    (s) => s.symlink('/tmp/target', '/tmp/l'),
    (s) => s.open('/tmp/l', O.CREAT | O.EXCL, 0o644),
    E.EEXIST,
  ],
  [
    'O_CREAT through a link makes its target',
    USER,
    (s) => s.symlink('/tmp/target', '/tmp/l'),
    (s) =>
      steps(
        (t) => t.open('/tmp/l', O.CREAT, 0o644),
        (t) => t.open('/tmp/target', 0),
      )(s),
    0,
  ],
  ['O_CREAT with a slash behind', USER, none, (s) => s.open('/tmp/n/', O.CREAT, 0o644), E.EISDIR],
  ['O_CREAT of a directory', USER, none, (s) => s.open('/tmp', O.CREAT, 0o644), E.EISDIR],
  ['O_CREAT|O_DIRECTORY', USER, none, (s) => s.open('/tmp/n', O.CREAT | O.DIRECTORY), E.EINVAL],
  ['O_TMPFILE', USER, none, (s) => s.open('/tmp', O.TMPFILE | O.RDWR), E.EOPNOTSUPP],
  [
    'a created file may be written by the one that made it read-only',
    USER,
    none,
    (s) => s.write(s.open('/tmp/ro', O.CREAT | O.WRONLY, 0o444), text('x')),
    0,
  ],
  ['O_TRUNC needs write permission', USER, none, (s) => s.open('/etc/passwd', O.TRUNC), E.EACCES],
  ['a program that runs is not written to', ROOT, runs, (s) => s.open('/bin/cat', 1), E.ETXTBSY],
];

function runs(sys: Syscalls): number {
  return sys.execve('/bin/cat', ['cat'], []);
}

const CHANGE: Row[] = [
  [
    'unlink in a sticky directory, of one’s own',
    USER,
    makeFile('/tmp/x', 0o600, 1000),
    (s) => s.unlink('/tmp/x'),
    0,
  ],
  [
    'unlink in a sticky directory, another’s',
    USER,
    makeFile('/tmp/x', 0o666),
    (s) => s.unlink('/tmp/x'),
    E.EPERM,
  ],
  [
    'CAP_FOWNER overrides sticky',
    { uid: 1000, caps: ['CAP_FOWNER'] },
    makeFile('/tmp/x', 0o666),
    (s) => s.unlink('/tmp/x'),
    0,
  ],
  ['unlink without write permission', USER, none, (s) => s.unlink('/etc/passwd'), E.EACCES],
  ['unlink of a missing file', USER, none, (s) => s.unlink('/tmp/none'), E.ENOENT],
  ['unlink of a directory', USER, tree, (s) => s.unlink('/tmp/d/e'), E.EISDIR],
  ['unlink of .', USER, none, (s) => s.unlink('/tmp/.'), E.EISDIR],
  ['unlink with a slash', USER, tree, (s) => s.unlink('/tmp/d/f/'), E.ENOTDIR],
  ['rmdir of an empty directory', USER, tree, (s) => s.rmdir('/tmp/d/e'), 0],
  ['rmdir of a full one', ROOT, tree, (s) => s.rmdir('/tmp/d'), E.ENOTEMPTY],
  ['rmdir of a file', USER, tree, (s) => s.rmdir('/tmp/d/f'), E.ENOTDIR],
  ['rmdir of .', USER, tree, (s) => s.rmdir('/tmp/d/.'), E.EINVAL],
  ['rmdir of ..', USER, tree, (s) => s.rmdir('/tmp/d/..'), E.ENOTEMPTY],
  ['rmdir of the root', ROOT, none, (s) => s.rmdir('/'), E.EBUSY],
  ['mkdir', USER, none, (s) => s.mkdir('/tmp/new', 0o755), 0],
  ['mkdir with a slash', USER, none, (s) => s.mkdir('/tmp/new/', 0o755), 0],
  ['mkdir of what is there', USER, none, (s) => s.mkdir('/etc', 0o755), E.EEXIST],
  ['mkdir of the root', USER, none, (s) => s.mkdir('/', 0o755), E.EEXIST],
  ['mkdir without permission', USER, none, (s) => s.mkdir('/etc/new', 0o755), E.EACCES],
  ['mkdir in a removed directory', ROOT, none, inRemoved((s) => s.mkdir('x', 0o755)), E.ENOENT],
  ['link', USER, tree, (s) => s.link('/tmp/d/f', '/tmp/d/g'), 0],
  ['link over a file', USER, tree, (s) => s.link('/etc/passwd', '/tmp/d/f'), E.EEXIST],
  ['link of a directory', ROOT, tree, (s) => s.link('/tmp/d/e', '/tmp/d/g'), E.EPERM],
  ['link of a missing file', USER, tree, (s) => s.link('/tmp/none', '/tmp/d/g'), E.ENOENT],
  ['link with a slash', USER, tree, (s) => s.link('/tmp/d/f', '/tmp/d/g/'), E.ENOENT],
  ['symlink', USER, none, (s) => s.symlink('anything', '/tmp/l'), 0],
  ['symlink to nothing', USER, none, (s) => s.symlink('', '/tmp/l'), E.ENOENT],
  ['symlink over a file', USER, none, (s) => s.symlink('x', '/etc/passwd'), E.EEXIST],
  ['rename', USER, tree, (s) => s.rename('/tmp/d/f', '/tmp/d/g'), 0],
  ['rename over a file', ROOT, tree, (s) => s.rename('/tmp/d/f', '/etc/hosts'), 0],
  ['rename to itself', USER, tree, (s) => s.rename('/tmp/d/f', '/tmp/d/f'), 0],
  ['rename of a missing file', USER, tree, (s) => s.rename('/tmp/d/no', '/tmp/d/g'), E.ENOENT],
  [
    'rename of a file over a directory',
    USER,
    tree,
    (s) => s.rename('/tmp/d/f', '/tmp/d/e'),
    E.EISDIR,
  ],
  [
    'rename of a directory over a file',
    ROOT,
    tree,
    (s) => s.rename('/tmp/d/e', '/tmp/d/f'),
    E.ENOTDIR,
  ],
  ['rename into itself', ROOT, tree, (s) => s.rename('/tmp/d', '/tmp/d/e/x'), E.EINVAL],
  ['rename over a parent', ROOT, tree, (s) => s.rename('/tmp/d/e', '/tmp/d'), E.ENOTEMPTY],
  ['rename of .', ROOT, tree, (s) => s.rename('/tmp/d/.', '/tmp/x'), E.EBUSY],
  [
    'rename of a file with a slash',
    USER,
    tree,
    (s) => s.rename('/tmp/d/f/', '/tmp/d/g'),
    E.ENOTDIR,
  ],
  [
    'rename out of a sticky directory',
    USER,
    makeFile('/tmp/x', 0o666),
    (s) => s.rename('/tmp/x', '/tmp/y'),
    E.EPERM,
  ],
  [
    'moving another’s directory, which rewrites its ..',
    { uid: 1000, caps: ['CAP_FOWNER'] },
    steps(tree, (s) => s.chmod('/tmp/d/e', 0o755)),
    (s) => s.rename('/tmp/d/e', '/tmp/e'),
    E.EACCES,
  ],
  ['truncate', USER, tree, (s) => s.truncate('/tmp/d/f', 3), 0],
  ['truncate without permission', USER, none, (s) => s.truncate('/etc/passwd', 0), E.EACCES],
  ['truncate of a directory', ROOT, none, (s) => s.truncate('/etc', 0), E.EISDIR],
  ['truncate to less than nothing', ROOT, none, (s) => s.truncate('/etc/passwd', -1), E.EINVAL],
  ['truncate of a device', ROOT, none, (s) => s.truncate('/dev/null', 0), E.EINVAL],
  ['truncate of a running program', ROOT, runs, (s) => s.truncate('/bin/cat', 0), E.ETXTBSY],
  ['ftruncate', USER, tree, opened('/tmp/d/f', O.RDWR, (s, fd) => s.ftruncate(fd, 100)), 0],
  [
    'ftruncate of what is open for reading',
    USER,
    tree,
    opened('/tmp/d/f', 0, (s, fd) => s.ftruncate(fd, 1)),
    E.EINVAL,
  ],
  ['ftruncate of nothing', USER, none, (s) => s.ftruncate(9, 1), E.EBADF],
  ['chmod by the owner', USER, tree, (s) => s.chmod('/tmp/d/f', 0o600), 0],
  ['chmod by another', USER, none, (s) => s.chmod('/etc/passwd', 0o600), E.EPERM],
  [
    'chmod by CAP_FOWNER',
    { uid: 1000, caps: ['CAP_FOWNER'] },
    none,
    (s) => s.chmod('/etc/passwd', 0o600),
    0,
  ],
  ['chown by root', ROOT, tree, (s) => s.chown('/tmp/d/f', 0, 0), 0],
  ['chown by the owner to another', USER, tree, (s) => s.chown('/tmp/d/f', 1001, -1), E.EPERM],
  ['chown by the owner to itself', USER, tree, (s) => s.chown('/tmp/d/f', 1000, 1000), 0],
  [
    'chgrp by the owner to a group of its own',
    { uid: 1000, groups: [42] },
    tree,
    (s) => s.chown('/tmp/d/f', -1, 42),
    0,
  ],
  ['chgrp by the owner to another group', USER, tree, (s) => s.chown('/tmp/d/f', -1, 42), E.EPERM],
];

const USE: Row[] = [
  ['access to read', USER, none, (s) => s.access('/etc/passwd', 4), 0],
  ['access to write', USER, none, (s) => s.access('/etc/passwd', 2), E.EACCES],
  ['access that asks for existence', USER, none, (s) => s.access('/etc/shadow', 0), 0],
  ['access with an unknown mode', USER, none, (s) => s.access('/etc/passwd', 8), E.EINVAL],
  [
    'access to execute as root needs any x bit',
    ROOT,
    none,
    (s) => s.access('/etc/passwd', 1),
    E.EACCES,
  ],
  [
    'access of uid 0 without capabilities',
    POOR_ROOT,
    makeFile('/tmp/x', 0, 1000),
    (s) => s.access('/tmp/x', 4),
    E.EACCES,
  ],
  ['chdir', USER, none, (s) => s.chdir('/etc'), 0],
  ['chdir to a file', USER, none, (s) => s.chdir('/etc/passwd'), E.ENOTDIR],
  ['chdir without permission', USER, none, (s) => s.chdir('/root'), E.EACCES],
  [
    'a relative path',
    USER,
    none,
    (s) =>
      steps(
        (t) => t.chdir('/etc'),
        (t) => t.open('passwd', 0),
      )(s),
    0,
  ],
  ['stat', USER, none, (s) => s.stat('/etc/shadow', new Uint8Array(144)), 0],
  ['stat into too little room', USER, none, (s) => s.stat('/etc', new Uint8Array(10)), E.EFAULT],
  [
    'read of a directory',
    USER,
    none,
    opened('/etc', 0, (s, fd) => s.read(fd, new Uint8Array(8))),
    E.EISDIR,
  ],
  [
    'read of what is open for writing',
    USER,
    tree,
    opened('/tmp/d/f', 1, (s, fd) => s.read(fd, new Uint8Array(1))),
    E.EBADF,
  ],
  [
    'write to what is open for reading',
    USER,
    tree,
    opened('/tmp/d/f', 0, (s, fd) => s.write(fd, text('x'))),
    E.EBADF,
  ],
  [
    'read of an O_PATH descriptor',
    USER,
    none,
    opened('/etc/passwd', O.PATH, (s, fd) => s.read(fd, new Uint8Array(1))),
    E.EBADF,
  ],
  ['O_PATH needs no permission on the file', USER, none, (s) => s.open('/etc/shadow', O.PATH), 0],
  [
    'O_PATH makes other flags mean nothing, impossible ones too',
    USER,
    none,
    (s) => s.open('/tmp/missing', O.PATH | O.CREAT | O.DIRECTORY),
    E.ENOENT,
  ],
  ['close of nothing', USER, none, (s) => s.close(0), E.EBADF],
  ['dup of nothing', USER, none, (s) => s.dup(0), E.EBADF],
  ['write to /dev/null', USER, none, opened('/dev/null', 1, (s, fd) => s.write(fd, text('x'))), 0],
  [
    'too many descriptors',
    USER,
    fillTable,
    (s) => fillTable(s) || s.open('/etc/passwd', 0),
    E.EMFILE,
  ],
];

function fillTable(sys: Syscalls): number {
  for (let fd = sys.open('/etc/passwd', 0); fd >= 0 && fd < 1023;) fd = sys.dup(fd);
  return 0;
}

/** Calls in a working directory that was removed. */
function inRemoved(call: Act): Act {
  return (sys) => {
    steps(
      (s) => s.mkdir('/tmp/gone', 0o755),
      (s) => s.chdir('/tmp/gone'),
      (s) => s.rmdir('/tmp/gone'),
    )(sys);
    return call(sys);
  };
}

describe.each(kernels)('files on $release', (options) => {
  it.each([...OPEN, ...CHANGE, ...USE])('%s', (_name, by, setup, call, errno) => {
    const sim = bootKernel(options);
    expect(setup(sim.syscall(sim.spawn(ROOT)))).toBeGreaterThanOrEqual(0);
    const result = call(sim.syscall(sim.spawn(by)));
    expect(result < 0 ? -result : 0).toBe(errno);
  });
});

const boot = (): { sim: SimKernel; sys: Syscalls } => {
  const sim = bootKernel(
    kernels[1] ?? { release: '', btf: readBtf(new Uint8Array(), { file: '' }) },
  );
  return { sim, sys: sim.syscall(sim.spawn(ROOT)) };
};

const read = (sys: Syscalls, fd: number, length = 100): string => {
  const buffer = new Uint8Array(length);
  const count = sys.read(fd, buffer);
  return count < 0 ? `errno ${-count}` : new TextDecoder().decode(buffer.subarray(0, count));
};

describe('what files do', () => {
  it('dup and fork share one position', () => {
    const { sim, sys } = boot();
    makeFile('/tmp/f', 0o644)(sys);
    const task = sim.spawn();
    const parent = sim.syscall(task);
    const fd = parent.open('/tmp/f', O.RDONLY);
    const copy = parent.dup(fd);
    expect(read(parent, fd, 3)).toBe('con');
    expect(read(parent, copy, 3)).toBe('ten');
    const child = sim.fork(task);
    if (typeof child === 'number') throw new Error(`fork: ${child}`);
    expect(read(sim.syscall(child), fd)).toBe('ts');
  });

  it('O_APPEND writes at the end, whoever wrote before', () => {
    const { sys } = boot();
    const first = sys.open('/tmp/log', O.CREAT | O.WRONLY | O.APPEND, 0o644);
    const second = sys.open('/tmp/log', O.WRONLY | O.APPEND);
    sys.write(first, text('a'));
    sys.write(second, text('b'));
    sys.write(first, text('c'));
    expect(read(sys, sys.open('/tmp/log', 0))).toBe('abc');
  });

  it('a hole reads as zeros, and truncation forgets what was there', () => {
    const { sys } = boot();
    makeFile('/tmp/f', 0o644)(sys);
    sys.truncate('/tmp/f', 2);
    sys.truncate('/tmp/f', 5);
    expect(read(sys, sys.open('/tmp/f', 0))).toBe('co\0\0\0');
  });

  it('an unlinked file lives until its last descriptor is closed', () => {
    const { sim, sys } = boot();
    makeFile('/tmp/f', 0o644)(sys);
    const inodes = sim.vfs.inodes.live;
    const fd = sys.open('/tmp/f', O.RDONLY);
    expect(sys.unlink('/tmp/f')).toBe(0);
    expect(read(sys, fd)).toBe('contents');
    expect(sim.vfs.inodes.live).toBe(inodes);
    sys.close(fd);
    expect(sim.vfs.inodes.live).toBe(inodes - 1);
  });

  it('a hard link keeps the inode when the first name goes', () => {
    const { sys } = boot();
    makeFile('/tmp/f', 0o644)(sys);
    sys.link('/tmp/f', '/tmp/g');
    const stat = new Uint8Array(144);
    const inode = (path: string): readonly [bigint, bigint] => {
      expect(sys.stat(path, stat)).toBe(0);
      const view = new DataView(stat.buffer);
      return [view.getBigUint64(8, true), view.getBigUint64(16, true)];
    };
    const [ino, links] = inode('/tmp/f');
    expect([inode('/tmp/g')[0], links]).toEqual([ino, 2n]);
    sys.unlink('/tmp/f');
    expect(inode('/tmp/g')).toEqual([ino, 1n]);
  });

  it('rename replaces its target, whose inode goes', () => {
    const { sim, sys } = boot();
    makeFile('/tmp/a', 0o644)(sys);
    makeFile('/tmp/b', 0o600)(sys);
    const inodes = sim.vfs.inodes.live;
    sys.rename('/tmp/a', '/tmp/b');
    expect(sys.open('/tmp/a', 0)).toBe(-ERRNO.ENOENT);
    expect(sim.vfs.inodes.live).toBe(inodes - 1);
  });

  it('takes the umask from modes, and the group from a set-group-id directory', () => {
    const { sys } = boot();
    sys.mkdir('/tmp/d', 0o777);
    sys.chown('/tmp/d', 0, 42);
    sys.chmod('/tmp/d', 0o2777);
    sys.open('/tmp/d/f', O.CREAT, 0o666);
    sys.mkdir('/tmp/d/e', 0o777);
    const stat = new Uint8Array(144);
    const view = new DataView(stat.buffer);
    sys.stat('/tmp/d/f', stat);
    expect([view.getUint32(24, true), view.getUint32(32, true)]).toEqual([0o100644, 42]);
    sys.stat('/tmp/d/e', stat);
    expect(view.getUint32(24, true)).toBe(0o42755);
  });

  it('writing to a set-user-id program without CAP_FSETID takes the bit off', () => {
    const { sim, sys } = boot();
    makeFile('/tmp/suid', 0o4777, 0)(sys);
    sys.chmod('/tmp/suid', 0o4777);
    const user = sim.syscall(sim.spawn(USER));
    user.write(user.open('/tmp/suid', O.WRONLY), text('x'));
    const stat = new Uint8Array(144);
    sys.stat('/tmp/suid', stat);
    expect(new DataView(stat.buffer).getUint32(24, true)).toBe(0o100777);
  });

  it('gives the text of a path as the task sees it', () => {
    const { sim, sys } = boot();
    const task = sim.spawn();
    const own = sim.syscall(task);
    sys.mkdir('/tmp/d', 0o755);
    makeFile('/tmp/d/f', 0o644)(sys);
    const file = task.files.get(own.open('/tmp/d/f', 0));
    if (file === undefined) throw new Error('not open');
    const path = (): string | number => sim.dPath(file.pathAddr);
    expect(path()).toBe('/tmp/d/f');
    sys.rename('/tmp/d', '/tmp/e');
    expect(path()).toBe('/tmp/e/f');
    sys.unlink('/tmp/e/f');
    expect(path()).toBe('/tmp/e/f (deleted)');
  });

  it('refuses arguments that no program could pass, by name', () => {
    const { sys } = boot();
    expect(() => sys.open(7 as unknown as string, 0)).toThrow(
      new TypeError('open: path must be a string without NUL'),
    );
    expect(() => sys.close(1.5)).toThrow(new TypeError('close: fd must be an integer'));
  });
});
