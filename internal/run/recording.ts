/** Every act of a run in the record: announced before anything is asked for, and what became of it after (P7). */
import { randomUUID } from 'node:crypto';
import type { AnswerEntry } from '../approval/give.ts';
import type { Configuration } from '../config/definitions.ts';
import { configurationDigest } from '../config/digest.ts';
import { type Actor, actorWords } from '../platform/actor.ts';
import type { OnChange } from '../platform/change.ts';
import type { Entry, Head } from '../record/line.ts';
import type { RecordLog } from '../record/record-log.ts';
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

/** What recording needs of a run. */
export type RecordingPorts = Pick<Ports, 'record' | 'tell' | 'secrets' | 'afterwards'>;

/**
 * Records what a run does, in a workspace of a platform or beside any, with the configuration that was in force. Throws
 * `record_unwritable` before anything is done.
 */
export function recording(ports: RecordingPorts, workspace?: Workspace, configuration?: Configuration): OnChange {
  const { record, tell } = ports;
  const where = workspace && { platform: workspace.address, workspace: workspace.id };
  let config: string | undefined;
  return async ({ line, ...change }, unkept) => {
    const { act, target, actor } = change;
    tell.detail(`${act} ${quote(target.label)}, asked for by ${actorWords(actor)}`);
    const log = await record();
    config ??= configuration && configurationDigest(configuration);
    const id = line ?? randomUUID();
    const intent = { kind: 'intent', id, ...where, config, ...change } as const;
    await (unkept === undefined ? log.append(intent) : writtenSoon(log, intent, unkept));
    return async (ending) => {
      try {
        checkpointLater(ports, await log.append({ kind: 'outcome', id, ...ending }));
      } catch (error) {
        // It was done: whoever asked has to hear how it ended. Nothing further is announced in this run, so nothing is done.
        const why = error instanceof Error ? error.message : String(error);
        tell.warn(`what became of ${act} ${quote(target.label)} is not in the record: ${why}`);
      }
    };
  };
}

/** Resolves once a line is written, and not when the disk has it; where that fails later, `unkept` hears of it. */
function writtenSoon(log: RecordLog, entry: Entry, unkept: (error: unknown) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let isWritten = false;
    const written = () => {
      isWritten = true;
      resolve();
    };
    log.append(entry, written).then(written, (error: unknown) => {
      if (isWritten) unkept(error);
      else reject(error);
    });
  });
}

/** The last end of the chain that a run has made, which is signed once it is over. */
const ends = new WeakMap<RecordingPorts['record'], Head>();

/** Has a checkpoint made after the result, where one is due. Without it the record stands all the same. */
function checkpointLater(ports: RecordingPorts, head: Head): void {
  const isFirst = !ends.has(ports.record);
  ends.set(ports.record, head);
  if (!isFirst) return;
  ports.afterwards(async () => {
    try {
      const { signWhereDue } = await import('./checkpoints.ts');
      await signWhereDue(ports, ends.get(ports.record) ?? head);
    } catch (error) {
      ports.tell.warn(
        `no checkpoint of the record was made: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  });
}
