import { MAP, PROT } from 'krsi/abi';
import { policyTests, type TestContext } from 'krsi/testing';
import { attachHook, ifSubject, subjectMap, type HookProgram } from './programs.ts';

const PAGE = 4096;
const PRIVATE = MAP.PRIVATE;
const ANONYMOUS = MAP.PRIVATE | MAP.ANONYMOUS;

async function mapBoth({ boot }: TestContext, program: (subject: number) => HookProgram) {
  const machine = await boot();
  const loader = await machine.kernel.spawn({ comm: 'loader' });
  const worker = await machine.kernel.spawn({ comm: 'worker' });
  const fd = await worker.call('open', '/bin/cat', 0);
  await attachHook(machine, loader, program(await subjectMap(loader, worker)));
  await worker.call('mmap', 0, PAGE, PROT.READ, PRIVATE, fd, 0);
  await worker.call('mmap', 0, PAGE, PROT.READ, ANONYMOUS, -1, 0);
}

const hook = 'mmap_file';

export default policyTests((test) => {
  test('mmap_file: the verifier takes the test of `file` for NULL out', (context) =>
    mapBoth(context, (subject) => ({
      hook,
      name: 'null_removed',
      code: `${ifSubject(subject)}
        r1 = *(u64 *)(r6 + 0)
        if r1 != 0 goto deny
        r0 = 0
        exit
        deny: r0 = -13
        exit
        other: r0 = 0
        exit`,
    })));

  test('mmap_file: the test stays where both ways are reached otherwise', (context) =>
    mapBoth(context, (subject) => ({
      hook,
      name: 'null_test',
      code: `${ifSubject(subject)}
        r1 = *(u64 *)(r6 + 0)
        r0 = -13
        if r1 != 0 goto out
        other: r0 = 0
        out: exit`,
    })));

  test('mmap_file: the other way round', (context) =>
    mapBoth(context, (subject) => ({
      hook,
      name: 'null_first',
      code: `${ifSubject(subject)}
        r1 = *(u64 *)(r6 + 0)
        r0 = -13
        if r1 == 0 goto out
        other: r0 = 0
        out: exit`,
    })));

  test('mmap_file: a copy of the pointer as a number can be tested', (context) =>
    mapBoth(context, (subject) => ({
      hook,
      name: 'null_copied',
      code: `${ifSubject(subject)}
        r1 = r10
        r1 += -16
        r2 = 8
        r3 = r6
        call bpf_probe_read_kernel
        r1 = *(u64 *)(r10 - 16)
        r0 = -13
        if r1 != 0 goto out
        other: r0 = 0
        out: exit`,
    })));
});
