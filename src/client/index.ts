export { decode, encode, type Value } from './codec.ts';
export { Collection } from './collection.ts';
export type { LoadOptions, MapOptions, ProgramOptions } from './load.ts';
export { findAttachTarget, type AttachTarget } from './attach-target.ts';
export {
  BpfError,
  LoadError,
  ValueError,
  type BpfErrorDetail,
  type LoadSubject,
} from './errors.ts';
export { BpfMap, type HasFd } from './map.ts';
export { Program, type AttachOptions, type Link } from './program.ts';
export { RingbufReader } from './ringbuf.ts';
export { readVariable, Variable } from './variable.ts';
