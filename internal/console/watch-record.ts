/**
 * Whether the record takes what it is told. Where it does not, nothing is done for anybody, and a balancer is told: another
 * replica may have room. Nobody comes then, and nothing would show that it writes again, so that after a while somebody may try.
 */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { RecordLog } from '../record/record-log.ts';

/** A record, and whether it was seen not to write. */
export interface WatchedRecord {
  record: RecordLog;
  isUnwritable(): boolean;
}

/** How long one failure is believed. */
const believedMs = 20_000;

/** The same record. `told`: hears of the first failure of each time, and when a line is written again. */
export function watchRecord(record: RecordLog, told: (failure: AppError | undefined) => void): WatchedRecord {
  let failedAt: number | undefined;
  return {
    record: {
      ...record,
      async append(entry, written) {
        try {
          const head = await record.append(entry, written);
          if (failedAt !== undefined) told(undefined);
          failedAt = undefined;
          return head;
        } catch (error) {
          if (error instanceof AppError) {
            if (failedAt === undefined) told(error);
            failedAt = clock.monotonic();
          }
          throw error;
        }
      },
    },
    isUnwritable: () => failedAt !== undefined && clock.monotonic() - failedAt < believedMs,
  };
}
