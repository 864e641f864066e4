/** Every act of a run in the record: announced before anything is asked for, and what became of it after (P7). */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '../config/definitions.ts';
import { actorWords } from '../platform/actor.ts';
import type { OnChange } from '../platform/change.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** What a configuration says, as a digest: of two with equal values it is the same, wherever they lie. */
export function configurationDigest({ interface: settings, services, agents, environments }: Configuration): string {
  return sha256(canonicalJson([1, settings, ...[services, agents, environments].map(Object.fromEntries)]));
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
