import type { Btf } from '../types.ts';
import { createBodies, type Bodies } from './body.ts';
import { createCNames } from './names.ts';
import { orderTypes, type Step } from './order.ts';

const HEAD = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif
`;

const TAIL = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

const stepText = (bodies: Bodies, step: Step): string => {
  if ('forward' in step) return step.forward;
  return 'typedef' in step ? bodies.typedef(step.typedef) : bodies.definition(step.define);
};

/**
 * Prints all own types as a C header (`vmlinux.h`) that gives each of them the layout that BTF says. Types that
 * share a name get suffixes: `foo`, `foo___2`.
 * @throws {FormatError} for types that C cannot declare or lay out.
 */
export const printC = (btf: Btf): string => {
  const names = createCNames(btf);
  const bodies = createBodies(btf, names);
  const text = [HEAD];
  for (const step of orderTypes(btf, names)) text.push(`${stepText(bodies, step)};\n`);
  for (let id = btf.base?.typeCount ?? 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if ((kind !== 'enum' && kind !== 'enum64') || btf.name(id) !== '' || bodies.isSpelled(id))
      continue;
    const type = btf.type(id);
    if ('values' in type && type.values.length > 0) text.push(`${bodies.definition(type)};\n`);
  }
  return [...text, TAIL].join('\n');
};
