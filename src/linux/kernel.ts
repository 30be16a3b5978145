import { readFile } from 'node:fs/promises';
import { release, version } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Kernel } from '../kernel/kernel.ts';
import { LinuxUnavailableError, openLibc } from './libc.ts';
import { selfTask, spawnTask } from './self.ts';

/**
 * The kernel of the machine this runs on.
 * @throws LinuxUnavailableError where it cannot be reached.
 */
export async function openLinux(): Promise<Kernel> {
  const libc = await openLibc();
  return {
    ...(await kernelFacts()),
    self: selfTask(libc),
    spawn: (options = {}) => spawnTask(libc, options),
  };
}

/** What a running kernel tells of itself. */
export async function kernelFacts(): Promise<Omit<Kernel, 'self' | 'spawn'>> {
  const running = release();
  let config: Promise<ReadonlyMap<string, string>> | undefined;
  return {
    release: running,
    version: version(),
    possibleCpus: await possibleCpus(),
    btf: () => readFile(BTF).catch(withoutBtf),
    config: async (name) => (await (config ??= readConfig(running))).get(name),
    decisions: () => undefined,
  };
}

const BTF = '/sys/kernel/btf/vmlinux';

function withoutBtf(cause: unknown): never {
  const why =
    'the kernel shows no BTF of its own there: it was built without, or sysfs is not mounted';
  throw new LinuxUnavailableError(`${BTF}: ${why}`, { cause });
}

const POSSIBLE_CPUS = '/sys/devices/system/cpu/possible';

/** A list such as `0-3,8`. Per-CPU values have a slot for each up to the last. */
async function possibleCpus(): Promise<number> {
  const text = await readFile(POSSIBLE_CPUS, 'utf8').catch((cause: unknown) => {
    throw new LinuxUnavailableError(`${POSSIBLE_CPUS}: sysfs is not mounted`, { cause });
  });
  const last = /(\d+)\s*$/.exec(text);
  return Number(last?.[1] ?? 0) + 1;
}

/** `CONFIG_X=y` lines of the running kernel, from /proc or /boot; empty when it tells neither. */
async function readConfig(running: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile('/proc/config.gz')
    .then((bytes) => gunzipSync(bytes).toString())
    .catch(() => readFile(`/boot/config-${running}`, 'utf8'))
    .catch(() => '');
  return new Map([...text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map((m) => [m[1] ?? '', m[2] ?? '']));
}
