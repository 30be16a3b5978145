import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface GuestRun {
  /** Exit status of the command; undefined when the guest never reported one. */
  readonly status: number | undefined;
  readonly console: string;
}

/**
 * Boots `kernel` with `image` and waits until it powers off.
 * @param out directory of the host that receives the guest's `/out`.
 */
export async function runGuest(
  kernel: string,
  image: Buffer,
  out: string,
  options: { readonly seconds?: number; readonly lsm?: string; readonly show?: boolean } = {},
): Promise<GuestRun> {
  const work = mkdtempSync(join(tmpdir(), 'krsi-guest-'));
  try {
    writeFileSync(join(work, 'initrd'), image);
    const console = await qemu(work, kernel, options);
    return { status: unpack(join(work, 'out.tar'), out), console };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * QEMU 7.2 emulates cmpxchg16b so that an interrupt right after it saves wrong flags, of which the guest dies now and
 * then; without it kernels take another way. Four levels of page tables
 * instead of five, and no mitigations, save a fifth of the time.
 */
const CPU = 'max,-cx16,-la57';
/** With more, the emulation only costs more. */
export const GUEST_CPUS = 1;
/** A kernel that says this never powers off. */
const FATAL = /Kernel panic - |note: \S+ exited with (?:irqs|preempt)/;
const LINE = 4096;

function qemu(
  work: string,
  kernel: string,
  {
    seconds = 300,
    lsm = 'lockdown,capability,landlock,bpf',
    show = false,
  }: Parameters<typeof runGuest>[3] & {},
): Promise<string> {
  const args = [
    '-accel',
    'tcg',
    '-cpu',
    CPU,
    '-m',
    '1024',
    '-smp',
    String(GUEST_CPUS),
    '-nodefaults',
    '-display',
    'none',
  ];
  args.push('-no-reboot', '-serial', 'stdio', '-kernel', kernel, '-initrd', join(work, 'initrd'));
  args.push(
    '-chardev',
    `file,id=result,path=${join(work, 'out.tar')}`,
    '-serial',
    'chardev:result',
  );
  args.push('-append', `console=ttyS0 quiet panic=-1 mitigations=off lsm=${lsm}`);
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    let console = '';
    const take = (chunk: Buffer): void => {
      console += chunk.toString();
      if (FATAL.test(console.slice(-LINE))) child.kill('SIGKILL');
      if (show) process.stderr.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(console);
    });
  });
}

function unpack(tar: string, out: string): number | undefined {
  mkdirSync(out, { recursive: true });
  if (!existsSync(tar)) return undefined;
  try {
    // The serial port's last block may be short of tar's padding: what was complete is still unpacked.
    execFileSync('tar', ['-C', out, '-xf', tar], { stdio: 'ignore' });
  } catch {
    // The status file below tells whether the result is whole.
  }
  const status = join(out, '.status');
  return existsSync(status) ? Number(readFileSync(status, 'utf8')) : undefined;
}
