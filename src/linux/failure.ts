import { ERRNO, errnoText, STRUCT_SIZE } from '../abi/index.ts';
import type { BpfCommand, BpfResult } from '../kernel/bpf.ts';
import { type AttrFields, layoutOf, snakeCase } from './attr.ts';
import { kindOfFd } from './fd-kind.ts';
import { type Executor, textOf } from './executor.ts';
import { SYS } from './numbers.ts';

type Failure = Extract<BpfResult<never>, { ok: false }>;

/** What a field that takes a descriptor takes. Fields that take several kinds are left out. */
const FD_FIELDS: Readonly<Record<string, string>> = {
  mapFd: 'map',
  innerMapFd: 'map',
  progFd: 'prog',
  attachBpfFd: 'prog',
  replaceBpfFd: 'prog',
  newProgFd: 'prog',
  oldProgFd: 'prog',
  attachProgFd: 'prog',
  linkFd: 'link',
  btfFd: 'btf',
  progBtfFd: 'btf',
  attachBtfObjFd: 'btf',
  mapTokenFd: 'token',
  progTokenFd: 'token',
  btfTokenFd: 'token',
};

/**
 * A refusal with what is certain about it: the errno's text, which descriptor is closed or of another kind, and what
 * the running kernel does not know yet.
 */
export function failure(
  executor: Executor,
  command: BpfCommand,
  fields: AttrFields,
  errno: number,
): Failure {
  const facts = [
    ...badDescriptors(executor, fields, errno),
    ...tooNew(executor, command, fields, errno),
  ];
  return { ok: false, errno, reason: [errnoText(errno), ...facts].join('; ') };
}

function badDescriptors(executor: Executor, fields: AttrFields, errno: number): string[] {
  if (errno !== ERRNO.EBADF && errno !== ERRNO.EINVAL) return [];
  const facts: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const wanted = FD_FIELDS[name];
    if (wanted === undefined || typeof value !== 'number') continue;
    const found = kindOfFd(executor, value);
    if (found === 'closed') facts.push(`${snakeCase(name)} ${value} is not open`);
    else if (found !== 'unknown' && found !== wanted)
      facts.push(
        `${snakeCase(name)} ${value} is no ${wanted}${found === 'other' ? '' : ` but a ${found}`}`,
      );
  }
  return facts;
}

/** Errnos that an unknown command, an unknown field or a longer union than the kernel's gives. */
const UNKNOWN_GIVES: readonly number[] = [ERRNO.EINVAL, ERRNO.E2BIG];

function tooNew(
  executor: Executor,
  command: BpfCommand,
  fields: AttrFields,
  errno: number,
): string[] {
  if (!UNKNOWN_GIVES.includes(errno)) return [];
  const layout = layoutOf(command);
  const set = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null && value !== 0,
  );
  const release = releaseOf(executor);
  const facts: string[] = [];
  for (const [name] of set) {
    const since = layout[snakeCase(name)]?.since;
    if (since === undefined || !isBefore(release, since)) continue;
    const wholeCommand = Object.values(layout).every((field) => field.since !== undefined);
    const what = wholeCommand ? 'this command' : snakeCase(name);
    facts.push(`Linux ${release} does not know ${what}, Linux ${since} does`);
    if (wholeCommand) break;
  }
  return facts;
}

/** The releases whose layouts are known, oldest first. */
const SERIES = Object.keys(STRUCT_SIZE.bpf_attr);

/**
 * Whether a kernel certainly lacks what `since` brought: it is not newer than the last known series without it.
 * Between two known series nobody can tell.
 */
function isBefore(release: string, since: string): boolean {
  const lacking = SERIES[SERIES.indexOf(since) - 1];
  return lacking !== undefined && compareSeries(release, lacking) <= 0;
}

function compareSeries(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number.parseFloat);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number.parseFloat);
  return aMajor - bMajor || aMinor - bMinor;
}

const UTSNAME_FIELD = 65;
/** `release` in `struct new_utsname`, as `uname -r` prints it. */
function releaseOf(executor: Executor): string {
  const bytes = new Uint8Array(6 * UTSNAME_FIELD);
  executor.syscall(SYS.uname, { bytes });
  return textOf(bytes.subarray(2 * UTSNAME_FIELD, 3 * UTSNAME_FIELD));
}
