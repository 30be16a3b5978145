import type { TypeId } from '../types.ts';

/**
 * Kinds of CO-RE relocation as libbpf prints them; the index is the number in `enum bpf_core_relo_kind`
 * (`include/uapi/linux/bpf.h`).
 */
export const CORE_KINDS = [
  'byte_off',
  'byte_sz',
  'field_exists',
  'signed',
  'lshift_u64',
  'rshift_u64',
  'local_type_id',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;
export type CoreKind = (typeof CORE_KINDS)[number];

/** `struct bpf_core_relo` with its instruction counted from the start of the program's `code`. */
export interface CoreRelocation {
  readonly insn: number;
  readonly typeId: TypeId;
  /** `0:1:2`: how the source walks from the root type. */
  readonly access: string;
  /** `enum bpf_core_relo_kind`. */
  readonly kind: number;
}

/** Where in the source an instruction comes from. */
export interface LineSpec {
  /** Index of the first instruction that this line covers. */
  readonly insn: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** One side of a relocation: what the program was built against, or what it was matched with. */
export interface CoreSpec {
  /** File or kernel whose BTF this is. */
  readonly file: string;
  /** The root type. */
  readonly typeId: TypeId;
  /** As libbpf prints it: `struct task_struct.pid (0:85 @ offset 2512)`. */
  readonly text: string;
}

/**
 * - `resolved`: the instruction now holds the target's value.
 * - `guarded`: the target lacks the thing, and the instruction says so with 0 (`…_exists`, `type_size`…).
 * - `poisoned`: no value exists; the instruction became a call that the verifier refuses if it can be reached.
 * - `error`: the relocation itself cannot be carried out; libbpf refuses to load the object.
 */
export type CoreStatus = 'resolved' | 'guarded' | 'poisoned' | 'error';

/** What became of one relocation. */
export interface CoreOutcome {
  readonly insn: number;
  /** Undefined for a number that no kind has. */
  readonly kind: CoreKind | undefined;
  readonly status: CoreStatus;
  /** Undefined when the relocation's own access string makes no sense. */
  readonly local: CoreSpec | undefined;
  /** Undefined when nothing in the targets matches. */
  readonly target: CoreSpec | undefined;
  /** Before and after, as unsigned 64-bit values; 0 where there is no value. */
  readonly oldValue: bigint;
  readonly newValue: bigint;
  /** Why the status is not `resolved`, as a sentence without a full stop; nearest names included. */
  readonly reason: string | undefined;
  readonly line: LineSpec | undefined;
}
