import type { Btf } from '../btf/types.ts';
import type { VariableSpec } from '../object/spec.ts';
import { decode, encode, type Value } from './codec.ts';
import { ValueError } from './errors.ts';
import type { BpfMap } from './map.ts';

/** The bytes of a variable inside the contents of its section. */
const place = (spec: VariableSpec, section: Uint8Array): Uint8Array =>
  section.subarray(spec.offset, spec.offset + spec.size);

/** Writes a variable into the contents of its section. */
export function writeVariable(
  btf: Btf,
  spec: VariableSpec,
  section: Uint8Array,
  value: Value,
): void {
  place(spec, section).set(encode(btf, spec.typeId, value, spec.name));
}

export const readVariable = (btf: Btf, spec: VariableSpec, section: Uint8Array): Value =>
  decode(btf, spec.typeId, place(spec, section));

/** A global variable of a loaded object. */
export class Variable {
  readonly name: string;
  readonly spec: VariableSpec;
  readonly #map: BpfMap;
  readonly #btf: Btf;

  constructor(spec: VariableSpec, map: BpfMap, btf: Btf) {
    this.name = spec.name;
    this.spec = spec;
    this.#map = map;
    this.#btf = btf;
  }

  async get(): Promise<Value> {
    return readVariable(this.#btf, this.spec, await this.#section());
  }

  /**
   * Reads the section, changes this variable and writes the section back: what programs write to other variables of
   * the section in between is lost.
   */
  async set(value: Value): Promise<void> {
    if (this.#map.spec.data?.readonly === true)
      throw new ValueError(this.name, 'is const: give its value when the object is loaded');
    const section = await this.#section();
    writeVariable(this.#btf, this.spec, section, value);
    await this.#map.setRaw(0, section);
  }

  #section(): Promise<Uint8Array> {
    return this.#map.getRaw(0);
  }
}
