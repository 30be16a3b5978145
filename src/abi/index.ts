export * from './bpf-attr.gen.ts';
export * from './enums.gen.ts';
export * from './errno.ts';
export { FormatError, type FormatErrorDetail } from './format-error.ts';
export * from './helpers.gen.ts';
export { hookAttributes, isHookName, type HookAttributes } from './hooks.ts';
export * from './inet.ts';
export { KNOWN_RELEASES, nearestRelease, type KnownRelease } from './releases.ts';
