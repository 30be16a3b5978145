import { describe, expect, it } from 'vitest';
import { readBtf } from '../../btf/index.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { Layouts } from './layout.ts';
import { KernelMemory } from './memory.ts';
import { STRUCTS, kernelStructs } from './structs.ts';

const kernels = shippedKernels().map((kernel) => ({
  series: kernel.series,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));

describe.each(kernels)('layouts of Linux $series', ({ series, btf }) => {
  const mem = new KernelMemory();
  const layouts = new Layouts(btf, mem);
  const structs = kernelStructs(layouts);

  it('has every struct and member that the simulation fills', () => {
    const absent = Object.entries(STRUCTS).flatMap(([name, paths]) =>
      Object.keys(paths).filter((key) => {
        const { fields } = structs[name as keyof typeof STRUCTS];
        return !(fields as Record<string, { exists: boolean }>)[key]?.exists;
      }),
    );
    expect(absent).toEqual([]);
  });

  it('lists what is modelled by the names of this kernel', () => {
    expect(layouts.modelled).toContain('task_struct.pid');
    const name = series === '6.18' ? 'dentry.d_shortname.string' : 'dentry.d_iname';
    expect(layouts.modelled).toContain(name);
    expect(layouts.modelled).not.toContain('task_struct.se');
  });

  it('reads through nested and anonymous structs', () => {
    const file = structs.file.alloc();
    file.f_path_dentry = 0x20000;
    const at = structs.file.fields.f_path.at(file.addr);
    expect(structs.path.at(at).dentry).toBe(0x20000);
    expect(layouts.field('vm_area_struct', 'vm_start').offset).toBe(0);
  });

  it.each([
    ['an unsigned byte', 'inode', 'i_blkbits', 255, 255],
    ['an unsigned short', 'inode', 'i_mode', 0o100644, 0o100644],
    ['a signed int', 'task_struct', 'exit_code', -5, -5],
    ['an unsigned int', 'task_struct', 'flags', 0xffffffff, 0xffffffff],
    ['an unsigned long', 'mm_struct', 'start_brk', 0x7fff_ffff_f000, 0x7fff_ffff_f000],
    ['a signed long', 'file', 'f_pos', -3, -3],
    ['a pointer', 'task_struct', 'cred', 0x30000, 0x30000],
    ['a bit', 'linux_binprm', 'secureexec', 3, 1],
    ['bits below others', 'sock', '__sk_common.skc_reuse', 0x1f, 0xf],
  ])('keeps %s', (_kind, struct, member, written, read) => {
    const object = mem.alloc(layouts.sizeOf(struct));
    const field = layouts.field(struct, member);
    field.set(object, written);
    expect(field.get(object)).toBe(read);
    field.set(object, 0);
    expect(mem.u8.subarray(object, object + layouts.sizeOf(struct)).every((b) => b === 0)).toBe(
      true,
    );
  });

  it('answers 0 for a member that this kernel lacks, and does not count it as modelled', () => {
    const field = layouts.field('task_struct', 'no_such_member');
    expect([field.exists, field.get(70_000)]).toEqual([false, 0]);
    field.set(70_000, 1);
    expect(layouts.modelled).not.toContain('task_struct.no_such_member');
    expect(layouts.sizeOf('no_such_struct')).toBe(0);
  });

  it('knows enumerators', () => {
    expect(layouts.enumerator('bpf_cmd', 'BPF_PROG_LOAD')).toBe(5);
    expect(layouts.enumerator('bpf_cmd', 'BPF_NO_SUCH')).toBeUndefined();
    expect(layouts.enumerator('no_such_enum', 'X')).toBeUndefined();
  });
});
