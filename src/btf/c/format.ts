import type { Btf, TypeId } from '../types.ts';
import { createDeclare, type BaseType } from './declare.ts';
import { spellInt } from './spelling.ts';

const baseName = (btf: Btf, type: BaseType): string => {
  switch (type.kind) {
    case 'void':
      return 'void';
    case 'int':
      return spellInt(btf, type, true);
    case 'float':
    case 'typedef':
      return type.name;
    case 'struct':
    case 'union':
      return `${type.kind} ${type.name || '{...}'}`;
    case 'fwd':
      return `${type.of} ${type.name}`;
    case 'enum':
    case 'enum64':
      return `enum ${type.name || '{...}'}`;
    default:
      return type satisfies never;
  }
};

/**
 * A type as C spells it: `struct file *`, `int (*)(void *)`, `unsigned long`.
 * @throws {FormatError} for types that C cannot declare, such as a `datasec`.
 */
export const formatType = (btf: Btf, id: TypeId): string =>
  createDeclare(btf, (type) => baseName(btf, type))(id, '');
