/** What a console keeps: in a folder that it has alone, or in a database that it shares with other replicas. */
import { join } from 'node:path';
import type { Directories } from '../outside/directories.ts';
import { recordIn } from '../record/log.ts';
import type { RecordLog } from '../record/record-log.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import type { Stores } from '../stores/kept-text.ts';
import { type SeenProofs, seenProofs } from './dpop.ts';
import { noPeers, type Peers } from './peers.ts';
import { type HeardOnce, heardHere } from './remembered.ts';
import { type ConsoleSessions, consoleSessions } from './sessions.ts';

/** All of it. */
export interface Kept {
  stores: Stores;
  record: RecordLog;
  sessions: ConsoleSessions;
  seen: SeenProofs;
  heard: HeardOnce;
  peers: Peers;
  close(): Promise<void>;
}

/** What one console keeps in its folder; its sessions end with it. */
export function keptInFolder(directories: Directories, sessionSeconds: number | undefined): Kept {
  const seen = seenProofs();
  return {
    stores: fileStores(directories),
    record: lastingRecord(join(directories.state, 'record')),
    sessions: consoleSessions(seen, sessionSeconds),
    seen,
    heard: heardHere(),
    peers: noPeers,
    async close() {},
  };
}

/**
 * The record of a process that lasts. A line that could not be written is refused, with everything that waits behind it; what
 * comes later is tried anew, when there may be room again.
 */
function lastingRecord(folder: string): RecordLog {
  let log = recordIn({ folder });
  return {
    ...log,
    async append(entry) {
      const used = log;
      try {
        return await used.append(entry);
      } catch (error) {
        if (log === used) log = recordIn({ folder });
        throw error;
      }
    },
  };
}
