import type { Kernel, Task } from 'krsi/kernel';
import { expectEqual, policyTests } from 'krsi/testing';

const [PROT_READ, PROT_WRITE, PROT_EXEC] = [1, 2, 4];
const RW = PROT_READ | PROT_WRITE;
const RX = PROT_READ | PROT_EXEC;
const RWX = RW | PROT_EXEC;
const [MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS] = [0x02, 0x10, 0x20];
const PAGE = 4096;
const OBJECT = 'mprotect_audit.bpf.o';

/** Grows the heap of a task by some bytes. @returns its first page. */
async function growHeap(task: Task, bytes: number): Promise<number> {
  const end = await task.call('brk', 0);
  await task.call('brk', end + bytes);
  return Math.ceil(end / PAGE) * PAGE;
}

const anonymous = (task: Task): Promise<number> =>
  task.call('mmap', 0, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

/** A program that a user runs; its heap is empty at first. */
async function run(kernel: Kernel, uid = 1000): Promise<Task> {
  const task = await kernel.spawn({ uid });
  await task.call('execve', '/bin/cat', ['cat'], []);
  return task;
}

export default policyTests((test) => {
  test('the heap does not become executable', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    expectDenied(await task.call('mprotect', heap, PAGE, RX), {
      errno: 'EPERM',
      by: 'deny_heap_exec',
      hook: 'file_mprotect',
    });
  });

  test('the heap may become read-only and writable again', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    expectAllowed(await task.call('mprotect', heap, PAGE, PROT_READ));
    expectAllowed(await task.call('mprotect', heap, PAGE, RW));
  });

  test('other memory may become executable, as compilers at run time need', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    expectAllowed(await task.call('mprotect', await anonymous(task), PAGE, RX));
  });

  test('an attempt on the heap is reported, with who made it', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    const policy = await load(OBJECT);
    const events = await policy.ringbuf('events');
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    expectDenied(await task.call('mprotect', heap, PAGE, RWX));
    const [event, ...more] = (await events.consumeAs('event')) as {
      pid: number;
      uid: number;
      prot: number;
      comm: string;
      start: bigint;
      end: bigint;
    }[];
    expectEqual(more, []);
    expectEqual(
      { pid: event?.pid, uid: event?.uid, prot: event?.prot, comm: event?.comm },
      { pid: task.pid, uid: 1000, prot: RWX, comm: 'cat' },
    );
    expectEqual(event !== undefined && event.start <= heap && event.end >= heap + PAGE, true);
  });

  test('what is allowed is not reported', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    const policy = await load(OBJECT);
    const events = await policy.ringbuf('events');
    const task = await run(kernel);
    expectAllowed(await task.call('mprotect', await anonymous(task), PAGE, RX));
    expectEqual(await events.consume(), []);
  });

  test('bypass: one page in the middle of the heap', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, 8 * PAGE);
    expectDenied(await task.call('mprotect', heap + 3 * PAGE, PAGE, RWX), { errno: 'EPERM' });
  });

  test('bypass: a heap whose end is not on a page boundary', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, PAGE + 100);
    expectDenied(await task.call('mprotect', heap, PAGE, RX), { errno: 'EPERM' });
  });

  test('bypass: a child tries after fork', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    const child = await task.fork();
    if ('errno' in child) throw new Error(`fork failed with errno ${child.errno}`);
    expectDenied(await child.call('mprotect', heap, PAGE, RX), { errno: 'EPERM' });
  });

  test('bypass: root is no exception', async ({ boot }) => {
    const { kernel, load, expectDenied } = await boot();
    await load(OBJECT);
    const task = await run(kernel, 0);
    const heap = await growHeap(task, 4 * PAGE);
    expectDenied(await task.call('mprotect', heap, PAGE, RX), { errno: 'EPERM' });
  });

  test('not covered: a new mapping in place of a heap page is not mprotect', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    await load(OBJECT);
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    expectAllowed(await task.call('mmap', heap, PAGE, RWX, flags, -1, 0));
  });

  test('without the policy the heap becomes executable', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    const policy = await load(OBJECT);
    await policy.close();
    const task = await run(kernel);
    const heap = await growHeap(task, 4 * PAGE);
    expectAllowed(await task.call('mprotect', heap, PAGE, RX));
  });
});
