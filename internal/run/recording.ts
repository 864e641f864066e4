/** Every change of a run in the record of this machine: announced before it is asked for, and what became of it after (P7). */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { actorWords } from '../platform/actor.ts';
import type { OnChange } from '../platform/change.ts';
import type { RecordLog } from '../record/log.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** The folder of the record. */
export async function recordFolder({ directories }: Pick<Ports, 'directories'>): Promise<string> {
  return join((await directories()).state, 'record');
}

/** What a configuration says, as a digest: of two with equal values it is the same, wherever they lie. */
export function configurationDigest({ interface: settings, services, agents, environments }: Configuration): string {
  return sha256(canonicalJson([1, settings, ...[services, agents, environments].map(Object.fromEntries)]));
}

/** Records the changes that a run asks the platform for, with the configuration that was in force. Throws `record_unwritable` before anything is asked. */
export function recording(
  ports: Pick<Ports, 'directories' | 'tell'>,
  { address, id: workspace }: Workspace,
  configuration?: Configuration,
): OnChange {
  let log: RecordLog | undefined;
  let config: string | undefined;
  return async (change) => {
    const { act, target, actor } = change;
    ports.tell.detail(`${act} ${quote(target.label)}, asked for by ${actorWords(actor)}`);
    if (log === undefined) {
      const [{ recordIn }, folder] = await Promise.all([import('../record/log.ts'), recordFolder(ports)]);
      log ??= recordIn({ folder });
    }
    const opened = log;
    config ??= configuration && configurationDigest(configuration);
    const id = randomUUID();
    await opened.append({ kind: 'intent', id, platform: address, workspace, config, ...change });
    return async (ending) => {
      try {
        await opened.append({ kind: 'outcome', id, ...ending });
      } catch (error) {
        // It was done: whoever asked has to hear how it ended. Nothing further is announced in this run, so nothing is done.
        const why = error instanceof Error ? error.message : String(error);
        ports.tell.warn(`what became of ${act} ${quote(target.label)} is not in the record: ${why}`);
      }
    };
  };
}
