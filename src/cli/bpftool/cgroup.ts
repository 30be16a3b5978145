import { jsonObject, type JsonObject } from './json.ts';
import { ATTACH_TYPE_NAMES, typeJson } from './names.ts';

/** A program as it is attached to a cgroup. */
export interface ShownAttachment {
  readonly progId: number;
  readonly attachType: number;
  /** BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2. Undefined in a list of effective programs, which has none. */
  readonly attachFlags: number | undefined;
  readonly name: string;
  /** Of LSM programs: the hook's function, such as `bpf_lsm_socket_bind`, and where its type is. */
  readonly target?: { readonly name: string; readonly btfObjId: number; readonly btfId: number };
}

export interface ShownCgroup {
  readonly path: string;
  readonly programs: readonly ShownAttachment[];
}

function flagsText(flags: number): string {
  if (flags === 0) return '';
  if (flags === 1) return 'override';
  return flags === 2 ? 'multi' : `unknown(${flags.toString(16)})`;
}

function row(columns: readonly string[]): string {
  const [id = '', ...others] = columns;
  return `${id.padEnd(8)} ${others.map((column) => column.padEnd(15)).join(' ')}`;
}

export const cgroupHeader = (effective: boolean): string =>
  `${row(['ID', 'AttachType', ...(effective ? [] : ['AttachFlags']), 'Name'])}\n`;

function attachmentRow({ progId, attachType, attachFlags, name, target }: ShownAttachment): string {
  const type = ATTACH_TYPE_NAMES.get(attachType) ?? `type ${attachType}`;
  const flags = attachFlags === undefined ? [] : [flagsText(attachFlags)];
  const hook = target === undefined ? '' : ` ${target.name.padEnd(15)}`;
  return `${row([String(progId), type, ...flags, name])}${hook}\n`;
}

/** `cgroup show` for people, without its header. */
export const formatAttachments = (programs: readonly ShownAttachment[]): string =>
  programs.map(attachmentRow).join('');

/** A cgroup in `cgroup tree` for people: its path, then its programs, indented below the root of the tree. */
export const formatCgroup = ({ path, programs }: ShownCgroup, level: number): string =>
  `${path}\n${programs.map((program) => `${level > 0 ? '    ' : ''}${attachmentRow(program)}`).join('')}`;

/** `cgroup show --json`. */
export const attachmentsJson = (programs: readonly ShownAttachment[]): readonly JsonObject[] =>
  programs.map(({ progId, attachType, attachFlags, name, target }) =>
    jsonObject([
      ['id', progId],
      ['attach_type', typeJson(ATTACH_TYPE_NAMES, attachType)],
      ['attach_flags', attachFlags === undefined ? undefined : flagsText(attachFlags)],
      ['name', name],
      ['attach_btf_name', target?.name],
      ['attach_btf_obj_id', target?.btfObjId],
      ['attach_btf_id', target?.btfId],
    ]),
  );

/** A cgroup in `cgroup tree --json`. */
export const cgroupJson = ({ path, programs }: ShownCgroup): JsonObject =>
  jsonObject([
    ['cgroup', path],
    ['programs', attachmentsJson(programs)],
  ]);
