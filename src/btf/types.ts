/** BTF type ids count from 0 (`void`). Kinds carry the names of `enum BTF_KIND_*` in lower case. */
export type TypeId = number;

/** Index is the number of the kind in the file format (`include/uapi/linux/btf.h`). */
export const BTF_KINDS = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const;
export type BtfKind = (typeof BTF_KINDS)[number];

export interface Member {
  readonly name: string;
  readonly type: TypeId;
  /** From the start of the struct, in bits. */
  readonly bitOffset: number;
  /** 0 when the member is not a bitfield. */
  readonly bitSize: number;
}
export interface Param {
  readonly name: string;
  /** 0 with an empty name closes the list of a variadic function. */
  readonly type: TypeId;
}
export interface EnumValue {
  readonly name: string;
  readonly value: bigint;
}
export interface SectionVar {
  readonly type: TypeId;
  /** In bytes from the start of the section. */
  readonly offset: number;
  readonly size: number;
}

interface Named<K extends BtfKind> {
  readonly id: TypeId;
  readonly kind: K;
  readonly name: string;
}
interface Referring<K extends BtfKind> extends Named<K> {
  readonly type: TypeId;
}
export type BtfVoid = Named<'void'>;
export interface BtfInt extends Named<'int'> {
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly signed: boolean;
  readonly char: boolean;
  readonly bool: boolean;
}
export interface BtfArray extends Named<'array'> {
  readonly element: TypeId;
  readonly index: TypeId;
  readonly length: number;
}
export interface BtfComposite extends Named<'struct' | 'union'> {
  readonly size: number;
  readonly members: readonly Member[];
}
export interface BtfEnum extends Named<'enum' | 'enum64'> {
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly EnumValue[];
}
export interface BtfFwd extends Named<'fwd'> {
  readonly of: 'struct' | 'union';
}
type EachReferring<K extends BtfKind> = K extends BtfKind ? Referring<K> : never;
export type BtfReferring = EachReferring<'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict'>;
export interface BtfTypeTag extends Referring<'type_tag'> {
  /** The name is a whole `__attribute__`, not a `btf_type_tag` (kind_flag, Linux 6.14). */
  readonly attribute: boolean;
}
export interface BtfFunc extends Referring<'func'> {
  readonly linkage: 'static' | 'global' | 'extern';
}
export interface BtfFuncProto extends Named<'func_proto'> {
  readonly returns: TypeId;
  readonly params: readonly Param[];
}
export interface BtfVar extends Referring<'var'> {
  readonly linkage: 'static' | 'global' | 'extern';
}
export interface BtfDatasec extends Named<'datasec'> {
  readonly size: number;
  readonly vars: readonly SectionVar[];
}
export interface BtfFloat extends Named<'float'> {
  readonly size: number;
}
export interface BtfDeclTag extends Referring<'decl_tag'> {
  /** -1 tags the type itself, else the member or parameter with this index. */
  readonly component: number;
  /** The name is a whole `__attribute__`, not a `btf_decl_tag` (kind_flag, Linux 6.14). */
  readonly attribute: boolean;
}
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfFwd
  | BtfReferring
  | BtfTypeTag
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag;

/**
 * One BTF object, or a split one together with its base. Immutable to its users; reads lazily: nothing is decoded
 * before it is asked for. Accessors throw {@link FormatError} when the bytes they meet break the format.
 */
export interface Btf {
  /** Name for messages: a path, or `vmlinux`. */
  readonly file: string;
  readonly base: Btf | undefined;
  /** Ids run from 0 to `typeCount - 1`, those of the base included. */
  readonly typeCount: number;
  /** The raw bytes of this object alone (without the base). */
  readonly bytes: Uint8Array;

  kind(id: TypeId): BtfKind;
  name(id: TypeId): string;
  type(id: TypeId): BtfType;
  /** A string by its offset in the string section (split BTF continues its base's numbering). */
  string(offset: number): string;
  /** The first type of this name and, if given, of one of these kinds; own types come after those of the base. */
  find(name: string, ...kinds: readonly BtfKind[]): TypeId | undefined;
  /** All types of this exact name, in id order. */
  findAll(name: string, ...kinds: readonly BtfKind[]): readonly TypeId[];
  /**
   * All types whose name without its CO-RE flavor (`___` and what follows) is `name`, in id order; `foo` itself
   * and `foo___bar` for `foo`.
   */
  findFlavors(name: string, ...kinds: readonly BtfKind[]): readonly TypeId[];
  /** Follows typedef, const, volatile, restrict and type_tag to the type that has a layout. */
  resolve(id: TypeId): TypeId;
  /** Size in bytes; pointers are 8. */
  sizeOf(id: TypeId): number;
  /** Natural alignment in bytes; 1 for structs whose members lie where only `packed` can put them. */
  alignOf(id: TypeId): number;
}
