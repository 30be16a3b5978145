/** Who said no. Linux asks in this order: DAC, static LSMs in `lsm=` order, BPF. */
export type DecidedBy =
  | { readonly layer: 'dac'; readonly rule: string }
  | { readonly layer: 'lsm'; readonly lsm: string; readonly rule: string }
  | {
      readonly layer: 'bpf';
      readonly program: string;
      readonly programId: number;
      readonly line?: SourceLine;
    };

export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The record of one hook call that was denied, or of one that programs were consulted in. One form for all readers. */
export interface Decision {
  /** Counts from 1 in each kernel. */
  readonly seq: number;
  /** ktime in nanoseconds. */
  readonly time: number;
  /** `openat`, or `fire` for a hook that was called directly. */
  readonly syscall: string;
  /** Hook without the `bpf_lsm_` prefix; undefined when DAC or a check outside any hook decided. */
  readonly hook: string | undefined;
  readonly task: {
    readonly pid: number;
    readonly tgid: number;
    readonly comm: string;
    readonly uid: number;
  };
  /** What was asked for, for people: `/etc/shadow`, `192.0.2.1:80`. */
  readonly object: string | undefined;
  /** The hook's result: 0, or a negative errno (a program may return others where the hook allows). */
  readonly result: number;
  /** Undefined when nobody denied. */
  readonly by: DecidedBy | undefined;
  /** BPF programs in the order they ran. */
  readonly programs: readonly {
    readonly name: string;
    readonly id: number;
    readonly result: number;
    /** Set when the run broke off; the program then counts as allowing, as nothing else is safe to say. */
    readonly fault?: string;
  }[];
}
