export { Bpf, type RingReader } from './bpf.ts';
export { HELPER_SUPPORT, type HelperSupport } from './helpers/table.ts';
export type { BpfFile, BpfHost, BpfTask } from './host.ts';
export { MAP_TYPES, type MapTypeSupport } from './maps/types.ts';
