/** Where and why a file could not be read. `offset` is in bytes from the start of `file`, or of `section` if given. */
export interface FormatErrorDetail {
  readonly file: string;
  readonly format: 'ELF' | 'BTF' | 'BTF.ext' | 'vmlinuz';
  readonly section?: string;
  readonly offset: number;
  /** The rule that the input broke, as a sentence without a full stop. */
  readonly rule: string;
}

/**
 * A file that breaks the rules of its format. The one error that the ELF and BTF readers throw on any input;
 * they read lazily, so a result type at each accessor would burden every caller for what is a fault of the file.
 */
export class FormatError extends Error implements FormatErrorDetail {
  override readonly name = 'FormatError';
  readonly file: string;
  readonly format: FormatErrorDetail['format'];
  readonly section?: string;
  readonly offset: number;
  readonly rule: string;

  constructor(detail: FormatErrorDetail) {
    const section = detail.section === undefined ? '' : ` section ${detail.section}`;
    super(
      `${detail.file}: ${detail.format}${section} at offset 0x${detail.offset.toString(16)}: ${detail.rule}`,
    );
    this.file = detail.file;
    this.format = detail.format;
    if (detail.section !== undefined) this.section = detail.section;
    this.offset = detail.offset;
    this.rule = detail.rule;
  }
}
