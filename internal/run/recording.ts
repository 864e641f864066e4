/** Every act of a run in the record: announced before anything is asked for, and what became of it after (P7). */
import { randomUUID } from 'node:crypto';
import type { AnswerEntry } from '../approval/give.ts';
import type { Configuration } from '../config/definitions.ts';
import { configurationDigest } from '../config/digest.ts';
import { type Actor, actorWords } from '../platform/actor.ts';
import type { OnChange } from '../platform/change.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** Records an answer to a call before it counts. Throws `record_unwritable`. */
export async function recordAnswer(
  { record }: Pick<Ports, 'record'>,
  { address: platform, id: workspace }: Workspace,
  actor: Actor,
  answer: AnswerEntry,
): Promise<void> {
  const log = await record();
  await log.append({ kind: 'answer', id: randomUUID(), platform, workspace, actor, ...answer });
}

/**
 * Records what a run does, in a workspace of a platform or beside any, with the configuration that was in force. Throws
 * `record_unwritable` before anything is done.
 */
export function recording(
  { record, tell }: Pick<Ports, 'record' | 'tell'>,
  workspace?: Workspace,
  configuration?: Configuration,
): OnChange {
  const where = workspace && { platform: workspace.address, workspace: workspace.id };
  let config: string | undefined;
  return async (change) => {
    const { act, target, actor } = change;
    tell.detail(`${act} ${quote(target.label)}, asked for by ${actorWords(actor)}`);
    const log = await record();
    config ??= configuration && configurationDigest(configuration);
    const id = randomUUID();
    await log.append({ kind: 'intent', id, ...where, config, ...change });
    return async (ending) => {
      try {
        await log.append({ kind: 'outcome', id, ...ending });
      } catch (error) {
        // It was done: whoever asked has to hear how it ended. Nothing further is announced in this run, so nothing is done.
        const why = error instanceof Error ? error.message : String(error);
        tell.warn(`what became of ${act} ${quote(target.label)} is not in the record: ${why}`);
      }
    };
  };
}
