export { Bpf } from './bpf.ts';
export type { RingReader } from './ring-reader.ts';
export { HELPER_SUPPORT } from './helpers/table.ts';
export { MAP_TYPES } from './maps/types.ts';
