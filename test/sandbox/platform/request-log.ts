import { matchesRequest, type RequestPattern } from '../faults.ts';

/** One request that reached the platform. Bodies and headers are not kept, since they hold secrets. */
export interface LoggedRequest {
  method: string;
  path: string;
  /** The query string with its question mark, or empty. */
  search: string;
  /** The status of the answer, or 0 when the connection was dropped. */
  status: number;
  requestId: string;
  /** How often the SDK had sent the same request before. */
  retry: number;
  /** The id of the trace that it belongs to, where its traceparent says one. */
  trace: string | undefined;
  /** When it arrived, in RFC 3339 by the sandbox's clock, and how long it took by the real one. */
  at: string;
  milliseconds: number;
}

/** What has been asked of the platform. */
export interface RequestLog {
  readonly entries: readonly LoggedRequest[];
  /** Counts the requests that a pattern names, all of them without one. */
  count(pattern?: RequestPattern): number;
  /** Forgets everything so far. */
  reset(): void;
}

/** Creates the log and the function that the server adds to it with. */
export function createRequestLog(): { log: RequestLog; add: (entry: LoggedRequest) => void } {
  const entries: LoggedRequest[] = [];
  const log: RequestLog = {
    entries,
    count: (pattern = () => true) => entries.filter((entry) => matchesRequest(pattern, entry)).length,
    reset: () => {
      entries.length = 0;
    },
  };
  return { log, add: (entry) => entries.push(entry) };
}
