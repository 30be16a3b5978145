export { readBtf, type ReadBtfOptions } from './reader.ts';
export * from './types.ts';
