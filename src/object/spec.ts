import type { CoreRelocation, LineSpec } from '../btf/core/types.ts';
import type { Btf, TypeId } from '../btf/types.ts';

export type { CoreRelocation, LineSpec };

/**
 * What an object file holds, as pure data: nothing in it knows of a kernel. The same bytes give the same spec on every
 * machine.
 */
export interface CollectionSpec {
  /** Name for messages. */
  readonly file: string;
  /** By function name, in the order of the file. */
  readonly programs: ReadonlyMap<string, ProgramSpec>;
  /** By name, `.maps` entries first, then data sections (`.rodata`, `.data`, `.bss`, `.kconfig`). */
  readonly maps: ReadonlyMap<string, MapSpec>;
  /** Named global variables of all data sections. */
  readonly variables: ReadonlyMap<string, VariableSpec>;
  /**
   * As BPF_BTF_LOAD takes it, see its `bytes`: sizes and offsets of sections are filled in, externs are variables.
   * Undefined when the object was built without debug information.
   */
  readonly btf: Btf | undefined;
  /** From the `license` section, without the NUL; empty when there is none. */
  readonly license: string;
  /** From the `version` section; 0 when there is none. */
  readonly kernVersion: number;
}

export interface ProgramSpec {
  readonly name: string;
  /** ELF section name without the `?` of `autoload`: `lsm.s/bprm_check_security`. */
  readonly section: string;
  /** `enum bpf_prog_type` without its prefix, in Linux's spelling: `LSM`, `TRACING`, `SOCKET_FILTER`… */
  readonly type: string;
  /** `enum bpf_attach_type` without the `BPF_` prefix: `LSM_MAC`; undefined when the section names none. */
  readonly attachType: string | undefined;
  /** What the section says after the slash: the hook, function or tracepoint; undefined when it says nothing. */
  readonly attachTo: string | undefined;
  /** BPF_F_SLEEPABLE: the section prefix ended in `.s`. */
  readonly sleepable: boolean;
  /** libbpf's `?` before the section name turns this off. */
  readonly autoload: boolean;
  /**
   * Main function followed by every subprogram that it reaches, calls between them already resolved. 8 bytes an
   * instruction. Loads of maps, variables and externs are as in the file until `references` are applied.
   */
  readonly code: Uint8Array;
  /** Start of each function in `code`, main first. */
  readonly functions: readonly FunctionSpec[];
  readonly references: readonly Reference[];
  /** Records of `struct bpf_line_info` (16 bytes each) for PROG_LOAD; strings are offsets into the object's BTF. */
  readonly lineInfo: Uint8Array;
  /** The same, decoded when asked for. */
  readonly lines: readonly LineSpec[];
  readonly coreRelocations: readonly CoreRelocation[];
}

export interface FunctionSpec {
  readonly name: string;
  /** Index of its first instruction in the program's `code`. */
  readonly insn: number;
  /** BTF id of its FUNC; undefined without `.BTF.ext`. */
  readonly btfId: TypeId | undefined;
}

/** One instruction that names something which gets its value when a kernel takes the program. */
export interface Reference {
  /** Index of the (first half of the) instruction in `code`. */
  readonly insn: number;
  readonly target:
    | { readonly kind: 'map'; readonly map: string }
    /** A global variable, or a `.kconfig` extern: offset in bytes into the value of a data-section map. */
    | { readonly kind: 'map_value'; readonly map: string; readonly offset: number }
    /** Address of a subprogram (callbacks): index of its first instruction in `code`. */
    | { readonly kind: 'func'; readonly insn: number }
    /**
     * Address of a `.ksyms` variable, or of a kernel function that is only asked for (`if (func)`). `typeId` is the
     * declared type of a variable, `void` (also a const one) if it has none, or the FUNC of a function.
     */
    | {
        readonly kind: 'ksym';
        /** As the kernel names it, without a CO-RE flavor. */
        readonly name: string;
        readonly weak: boolean;
        readonly typeId: TypeId;
      }
    /** A call of a kernel function; `typeId` is its FUNC. */
    | {
        readonly kind: 'kfunc';
        readonly name: string;
        readonly weak: boolean;
        readonly typeId: TypeId;
      };
}

export interface MapSpec {
  readonly name: string;
  /** `enum bpf_map_type` without its prefix: `HASH`. */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly mapExtra: bigint;
  readonly numaNode: number | undefined;
  readonly pinning: 'none' | 'by_name';
  /** BTF ids of key and value; undefined when the map was declared by sizes only. */
  readonly keyType: TypeId | undefined;
  readonly valueType: TypeId | undefined;
  /** The template of a map-in-map's elements. */
  readonly inner: MapSpec | undefined;
  /** Slots that the object fills: index → name of a map or program in this collection. */
  readonly slots: ReadonlyMap<number, string>;
  /** Contents and section of a data-section map; undefined for declared maps. */
  readonly data: DataSection | undefined;
}

export interface DataSection {
  readonly section: string;
  readonly contents: Uint8Array;
  /** `.rodata*`: frozen before programs are loaded. */
  readonly readonly: boolean;
}

export interface VariableSpec {
  /** Of static variables with one name the first keeps it; the others are `name@section+offset`. */
  readonly name: string;
  readonly map: string;
  /** In bytes into the value of the map. */
  readonly offset: number;
  readonly size: number;
  /** The type of the variable, not its VAR. */
  readonly typeId: TypeId;
  /** `extern … __kconfig`: its value comes from the kernel's configuration, by `name`. */
  readonly extern: boolean;
  readonly weak: boolean;
}
