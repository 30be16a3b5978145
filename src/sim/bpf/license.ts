/** Licences that give a program the GPL-only helpers and kernel functions (license_is_gpl_compatible). */
const GPL_COMPATIBLE: readonly string[] = [
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
];
/** The kernel copies that much of the licence, without the NUL. */
const LICENSE_BYTES = 127;

export const isGplCompatible = (license: string): boolean =>
  GPL_COMPATIBLE.includes(license.slice(0, LICENSE_BYTES));
