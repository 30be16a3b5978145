export type * from './bpf-info.ts';
export type * from './bpf.ts';
export type * from './decision.ts';
export type * from './kernel.ts';
export type * from './syscalls.ts';
