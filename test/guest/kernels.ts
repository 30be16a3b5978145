import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's cloud kernels: small, no modules needed to boot, BPF LSM and BTF built in. */
const SERIES = {
  '6.1': { suite: 'bookworm', pattern: String.raw`^linux-image-6\.1\.[0-9.-]+-cloud-amd64$` },
  '6.12': {
    suite: 'bookworm-backports',
    pattern: String.raw`^linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64$`,
  },
  '6.18': {
    suite: 'trixie-backports',
    pattern: String.raw`^linux-image-6\.18\.[0-9]+\+deb13-cloud-amd64$`,
  },
} as const;

export type Series = keyof typeof SERIES;
export const ALL_SERIES = Object.keys(SERIES) as Series[];
export const isSeries = (text: string): text is Series => text in SERIES;

const cache = (): string =>
  process.env['KRSI_GUEST_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'krsi', 'guest');

/** Path of the series' vmlinuz, downloaded with apt on first use. The system's own package lists stay as they are. */
export function kernelImage(series: Series): string {
  const path = join(cache(), `vmlinuz-${series}`);
  if (!existsSync(path)) download(series, path);
  return path;
}

function download(series: Series, path: string): void {
  const { suite, pattern } = SERIES[series];
  const work = mkdtempSync(join(tmpdir(), 'krsi-kernel-'));
  try {
    mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
    writeFileSync(join(work, 'status'), '');
    writeFileSync(
      join(work, 'sources.list'),
      `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`,
    );
    const options = [
      `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::Lists=${join(work, 'lists')}`,
      `Dir::State::status=${join(work, 'status')}`,
      `Dir::Cache=${work}`,
      `APT::Sandbox::User=`,
    ].flatMap((o) => ['-o', o]);
    const run = (command: string, ...args: string[]): string =>
      execFileSync(command, args, {
        cwd: work,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    run('apt-get', '-qq', ...options, 'update');
    const found = run('apt-cache', ...options, 'search', '--names-only', pattern)
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => name !== '')
      .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const name = found.at(-1);
    if (name === undefined) throw new Error(`suite ${suite} has no package like ${pattern}`);
    run('apt-get', '-qq', ...options, 'download', name);
    const deb = readdirSync(work).find((file) => file.endsWith('.deb'));
    run('dpkg-deb', '-x', deb ?? '', 'x');
    const image = readdirSync(join(work, 'x', 'boot')).find((file) => file.startsWith('vmlinuz-'));
    mkdirSync(cache(), { recursive: true });
    copyFileSync(join(work, 'x', 'boot', image ?? ''), path);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The mirror that this machine is set up to use. */
function mirror(): string {
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].filter((f) =>
    existsSync(f),
  );
  for (const file of files) {
    const found = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(\S+)/m.exec(readFileSync(file, 'utf8'));
    if (found?.[1] !== undefined) return found[1];
  }
  throw new Error('no Debian package source is set up in /etc/apt');
}
