import { MAP, O, PROT } from 'krsi/abi';
import type { Task } from 'krsi/kernel';
import { policyTests } from 'krsi/testing';
import { attachHook, ifSubject, makeMap, must, u32 } from './programs.ts';

/** Hooks that are traced, where the kernel has them. */
const HOOKS = `
  bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file
  d_instantiate file_alloc_security file_fcntl file_mprotect file_open file_permission file_post_open file_release
  file_truncate inode_alloc_security inode_create inode_follow_link inode_getattr inode_link inode_mkdir
  inode_permission inode_post_setattr inode_readlink inode_rename inode_rmdir inode_setattr inode_symlink inode_unlink
  mmap_addr mmap_file path_chmod path_chown path_link path_mkdir path_mknod path_rename path_rmdir path_symlink
  path_truncate path_unlink ptrace_access_check ptrace_traceme sk_alloc_security socket_bind socket_connect
  socket_create socket_listen socket_post_create task_fix_setgid task_fix_setuid task_kill`
  .trim()
  .split(/\s+/);

/** Their second argument is a mask of MAY_*. */
const MASKED = new Set(['inode_permission', 'file_permission']);
const NAME = 24;
const RECORD = NAME + 2;
const PAGE = 4096;

/** Stores of 32 bits that write a name, filled with spaces. */
const storeName = (name: string): string =>
  Array.from({ length: NAME / 4 }, (_, i) => {
    const bytes = new TextEncoder().encode(name.padEnd(NAME).slice(i * 4, i * 4 + 4));
    return `*(u32 *)(r0 + ${i * 4}) = ${new DataView(bytes.buffer).getInt32(0, true)}`;
  }).join('\n');

/** The mask in two letters, `@` for 0 to `O` for 15 each: text is what a transcript shows best. */
const MASK = `
    r1 = *(u64 *)(r6 + 8)
    r2 = r1
    r2 >>= 4
    r2 &= 15
    r2 += 64
    *(u8 *)(r0 + ${NAME}) = r2
    r1 &= 15
    r1 += 64
    *(u8 *)(r0 + ${NAME + 1}) = r1`;
const NO_MASK = `
    *(u8 *)(r0 + ${NAME}) = 32
    *(u8 *)(r0 + ${NAME + 1}) = 32`;

const tracing = (subject: number, ring: number, hook: string): string => `
    ${ifSubject(subject)}
    r1 = map[fd:${ring}]
    r2 = ${RECORD}
    r3 = 0
    call bpf_ringbuf_reserve
    if r0 == 0 goto other
    ${storeName(hook)}
    ${MASKED.has(hook) ? MASK : NO_MASK}
    r1 = r0
    r2 = 0
    call bpf_ringbuf_submit
    other: r0 = 0
    exit`;

type Act = (task: Task) => Promise<number>;

/** What a task does, one after another; the hooks of each are read after it. */
const ACTS: readonly Act[] = [
  (task) => task.call('open', '/etc/passwd', O.RDONLY),
  (task) => task.call('read', 0, new Uint8Array(4)),
  (task) => task.call('close', 0),
  (task) => task.call('open', '/tmp/f', O.CREAT | O.RDWR, 0o644),
  (task) => task.call('write', 0, Uint8Array.of(65)),
  (task) => task.call('ftruncate', 0, 0),
  (task) => task.call('mmap', 0, PAGE, PROT.READ, MAP.PRIVATE, 0, 0),
  (task) => task.call('mmap', 0, PAGE, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0),
  (task) => task.call('dup', 0),
  (task) => task.call('close', 1),
  (task) => task.call('close', 0),
  (task) => task.call('open', '/tmp/f', O.WRONLY | O.TRUNC),
  (task) => task.call('open', '/tmp/f', O.PATH),
  (task) => task.call('truncate', '/tmp/f', 10),
  (task) => task.call('stat', '/tmp/f', new Uint8Array(144)),
  (task) => task.call('access', '/tmp/f', 4),
  (task) => task.call('chmod', '/tmp/f', 0o600),
  (task) => task.call('chown', '/tmp/f', 1, 1),
  (task) => task.call('link', '/tmp/f', '/tmp/g'),
  (task) => task.call('symlink', '/tmp/f', '/tmp/s'),
  (task) => task.call('open', '/tmp/s', O.RDONLY),
  (task) => task.call('mkdir', '/tmp/d', 0o755),
  (task) => task.call('rename', '/tmp/g', '/tmp/d/g'),
  (task) => task.call('rename', '/tmp/f', '/tmp/d/g'),
  (task) => task.call('unlink', '/tmp/d/g'),
  (task) => task.call('rmdir', '/tmp/d'),
  (task) => task.call('chdir', '/etc'),
  (task) => task.call('unlink', '/etc/nothing'),
  (task) => task.call('socket', 2, 1, 0),
  (task) => task.call('bind', 3, { family: 'AF_INET', address: '127.0.0.1', port: 4444 }),
  (task) => task.call('listen', 3, 1),
  (task) => task.call('socket', 2, 2, 0),
  (task) => task.call('connect', 4, { family: 'AF_INET', address: '127.0.0.1', port: 53 }),
  (task) => task.call('kill', task.pid, 0),
  (task) => task.call('setgid', 0),
  (task) => task.call('setuid', 1000),
  (task) => task.call('open', '/etc/shadow', O.RDONLY),
];

export default policyTests((test) => {
  test('which hooks each call asks, in their order', async (context) => {
    const machine = await context.boot();
    const loader = await machine.kernel.spawn({ comm: 'loader' });
    const worker = await machine.kernel.spawn({ comm: 'worker' });
    // Nobody is traced until the loader is done.
    const mapFd = await makeMap(loader, 'ARRAY', { mapName: 'subject' });
    const ring = await makeMap(loader, 'RINGBUF', {
      keySize: 0,
      valueSize: 0,
      maxEntries: 4 * PAGE,
      mapName: 'hooks',
    });
    const btf = await machine.btf();
    for (const hook of HOOKS)
      if (btf.find(`bpf_lsm_${hook}`, 'func') !== undefined)
        await attachHook(machine, loader, { hook, code: tracing(mapFd, ring, hook) });
    const reader = await loader.ringbuf(ring);
    if (!reader.ok) throw new Error(reader.reason);
    await must(loader, 'MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(worker.pid) });
    await reader.value.consume();
    for (const act of ACTS) {
      await act(worker);
      await reader.value.consume();
    }
    await must(loader, 'MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(0) });
    await reader.value.close();
  });
});
