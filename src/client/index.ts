export { decode, encode, type Value } from './codec.ts';
export { Collection } from './collection.ts';
export type { LoadOptions, MapOptions, ProgramOptions } from './load.ts';
export { findAttachTarget, type AttachTarget } from './attach-target.ts';
export {
  BpfError,
  LoadError,
  ValueError,
  WrongKindError,
  type BpfErrorDetail,
  type LoadSubject,
} from './errors.ts';
export { BpfMap, type HasFd } from './map.ts';
export { infoOf, objectIds, openById, type InfoOf, type ObjectKind } from './info.ts';
export { Link } from './link.ts';
export {
  openPinnedLink,
  openPinnedMap,
  openPinnedProgram,
  type PinnedMap,
  type PinnedProgram,
} from './pinned.ts';
export { Program, type AttachOptions } from './program.ts';
export { RingbufReader } from './ringbuf.ts';
export { createToken, withToken } from './token.ts';
export { readVariable, Variable } from './variable.ts';
