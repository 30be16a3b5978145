export { Bpf, type RingReader } from './bpf.ts';
export { HELPER_SUPPORT } from './helpers/table.ts';
export { MAP_TYPES } from './maps/types.ts';
