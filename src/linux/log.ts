/** What closes a log whatever it says: statistics of the verifier. */
const CLOSING =
  /^(?:processed \d+ insns|verification time |stack depth |max_states_per_insn |insns processed )/;
/** The header that btf_parse shows before it judges: `str_off: 0`. */
const BTF_HEADER =
  /^(?:magic|version|flags|hdr_len|type_off|type_len|str_off|str_len|btf_total_size): /;

/**
 * Why the verifier, or the reader of BTF, refused, in one sentence from its log: the paragraph `Reason:` of the form
 * that Linux 7.3 prints, else the last line that is none of the statistics. Undefined when the log says nothing.
 */
export function reasonInLog(log: string): string | undefined {
  const lines = log.split('\n').map((line) => line.trim());
  const reason = lines.lastIndexOf('Reason:');
  if (reason < 0) return lines.findLast(saysSomething);
  const end = lines.indexOf('', reason);
  return lines.slice(reason + 1, end < 0 ? undefined : end).join(' ') || undefined;
}

const saysSomething = (line: string): boolean =>
  line !== '' && !CLOSING.test(line) && !BTF_HEADER.test(line);
