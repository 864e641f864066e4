/** A copy of the whole record for whoever asks for it, piece by piece: to nowhere else. */
import type { Ports } from '../ports.ts';
import type { CopiedRecord, CopyRecordRequest } from '../values/record.ts';
import { exportRecord } from './export-record.ts';

/** Streams the copy. Throws `file_system` and `interrupted`. */
export async function copyRecord({ format }: CopyRecordRequest, ports: Ports): Promise<CopiedRecord> {
  const { exported, through } = await exportRecord({ format, follow: false, syslog: false, withToken: false }, ports);
  return { exported, through };
}
