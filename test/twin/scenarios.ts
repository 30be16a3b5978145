import type { MapNotes, PolicyTests } from 'krsi/testing';
import connectGuard from '../../examples/connect_guard/connect_guard.test.ts';
import execEnv from '../../examples/exec_env/exec_env.test.ts';
import mprotectAudit from '../../examples/mprotect_audit/mprotect_audit.test.ts';
import noPtrace from '../../examples/no_ptrace/no_ptrace.test.ts';
import protectFile from '../../examples/protect_file/protect_file.test.ts';
import chains from './chains.ts';
import files from './files.ts';
import hookOrder from './hook-order.ts';
import links from './links.ts';
import loading from './loading.ts';
import maps from './maps.ts';
import nullFile from './null-file.ts';
import ringbuf from './ringbuf.ts';
import sockets from './sockets.ts';
import tasks from './tasks.ts';

/** Scenarios that belong together, as a test file defines them. */
export interface Suite {
  readonly name: string;
  /** Where the objects that they load lie, from the root of the project. */
  readonly folder: string;
  readonly tests: PolicyTests;
  /** What differs from run to run in the maps of its scenarios, by the name of the map. */
  readonly maps: Readonly<Record<string, MapNotes>>;
}

const example = (name: string, tests: PolicyTests, maps: Suite['maps'] = {}): Suite => ({
  name,
  folder: `examples/${name}`,
  tests,
  maps,
});
const own = (name: string, tests: PolicyTests): Suite => ({
  name,
  folder: 'test/twin',
  tests,
  maps: OWN_MAPS,
});
const OWN_MAPS: Suite['maps'] = { subject: { volatile: { value: 'pid' } } };

/** Everything that is run on the simulated kernel and on Linux. */
export const SUITES: readonly Suite[] = [
  example('protect_file', protectFile, { protected_files: { volatile: { key: 'number' } } }),
  example('exec_env', execEnv, { events: { record: 'event', volatile: { pid: 'pid' } } }),
  example('connect_guard', connectGuard),
  example('mprotect_audit', mprotectAudit, {
    events: { record: 'event', volatile: { pid: 'pid', start: 'address', end: 'address' } },
  }),
  example('no_ptrace', noPtrace, { shielded: { volatile: { key: 'pid' } } }),
  own('links', links),
  own('chains', chains),
  own('hook-order', hookOrder),
  own('loading', loading),
  own('maps', maps),
  own('ringbuf', ringbuf),
  own('null-file', nullFile),
  own('files', files),
  own('tasks', tasks),
  own('sockets', sockets),
];
