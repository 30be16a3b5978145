import { jsonObject, type JsonObject } from './json.ts';

/** What is shown of a BTF object. */
export interface ShownBtf {
  readonly id: number;
  /** In bytes. */
  readonly size: number;
  /** `vmlinux` or a module; empty for what programs brought. */
  readonly name: string;
  readonly kernelBtf: boolean;
  readonly progIds: readonly number[];
  readonly mapIds: readonly number[];
}

/** `btf show` for people: the kernel's own in brackets. */
export function formatBtf({ id, size, name, kernelBtf, progIds, mapIds }: ShownBtf): string {
  const shown = kernelBtf ? `[${name}]` : name === '' ? '<anon>' : name;
  const users = [
    progIds.length === 0 ? '' : `  prog_ids ${progIds.join(',')}`,
    mapIds.length === 0 ? '' : `  map_ids ${mapIds.join(',')}`,
  ];
  return `${id}: name ${shown}  size ${size}B${users.join('')}\n`;
}

/** `btf show --json`. */
export const btfJson = ({ id, size, name, kernelBtf, progIds, mapIds }: ShownBtf): JsonObject =>
  jsonObject([
    ['id', id],
    ['size', size],
    ['prog_ids', progIds],
    ['map_ids', mapIds],
    ['kernel', kernelBtf],
    ['name', name === '' ? undefined : name],
  ]);
