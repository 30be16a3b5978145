import { HELPERS } from '../../../abi/index.ts';
import type { HelperFunction } from '../../../vm/index.ts';
import type { BpfState } from '../state.ts';
import type { Helper } from './args.ts';
import { MAP_HELPERS } from './maps.ts';
import { PRINT_HELPERS } from './print.ts';
import { PROBE_HELPERS } from './probe.ts';
import { RINGBUF_HELPERS } from './ringbuf.ts';
import { STORAGE_HELPERS } from './storage.ts';
import { STRING_HELPERS } from './strings.ts';
import { TASK_HELPERS } from './task.ts';

/** What is modelled, by name without `bpf_`. */
export const HELPER_TABLE: Readonly<Record<string, Helper>> = {
  ...MAP_HELPERS,
  ...RINGBUF_HELPERS,
  ...TASK_HELPERS,
  ...PROBE_HELPERS,
  ...PRINT_HELPERS,
  ...STRING_HELPERS,
  ...STORAGE_HELPERS,
};

export interface HelperSupport {
  /** Without `bpf_`. */
  readonly name: string;
  readonly number: number;
  readonly support: 'yes' | 'no';
  readonly gplOnly: boolean;
  readonly note?: string;
}

/** Every helper by number, and whether the simulation models it; of those that it does not, the licence is not told. */
export const HELPER_SUPPORT: readonly HelperSupport[] = HELPERS.map((name, number) => {
  const helper = HELPER_TABLE[name];
  return {
    name,
    number,
    support: helper === undefined ? ('no' as const) : ('yes' as const),
    gplOnly: helper?.gplOnly ?? false,
    ...(helper?.note === undefined ? {} : { note: helper.note }),
  };
}).slice(1);

/** The helpers of one kernel, by number. */
export const makeHelpers = (state: BpfState): readonly (HelperFunction | undefined)[] =>
  HELPERS.map((name) => HELPER_TABLE[name]?.make(state));
