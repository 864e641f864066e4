/** The frames of a stream of events (SSE), as they arrive and before anybody knows what is in them. */
import { AppError } from '../errors/app-error.ts';

/** What arrived: a value, the platform's word that something is wrong, or something that cannot be read. */
export type Frame = { kind: 'event'; value: unknown } | { kind: 'error' } | { kind: 'unreadable' };

/** A stream that is open. */
export interface EventStream {
  /** Ends where the platform ends it; throws `platform_unreachable` where it breaks off. */
  frames: AsyncIterator<Frame, void, undefined>;
  /** Counts what has arrived, frames or not: a platform may keep a quiet stream alive with comments. */
  bytes(): number;
  close(): void;
}

/** A frame as the SDK reads it from the lines of a stream. */
export interface RawFrame {
  event: string | null;
  data: string;
}

/**
 * Reads frames that the SDK's own stream would drop (no `event:` line) or fail on (`event: error`, data that is no JSON).
 * `ping` is left out. Throws `platform_refused` for a frame that is larger than any that is sent.
 */
export async function* readFrames(
  raw: AsyncIterable<RawFrame>,
  pending: { bytes: number },
): AsyncGenerator<Frame, void, undefined> {
  for await (const { event, data } of raw) {
    pending.bytes = 0;
    if (event === 'ping') continue;
    if (event === 'error') yield { kind: 'error' };
    else if (data !== '') yield parsed(data);
  }
}

function parsed(data: string): Frame {
  try {
    return { kind: 'event', value: JSON.parse(data) as unknown };
  } catch {
    return { kind: 'unreadable' };
  }
}

/** Passes the pieces of a body on, counts them, and ends where a frame does not. */
export async function* watched(
  body: AsyncIterable<Uint8Array>,
  counts: { bytes: number; pending: { bytes: number } },
  largestFrameBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of body) {
    counts.bytes += piece.byteLength;
    counts.pending.bytes += piece.byteLength;
    if (counts.pending.bytes > largestFrameBytes) {
      throw new AppError('platform_refused', 'the platform sends an event that is larger than any it should send');
    }
    yield piece;
  }
}
