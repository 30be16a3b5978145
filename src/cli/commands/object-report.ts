import type { CoreStatus } from '../../btf/index.ts';
import type { Value } from '../../client/index.ts';

export interface ProgramReport {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly attachType: string | null;
  readonly sleepable: boolean;
  readonly autoload: boolean;
  readonly instructions: number;
  readonly subprograms: readonly string[];
  /** The kernel type it attaches to: `btfId`, or why there is none. */
  readonly target: { readonly btfId: number } | { readonly missing: string } | null;
  readonly relocations: readonly RelocationReport[];
}

export interface RelocationReport {
  readonly insn: number;
  readonly kind: string;
  /** What the program asks for: `struct dentry.d_inode (0:5 @ offset 48)`. */
  readonly asked: string;
  readonly status: CoreStatus;
  /** What it resolves to in the kernel. */
  readonly found: string | null;
  readonly value: bigint | null;
  readonly reason: string | null;
  readonly source: string | null;
}

export interface MapReport {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

export interface VariableReport {
  readonly name: string;
  readonly section: string;
  readonly offset: number;
  readonly size: number;
  readonly type: string;
  /** Undefined for externs, whose value the kernel gives. */
  readonly value: Value | undefined;
}

export interface ObjectReport {
  readonly file: string;
  readonly license: string;
  readonly kernel: string;
  readonly programs: readonly ProgramReport[];
  readonly maps: readonly MapReport[];
  readonly variables: readonly VariableReport[];
  /** What will not work as it reads, one sentence each. */
  readonly warnings: readonly string[];
}
