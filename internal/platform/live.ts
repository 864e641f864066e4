/** What is there and what is not: the one meaning of "live" and of "missing" for every kind of thing. */
import { PlatformError } from './client.ts';

/** Whether a thing can still be used: it is not archived, and a session has not ended either. */
export function isLive({ archived_at, status }: { archived_at: string | null; status?: string }): boolean {
  return archived_at === null && status !== 'terminated';
}

/**
 * Whether an error says that there is no such thing. Of an id that a person or a file gave, a 400 says so too: the platform
 * calls an id malformed that it does not recognise. Of one that it listed itself, that would be something else.
 */
export function isMissing(error: unknown, id: 'listed' | 'given'): boolean {
  return error instanceof PlatformError && (error.status === 404 || (error.status === 400 && id === 'given'));
}

/** What was asked for, or undefined where it is missing ({@link isMissing}). */
export async function unlessMissing<Thing>(id: 'listed' | 'given', asking: Promise<Thing>): Promise<Thing | undefined> {
  return await asking.catch((error: unknown) => {
    if (isMissing(error, id)) return undefined;
    throw error;
  });
}
