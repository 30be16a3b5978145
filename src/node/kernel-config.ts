/**
 * Reads the kernel's `.config` format. Values are as written: `y`, `m`, `250`, `"text"` with its quotes. Options that
 * are not set are absent.
 */
export function parseKernelConfig(text: string): ReadonlyMap<string, string> {
  const config = new Map<string, string>();
  for (const [, option, value] of text.matchAll(/^(CONFIG_\w+)=(.*)$/gm))
    if (option !== undefined && value !== undefined) config.set(option, value);
  return config;
}
