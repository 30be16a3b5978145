import type { Kernel } from '../../kernel/index.ts';
import { openLinux } from '../../linux/index.ts';
import type { Context } from '../context.ts';
import { Args } from './args.ts';
import { thisMachine } from './machine.ts';
import { BpftoolError, formatFailure, type Machine, type Session } from './session.ts';

/** Options that all verbs take. */
export interface VerbFlags {
  readonly json: boolean;
  readonly pretty: boolean;
  readonly bpffs: boolean;
}

export type Verb = (session: Session, args: Args) => Promise<void>;

interface Place {
  readonly kernel: Kernel;
  readonly machine: Machine;
}

const running = async (): Promise<Place> => ({ kernel: await openLinux(), machine: thisMachine() });

/** Makes a command of a verb. It runs on the kernel of this machine. */
export const verbCommand =
  (verb: Verb, place: () => Promise<Place> = running) =>
  async (context: Context, flags: VerbFlags, ...words: readonly string[]): Promise<void> => {
    const output = { json: flags.json || flags.pretty, pretty: flags.pretty };
    const { write } = context;
    const session = { ...(await place()), output, showPinned: flags.bpffs, write };
    try {
      await verb(session, new Args(words));
    } catch (error) {
      if (!(error instanceof BpftoolError)) throw error;
      const text = formatFailure(error, output);
      if (output.json) write(text);
      else context.warn(text);
      context.process.exitCode = error.status;
    }
  };
