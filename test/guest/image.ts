import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Cpio } from './cpio.ts';

const root = resolve(import.meta.dirname, '../..');

/** Runs the command in `/cmd`, sends `/out` back as a tar over the second serial port, and powers off. */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin:/sbin HOME=/root
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mkdir -p /dev/shm /dev/pts /sys/fs/bpf; ln -sf /proc/self/fd /dev/fd
mount -t securityfs securityfs /sys/kernel/security; mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /run; mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -t cgroup2 cgroup2 /sys/fs/cgroup
ulimit -l unlimited; ifconfig lo 127.0.0.1 up
cd /krsi; sh /cmd; echo $? > /out/.status
stty -F /dev/ttyS1 raw -echo 2>/dev/null; tar -C /out -cf /dev/ttyS1 .
poweroff -f
`;

const which = (command: string): string =>
  realpathSync(execFileSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim());

/** Shared libraries that a dynamic executable needs, its loader included. */
function libraries(executable: string): string[] {
  const out = execFileSync('ldd', [executable], { encoding: 'utf8' });
  return [...out.matchAll(/(\/\S+)/g)].map((m) => m[1] ?? '');
}

/** An initramfs with busybox, node, the built checkout in `/krsi`, and `command` to run there. */
export function buildImage(command: string, extra: Readonly<Record<string, string>> = {}): Buffer {
  const image = new Cpio();
  for (const dir of ['bin', 'sbin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'out', 'root'])
    image.directory(dir);
  image.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/:/bin/sh\n');
  image.file('init', INIT, 0o755);
  image.file('cmd', command);
  image.copy(which('busybox'), 'bin/busybox');
  addExecutables(image);
  addCheckout(image);
  for (const [path, host] of Object.entries(extra)) image.copy(host, path);
  return image.end();
}

function addExecutables(image: Cpio): void {
  const seen = new Set<string>();
  for (const name of ['node', 'unshare', 'setpriv']) {
    const executable = which(name);
    image.copy(executable, `usr/bin/${name}`);
    for (const library of libraries(executable)) {
      if (seen.has(library)) continue;
      seen.add(library);
      image.copy(realpathSync(library), library);
    }
  }
}

/** Only what runs: the build, the examples and the production dependencies. */
function addCheckout(image: Cpio): void {
  const skip =
    /\/(?:\.bin|\.cache|typescript|@typescript|vitest|@vitest|oxlint[^/]*|@oxlint[^/]*|knip)$/;
  for (const part of ['dist', 'examples', 'src/linux/driver/driver', 'package.json'])
    image.copy(join(root, part), join('krsi', part));
  const modules = join(root, 'node_modules');
  for (const name of readdirSync(modules))
    if (PRODUCTION.has(name))
      image.copy(join(modules, name), join('krsi/node_modules', name), (f) => !skip.test(f));
}

const PRODUCTION = new Set(['koffi', '@koromix', '@stricli', 'picocolors', 'fzstd']);
