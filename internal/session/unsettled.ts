/** Tells of the sessions that runs of this machine asked for before they were cut off, once each. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import type { SessionRecords } from './records.ts';
import { readAttempt } from './start.ts';
import { followOrEnd } from './turn-outcome.ts';

/** What is told of with. */
export interface Telling {
  platform: Platform;
  records: SessionRecords;
  warn(text: string): void;
}

/** A create that is in no list by then has made no session. */
const lagMs = 10 * 60_000;

/** Looks for them by their mark. What cannot be looked at now is told by a later run; never throws for it. */
export async function tellUnsettled({ platform, records, warn }: Telling): Promise<void> {
  try {
    for (const { attempt, agentId, at, settle } of await records.unsettled()) {
      const [session] = await readAttempt(platform, agentId, attempt);
      if (session !== undefined) {
        const { id, status } = session;
        warn(
          `a run of yours ended before its session did: ${quote(id)} is still there (${quote(status)}); ${followOrEnd(id)}`,
        );
      }
      const late = !(clock.now().getTime() - Date.parse(at) < lagMs);
      if (session !== undefined || late) await settle();
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
  }
}
