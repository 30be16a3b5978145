/**
 * Bytes for the kernel to read or fill, with the addresses of other bytes in them: `struct iovec`, argv, `union
 * bpf_attr`.
 */
export interface Block {
  readonly bytes: Uint8Array;
  /** At `offset` in `bytes` stands the 64-bit address of `to`. */
  readonly pointers?: readonly { readonly offset: number; readonly to: Block }[];
}

/** An argument of a system call: a word, or the address of a block. */
export type Argument = number | bigint | Block | null;

/**
 * Whoever makes system calls: this process, or a task that it drives. Blocks hold what the kernel wrote when the call
 * has returned.
 */
export interface Executor {
  /** @returns ≥ 0, or a negative errno. */
  syscall(number: number, ...args: readonly Argument[]): number;
}

/** Text as C has it: UTF-8 with a NUL at the end. */
export const cstring = (text: string): Block => ({ bytes: Buffer.from(`${text}\0`) });

/** Text up to the first NUL, or all of it. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}
