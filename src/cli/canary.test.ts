import { describe, expect, it } from 'vitest';
import type { BpfCommands, Kernel, Task } from '../kernel/index.ts';
import { ERRNO } from '../abi/index.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import { runCanary } from './canary.ts';
import { openKernel } from './kernel.ts';

const image = openKernel('6.12');
const boot = () => bootKernel({ ...image, config: image.config ?? new Map() });

/** A kernel whose tasks answer some bpf(2) commands in a way of their own. */
function altered(kernel: Kernel, bpf: (task: Task) => Task['bpf']): Kernel {
  return {
    ...kernel,
    spawn: async (options) => {
      const task = await kernel.spawn(options);
      return { ...task, bpf: bpf(task) };
    },
  };
}

describe('the canary', () => {
  it('sees a kernel enforce, and leaves nothing behind', async () => {
    const sim = boot();
    expect(await runCanary(asKernel(sim))).toEqual({ verdict: 'enforcing' });
    expect(sim.bpf.leaks()).toEqual([]);
  });

  it('sees that nobody asks the program', async () => {
    const kernel = altered(asKernel(boot()), (task) => (command, attr) => {
      if (command !== 'LINK_CREATE') return task.bpf(command, attr);
      const { progFd } = attr as BpfCommands['LINK_CREATE']['attr'];
      return task.call('dup', progFd).then((value) => ({ ok: true, value }) as never);
    });
    const { verdict } = await runCanary(kernel);
    expect(verdict).toBe('not enforcing');
  });

  it('guesses nothing when the machine refuses the program', async () => {
    const kernel = altered(
      asKernel(boot()),
      (task) => (command, attr) =>
        command === 'PROG_LOAD'
          ? Promise.resolve({ ok: false, errno: ERRNO.EPERM, reason: '' })
          : task.bpf(command, attr),
    );
    expect(await runCanary(kernel)).toEqual({
      verdict: 'could not tell',
      why: 'loading a program for an LSM hook is refused: EPERM, without a word from the verifier',
    });
  });
});
