import { describe, expect, it } from 'vitest';
import { readBtf } from '../../btf/index.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel } from '../kernel.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));

describe.each(kernels)('cgroups on $release', (options) => {
  it('lead from the task to the id of its cgroup as bpf_get_current_cgroup_id() goes', () => {
    const sim = bootKernel(options);
    const leaf = sim.cgroups.make('/system.slice/web');
    const task = sim.spawn({ cgroup: leaf });
    const { layouts } = sim;
    const cset = layouts.field('task_struct', 'cgroups').get(task.addr);
    const cgroup = layouts.field('css_set', 'dfl_cgrp').get(cset);
    const kn = layouts.field('cgroup', 'kn').get(cgroup);
    expect(layouts.field('kernfs_node', 'id').get(kn)).toBe(leaf.id);
    expect(cgroup).toBe(leaf.addr);
    expect([sim.cgroups.root.id, leaf.path, leaf.s.level]).toEqual([1, '/system.slice/web', 2]);
  });

  it('list their ancestors from the root to themselves', () => {
    const sim = bootKernel(options);
    const leaf = sim.cgroups.make('/a/b');
    const at = sim.layouts.field('cgroup', 'ancestors').at(leaf.addr);
    const ancestors = [0, 1, 2].map((level) => sim.mem.readPointer(at + level * 8));
    expect(ancestors).toEqual([sim.cgroups.root.addr, sim.cgroups.make('/a').addr, leaf.addr]);
    expect(sim.cgroups.root.s.nr_descendants).toBe(2);
  });

  it('are inherited, moved between, and left on exit', () => {
    const sim = bootKernel(options);
    const a = sim.cgroups.make('/a');
    const b = sim.cgroups.make('/b');
    const parent = sim.spawn({ cgroup: a });
    const child = sim.fork(parent);
    if (typeof child === 'number') throw new Error(`fork: ${child}`);
    expect(child.cgroup.id).toBe(a.id);
    b.attach(child);
    expect([a.tasks.size, b.tasks.size]).toEqual([1, 1]);
    sim.exit(child);
    expect(b.tasks.size).toBe(0);
  });
});
