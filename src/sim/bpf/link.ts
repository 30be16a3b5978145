import type { HookPoint } from '../lsm/index.ts';
import { Counted } from './objects.ts';
import type { BpfProgram } from './program.ts';
import type { BpfState } from './state.ts';

/** A tracing link: holds its program at a hook as long as somebody holds the link. */
export class BpfLink extends Counted {
  readonly kind = 'link';
  readonly id: number;
  readonly program: BpfProgram;
  #hook: HookPoint | undefined;
  readonly #state: BpfState;

  constructor(state: BpfState, program: BpfProgram) {
    super();
    this.#state = state;
    this.program = program.get();
    this.id = state.links.add(this);
  }

  /** @returns 0 or what the trampoline refuses with. */
  attach(hook: HookPoint): number {
    const error = hook.attach(this.program);
    if (error === 0) this.#hook = hook;
    return error;
  }

  protected override free(): void {
    this.#hook?.detach(this.program);
    this.#state.links.remove(this.id);
    this.program.put();
  }
}
