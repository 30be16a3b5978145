import { S } from '../abi/index.ts';

/** A file as a new root file system has it. */
export interface RootEntry {
  /** Kind and permissions, as in `st_mode`. */
  readonly mode: number;
  /** Default 0, as `gid`. */
  readonly uid?: number;
  readonly gid?: number;
  /** What is in a regular file. */
  readonly text?: string;
  /** Where a symbolic link leads to. */
  readonly link?: string;
  /** A regular file that executes. */
  readonly program?: true;
  readonly device?: { readonly major: number; readonly minor: number };
}

const dir = (mode = 0o755, uid = 0, gid = 0): RootEntry => ({ mode: S.IFDIR | mode, uid, gid });
const link = (to: string): RootEntry => ({ mode: S.IFLNK | 0o777, link: to });
const program = (mode = 0o755): RootEntry => ({ mode: S.IFREG | mode, program: true });
const text = (content: string, mode = 0o644, gid = 0): RootEntry => ({
  mode: S.IFREG | mode,
  text: content,
  gid,
});

/** Debian's group that may read /etc/shadow. */
const SHADOW_GID = 42;
const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
user:x:1000:1000:user:/home/user:/bin/sh
`;

/** What the first task of a kernel finds on its root file system. Parents come before what is in them. */
export const ROOT_TREE: Readonly<Record<string, RootEntry>> = {
  '/usr': dir(),
  '/usr/bin': dir(),
  '/usr/bin/sh': program(),
  '/usr/bin/bash': program(),
  '/usr/bin/cat': program(),
  '/usr/bin/ls': program(),
  '/usr/bin/true': program(),
  '/usr/bin/env': program(),
  '/usr/bin/id': program(),
  '/usr/bin/su': program(0o4755),
  '/usr/sbin': dir(),
  '/usr/lib': dir(),
  '/bin': link('usr/bin'),
  '/sbin': link('usr/sbin'),
  '/lib': link('usr/lib'),
  '/etc': dir(),
  '/etc/passwd': text(PASSWD),
  '/etc/shadow': text('root:*:19000:0:99999:7:::\n', 0o640, SHADOW_GID),
  '/etc/hosts': text('127.0.0.1\tlocalhost\n'),
  '/etc/hostname': text('localhost\n'),
  '/dev': dir(),
  '/dev/null': { mode: S.IFCHR | 0o666, device: { major: 1, minor: 3 } },
  '/home': dir(),
  '/home/user': dir(0o755, 1000, 1000),
  '/root': dir(0o700),
  '/tmp': dir(0o1777),
  '/var': dir(),
  '/var/tmp': dir(0o1777),
  '/run': dir(),
  '/proc': dir(0o555),
  '/sys': dir(0o555),
};
