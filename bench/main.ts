import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '../src/abi/index.ts';
import { createCoreCache, readBtf, relocate, type CoreCache } from '../src/btf/index.ts';
import { assemble } from '../src/isa/index.ts';
import { openKernelImage } from '../src/node/index.ts';
import { readObject } from '../src/object/index.ts';
import { prepare, run, STACK_SIZE, type Executable } from '../src/vm/index.ts';
import { bootKernel } from '../src/sim/index.ts';
import { measure, type Row } from './measure.ts';
import { ringbufRows } from './ringbuf.ts';

/** Prints how long the basic steps take on this machine. `--json FILE` writes the figures to a file as well. */
const root = join(import.meta.dirname, '..');

function btfRows(): Row[] {
  const { btf, file } = openKernelImage('6.18');
  const { typeCount } = readBtf(btf, { file });
  return [
    measure('unpack the BTF and configuration of a shipped kernel', 'ms', () => {
      openKernelImage('6.18');
    }),
    measure(`open vmlinux BTF (${typeCount} types), find one function`, 'ms', () => {
      readBtf(btf, { file }).find('bpf_lsm_file_open', 'func');
    }),
  ];
}

function objectRow(path: string): Row {
  const bytes = new Uint8Array(readFileSync(join(root, path)));
  return measure(`parse an object of ${Math.round(bytes.length / 1024)} kB`, 'ms', () => {
    readObject(bytes, { file: path });
  });
}

function coreRows(): Row[] {
  const path = 'examples/protect_file/protect_file.bpf.o';
  const spec = readObject(new Uint8Array(readFileSync(join(root, path))), { file: path });
  const local = spec.btf;
  if (local === undefined) throw new Error(`${path} has no BTF`);
  const { btf, file } = openKernelImage('6.18');
  const target = readBtf(btf, { file });
  const programs = [...spec.programs.values()];
  const count = programs.reduce((sum, program) => sum + program.coreRelocations.length, 0);
  const relocateAll = (targets: readonly (typeof target)[], cache: CoreCache): void => {
    for (const { code, coreRelocations } of programs)
      relocate({ code, relocations: coreRelocations, local, targets, cache });
  };
  const warm = createCoreCache();
  return [
    measure(`CO-RE: ${count} relocations, BTF open, nothing cached`, 'ms', () => {
      relocateAll([target], createCoreCache());
    }),
    measure(`CO-RE: ${count} relocations, again`, 'ms', () => {
      relocateAll([target], warm);
    }),
  ];
}

const LOOP = `
  r0 = 0
  r1 = 100000
  r0 += r1
  r0 ^= 12345
  r0 <<= 1
  r1 += -1
  if r1 != 0 goto pc-5
  exit
`;

const none = (): undefined => undefined;

function vmRow(): Row {
  const size = 65536;
  const u8 = new Uint8Array(size);
  const memory = { u8, view: new DataView(u8.buffer), size, baseHi: -1 };
  const executable: Executable = {
    name: 'loop',
    code: assemble(LOOP),
    helpers: none,
    kfuncs: none,
  };
  const prepared = prepare(executable);
  const options = { memory, ctx: 8192, stack: size - STACK_SIZE };
  const { steps, fault } = run(prepared, options);
  if (fault !== undefined) throw new Error(fault.message);
  return measure(
    'reference interpreter, one instruction',
    'ns',
    () => run(prepared, options),
    steps,
  );
}

const bootRow = (): Row => {
  const options = simOptions();
  return measure('boot a simulated kernel, BTF open', 'ms', () => bootKernel(options));
};

function simOptions() {
  const { btf, file, series } = openKernelImage('6.12');
  return { btf: readBtf(btf, { file }), release: series };
}

/** A hook that `programs` programs are attached to, each of which allows. */
function hookRow(programs: number): Row {
  const options = simOptions();
  const sim = bootKernel(options);
  const hook = 'file_mprotect';
  for (let i = 0; i < programs; i++) {
    const loaded = sim.bpfCall(sim.init, 'PROG_LOAD', {
      progType: BPF_PROG_TYPE.LSM,
      expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC,
      attachBtfId: options.btf.find(`bpf_lsm_${hook}`, 'func') ?? 0,
      insns: assemble('r0 = 0\nexit'),
      license: 'GPL',
    });
    if (!loaded.ok) throw new Error(loaded.reason);
    const attachType = BPF_ATTACH_TYPE.LSM_MAC;
    const link = sim.bpfCall(sim.init, 'LINK_CREATE', { progFd: loaded.value, attachType });
    if (!link.ok) throw new Error(link.reason);
  }
  const point = sim.lsm.hook(hook);
  return measure(`ask a hook with ${programs} programs, each of which allows`, 'ns', () => {
    point.call(0, 1, 1);
  });
}

const format = (value: number): string =>
  value < 1000 ? value.toPrecision(3) : String(Math.round(value));

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map((row) => row.what.length));
  console.log(`${''.padEnd(width)}    median      best`);
  for (const { what, unit, median, best } of rows) {
    const figures = [median, best].map((figure) => format(figure).padStart(8)).join('  ');
    console.log(`${what.padEnd(width)}  ${figures} ${unit}`);
  }
}

const rows = [
  ...btfRows(),
  objectRow('examples/connect_guard/connect_guard.bpf.o'),
  objectRow('test/portability/portable.bpf.o'),
  ...coreRows(),
  vmRow(),
  bootRow(),
  ...[0, 1, 4].map(hookRow),
];
const realRows = await ringbufRows();
if (typeof realRows === 'string') console.error(realRows);
else rows.push(...realRows);
print(rows);
const [option, path] = process.argv.slice(2);
if (option === '--json' && path !== undefined) {
  const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, arch: arch(), kernel: release() };
  const report = { node: process.version, machine, rows };
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}
