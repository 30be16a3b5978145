import type { Field, Layouts } from '../mem/layout.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';
import type { MapAttr } from './maps/ops.ts';

const NAME_BYTES = 16;
const TAG_BYTES = 8;

/** Writers of `struct bpf_map`, `bpf_prog` and `bpf_prog_aux`, which hooks on bpf objects read. */
export interface KernelObjects {
  newMap(attr: MapAttr, name: string): Offset;
  settleMap(map: Offset, id: number): void;
  freezeMap(map: Offset): void;
  freeMap(map: Offset): void;
  newProgram(fields: ProgramFields): Offset;
  settleProgram(program: Offset, id: number): void;
  freeProgram(program: Offset): void;
  /** User id of a `task_struct`. */
  uidOf(task: Offset): number;
}

export interface ProgramFields {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly attachBtfId: number;
  /** Instruction slots. */
  readonly length: number;
  readonly gpl: boolean;
  readonly sleepable: boolean;
  readonly name: string;
  readonly tag: Uint8Array;
}

const nameBytes = (name: string): Uint8Array => new TextEncoder().encode(name);

export function kernelObjects(mem: KernelMemory, layouts: Layouts): KernelObjects {
  const map = layouts.fields('bpf_map', {
    type: 'map_type',
    keySize: 'key_size',
    valueSize: 'value_size',
    maxEntries: 'max_entries',
    flags: 'map_flags',
    id: 'id',
    name: 'name',
    frozen: 'frozen',
  });
  const prog = layouts.fields('bpf_prog', {
    type: 'type',
    length: 'len',
    gpl: 'gpl_compatible',
    sleepable: 'sleepable',
    attachType: 'expected_attach_type',
    tag: 'tag',
    aux: 'aux',
  });
  const aux = layouts.fields('bpf_prog_aux', {
    id: 'id',
    name: 'name',
    attachBtfId: 'attach_btf_id',
    prog: 'prog',
    sleepable: 'sleepable',
  });
  const taskCred = layouts.field('task_struct', 'cred');
  const credUid = layouts.field('cred', 'uid.val');
  const sizes = {
    map: layouts.sizeOf('bpf_map'),
    prog: layouts.sizeOf('bpf_prog'),
    aux: layouts.sizeOf('bpf_prog_aux'),
  };
  const setBytes = (field: Field, object: Offset, bytes: Uint8Array, limit: number): void => {
    if (field.exists) mem.u8.set(bytes.subarray(0, limit), field.at(object));
  };
  return {
    newMap(attr, name) {
      const at = mem.alloc(sizes.map);
      map.type.set(at, attr.type);
      map.keySize.set(at, attr.keySize);
      map.valueSize.set(at, attr.valueSize);
      map.maxEntries.set(at, attr.maxEntries);
      map.flags.set(at, attr.flags);
      setBytes(map.name, at, nameBytes(name), NAME_BYTES - 1);
      return at;
    },
    settleMap: (at, id) => map.id.set(at, id),
    freezeMap: (at) => map.frozen.set(at, 1),
    freeMap: (at) => mem.free(at),
    newProgram(fields) {
      const at = mem.alloc(sizes.prog);
      const auxAt = mem.alloc(sizes.aux);
      prog.type.set(at, fields.type);
      prog.length.set(at, fields.length);
      prog.gpl.set(at, Number(fields.gpl));
      prog.sleepable.set(at, Number(fields.sleepable));
      prog.attachType.set(at, fields.expectedAttachType);
      setBytes(prog.tag, at, fields.tag, TAG_BYTES);
      prog.aux.set(at, auxAt);
      aux.prog.set(auxAt, at);
      aux.attachBtfId.set(auxAt, fields.attachBtfId);
      aux.sleepable.set(auxAt, Number(fields.sleepable));
      setBytes(aux.name, auxAt, nameBytes(fields.name), NAME_BYTES - 1);
      return at;
    },
    settleProgram: (at, id) => aux.id.set(prog.aux.get(at), id),
    uidOf: (task) => credUid.get(taskCred.get(task)),
    freeProgram(at) {
      mem.free(prog.aux.get(at));
      mem.free(at);
    },
  };
}
