import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLASS, INSN_SIZE, LD_IMM64, accessSize } from '../../isa/index.ts';
import { readObject } from '../../object/index.ts';
import { readBtf } from '../reader.ts';
import { POISON_HELPER } from './patch.ts';
import { relocate, type CoreResult } from './relocate.ts';
import type { CoreOutcome, CoreSpec } from './types.ts';

const file = (name: string): string => join(import.meta.dirname, 'testdata', name);
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(file(name)));

/** Programs and what libbpf printed for each, as testdata/libbpf-oracle.c writes it. */
const expected = new Map(
  readFileSync(file('expected.txt'), 'utf8')
    .split(/\n(?=\S)/)
    .map((block) => [block.split('\n', 1)[0] ?? '', block.trimEnd()] as const),
);

const object = readObject(bytes('local.bpf.o'), { file: 'local.bpf.o' });
const target = readBtf(bytes('target.btf'), { file: 'target.btf' });

const specLine = (kind: CoreOutcome['kind'], spec: CoreSpec): string =>
  `<${kind}> [${spec.typeId}] ${spec.text}`;

/** What an instruction holds where CO-RE patches it, named as libbpf does. */
const held = (code: DataView, insn: number): [name: string, value: bigint] => {
  const at = insn * INSN_SIZE;
  const opcode = code.getUint8(at);
  const cls = opcode & 7;
  if (cls === CLASS.ALU || cls === CLASS.ALU64) return ['imm', BigInt(code.getInt32(at + 4, true))];
  if (opcode !== LD_IMM64) return ['off', BigInt(code.getInt16(at + 2, true))];
  const high = BigInt(code.getUint32(at + 12, true)) << 32n;
  return ['imm64', high | BigInt(code.getUint32(at + 4, true))];
};

const patchLines = (before: DataView, after: DataView, { insn, status }: CoreOutcome): string[] => {
  if (status === 'error') return ['    error'];
  const at = insn * INSN_SIZE;
  const slots = before.getUint8(at) === LD_IMM64 ? 2 : 1;
  const poisoned = Array.from({ length: slots }, (_, i) =>
    after.getInt32(at + i * INSN_SIZE + 4, true),
  );
  if (poisoned.every((imm) => imm === POISON_HELPER)) return poisoned.map(() => '    poisoned');
  const [name, old] = held(before, insn);
  const lines = [`    ${name} ${old} -> ${held(after, insn)[1]}`];
  const sizes = [before, after].map((code) => accessSize(code.getUint8(at)));
  if (name === 'off' && sizes[0] !== sizes[1]) lines.push(`    mem_sz ${sizes[0]} -> ${sizes[1]}`);
  return lines;
};

const summary = (name: string, code: Uint8Array, result: CoreResult): string => {
  const before = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const after = new DataView(result.code.buffer);
  const lines = result.outcomes.flatMap((outcome) => {
    const { kind, local, target: found, status } = outcome;
    const match = found !== undefined && status !== 'error' && kind !== 'local_type_id';
    return [
      `  ${local === undefined ? 'unreadable' : specLine(kind, local)}`,
      ...(match ? [`    = ${specLine(kind, found)}`] : []),
      ...patchLines(before, after, outcome),
    ];
  });
  return [name, ...lines].join('\n');
};

describe('CO-RE decides as libbpf does', () => {
  it('has an expectation for each program', () => {
    expect([...object.programs.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  });

  it.each([...expected])('%s', (name, text) => {
    const program = object.programs.get(name);
    const local = object.btf;
    if (program === undefined || local === undefined) throw new Error(`no program ${name}`);
    const result = relocate({
      code: program.code,
      relocations: program.coreRelocations,
      lines: program.lines,
      local,
      targets: [target],
    });
    expect(summary(name, program.code, result)).toBe(text);
  });
});
