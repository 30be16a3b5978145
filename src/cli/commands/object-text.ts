import { show } from '../../testing/equal.ts';
import type {
  MapReport,
  ObjectReport,
  ProgramReport,
  RelocationReport,
  VariableReport,
} from './object-report.ts';

/** Columns as wide as their widest cell, two spaces between. */
function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}

const section = (title: string, rows: readonly (readonly string[])[]): string =>
  rows.length === 0 ? '' : `\n${title}\n${table(rows)}\n`;

const programRow = (program: ProgramReport): readonly string[] => [
  program.name,
  program.section,
  program.attachType === null ? program.type : `${program.type} ${program.attachType}`,
  `${program.instructions} instructions`,
  [program.sleepable ? 'sleepable' : '', program.autoload ? '' : 'not loaded by itself']
    .filter((word) => word !== '')
    .join(', '),
];

const mapRow = (map: MapReport): readonly string[] => [
  map.name,
  map.type,
  `key ${map.keySize}`,
  `value ${map.valueSize}`,
  `max ${map.maxEntries}`,
  map.flags === 0 ? '' : `flags 0x${map.flags.toString(16)}`,
];

const variableRow = (variable: VariableReport): readonly string[] => [
  variable.name,
  variable.section,
  variable.type,
  variable.value === undefined ? 'given by the kernel' : show(variable.value),
];

const relocationRow = (program: string, r: RelocationReport): readonly string[] => [
  program,
  String(r.insn),
  r.kind,
  r.asked,
  r.status === 'resolved' ? `= ${r.value}` : r.status,
  r.status === 'resolved' ? (r.found ?? '') : (r.reason ?? ''),
];

/** What `krsi object` prints for people. */
export function formatReport(report: ObjectReport): string {
  const { programs, maps, variables } = report;
  const missing = programs.flatMap(({ name, target }) =>
    target !== null && 'missing' in target ? [[name, target.missing]] : [],
  );
  const relocations = programs.flatMap((p) => p.relocations.map((r) => relocationRow(p.name, r)));
  return [
    `${report.file}: licence ${report.license || 'none'}\n`,
    section('PROGRAMS', programs.map(programRow)),
    section('MAPS', maps.map(mapRow)),
    section('VARIABLES', variables.map(variableRow)),
    section(`NO TARGET on ${report.kernel}`, missing),
    section(`CO-RE on ${report.kernel}`, relocations),
    section(
      'WARNINGS',
      report.warnings.map((warning) => [warning]),
    ),
  ].join('');
}
