import type { Args } from '../bpftool/args.ts';
import type { Session } from '../bpftool/session.ts';
import { formatToken, tokenJson, tokensInMounts } from '../bpftool/token.ts';
import { printObjects } from './prog.ts';

/** `token show`: what each bpffs that this process sees delegates. Tokens themselves have no ids to list. */
export async function showTokens(session: Session, args: Args): Promise<void> {
  args.end();
  const tokens = tokensInMounts(session.machine.mounts());
  printObjects(session, tokens, false, { text: formatToken, json: tokenJson });
}
