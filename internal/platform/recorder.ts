/** What somebody does beside the platform: announced before, and its outcome said after, as every change of the platform is. */
import { AppError } from '../errors/app-error.ts';
import { type Announced, announced } from '../stores/announced.ts';
import type { Actor } from './actor.ts';
import type { ActElsewhere } from './acts.ts';
import type { Change, Delegation, Ending, OnChange } from './change.ts';

/** An act, as it is announced: without whoever does it. */
export interface Announcement extends Pick<Change, 'target' | 'server'> {
  act: ActElsewhere;
}

/** Records the acts of one actor. */
export interface Recorder {
  /**
   * Does something once it is announced, and says how it ended. Throws `record_unwritable` with nothing done, and whatever
   * the work throws. `learn` says what became known: what was made, whether it happened at all.
   */
  act<Result>(
    announcement: Announcement,
    work: (announced: Announced) => Promise<Result>,
    learn?: (result: Result) => Partial<Ending>,
  ): Promise<Result>;
  /** The same record, for somebody else. */
  as(actor: Actor): Recorder;
}

/** After these nobody knows whether it happened. */
const doubtful: readonly AppError['code'][] = ['service_unreachable', 'interrupted', 'platform_outcome_unknown'];

/** The recorder of one actor, over whoever hears of changes, with the rule that lets them do what they do. */
export function recorderOf(onChange: OnChange, actor: Actor, delegation?: Delegation): Recorder {
  return {
    as: (other) => recorderOf(onChange, other),
    async act({ act, target, server }, work, learn = () => ({})) {
      const ended = await onChange({ actor, act, target, server, delegation });
      try {
        const result = await work(announced());
        await ended({ outcome: 'success', attempts: 1, ...learn(result) });
        return result;
      } catch (error) {
        const code = error instanceof AppError ? error.code : 'bug';
        const unknown = !(error instanceof AppError) || doubtful.includes(code);
        await ended({ outcome: unknown ? 'unknown' : 'failure', attempts: 1, error: code });
        throw error;
      }
    },
  };
}
