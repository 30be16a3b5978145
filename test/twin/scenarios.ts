import type { MapNotes, PolicyTests } from 'krsi/testing';
import connectGuard from '../../examples/connect_guard/connect_guard.test.ts';
import execEnv from '../../examples/exec_env/exec_env.test.ts';
import mprotectAudit from '../../examples/mprotect_audit/mprotect_audit.test.ts';
import noPtrace from '../../examples/no_ptrace/no_ptrace.test.ts';
import protectFile from '../../examples/protect_file/protect_file.test.ts';
import chains from './chains.ts';
import links from './links.ts';
import loading from './loading.ts';

/** Scenarios that belong together, as a test file defines them. */
export interface Suite {
  readonly name: string;
  /** Where the objects that they load lie, from the root of the project. */
  readonly folder: string;
  readonly tests: PolicyTests;
}

const example = (name: string, tests: PolicyTests): Suite => ({
  name,
  folder: `examples/${name}`,
  tests,
});
const own = (name: string, tests: PolicyTests): Suite => ({ name, folder: 'test/twin', tests });

/** Everything that is run on the simulated kernel and on Linux. */
export const SUITES: readonly Suite[] = [
  example('protect_file', protectFile),
  example('exec_env', execEnv),
  example('connect_guard', connectGuard),
  example('mprotect_audit', mprotectAudit),
  example('no_ptrace', noPtrace),
  own('links', links),
  own('chains', chains),
  own('loading', loading),
];

/** What differs from run to run in the maps of all scenarios, by the name of the map. */
export const MAP_NOTES: Readonly<Record<string, MapNotes>> = {
  subject: { volatile: { value: 'pid' } },
  shielded: { volatile: { key: 'pid' } },
  protected_files: { volatile: { key: 'number' } },
};
