/**
 * Which tokens were taken back, as a Token Status List: one bit for each session that can have a token. A place is given to
 * another session when nothing of the one before can count any more, so that the list stays as long as it is.
 */
import { randomInt } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { AppError } from '../errors/app-error.ts';
import type { KeptText } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { isRecord, recordIn } from '../text/record.ts';
import { statusListSeconds } from './keys.ts';

/** One place that is taken. Times are seconds since 1970. */
interface Place {
  /** When nothing that names it can count any more. */
  until: number;
  takenBack: boolean;
}

/** The places of one workspace. */
export interface StatusPlaces {
  /** Where the search for the next free place begins. */
  next: number;
  taken: Map<number, Place>;
  /** When the list was published last; undefined where something changed since. */
  published?: number | undefined;
}

/** 16 KiB before it is packed, which is some hundred bytes after. */
const placeCount = 131_072;
/** After the last token that names a place has ended, so long it is given to nobody: clocks differ, and lists are kept. */
const restSeconds = 3600;

const version = 1;

/** Nothing is taken yet. It begins anywhere: what a state that was lost had given out is not given out again soon. */
function nothingTaken(): StatusPlaces {
  return { next: randomInt(placeCount), taken: new Map() };
}

/** Reads what is kept. Throws `file_system` for what cannot be read: taken for nothing, it would take back a taking back. */
export async function readPlaces(text: Pick<KeptText, 'read' | 'where'>): Promise<StatusPlaces> {
  const found = await text.read();
  if (found === undefined) return nothingTaken();
  const { version: of, next, taken, published } = recordIn(found) ?? {};
  const places = isRecord(taken)
    ? Object.entries(taken).map(([index, place]) => [Number(index), placeOf(place)] as const)
    : [];
  const whole =
    of === version &&
    isPlaceNumber(next) &&
    isRecord(taken) &&
    (published === undefined || typeof published === 'number') &&
    places.every(([index, place]) => isPlaceNumber(index) && place !== undefined);
  if (!whole) {
    throw new AppError('file_system', `what was taken back cannot be read: ${quote(text.where)}`, {
      hint: 'no token is issued and no list is published until that is repaired; where it is lost, end every session that has tokens, then remove it',
    });
  }
  return { next, published, taken: new Map(places as [number, Place][]) };
}

function placeOf(value: unknown): Place | undefined {
  if (!Array.isArray(value)) return undefined;
  const [until, takenBack] = value as unknown[];
  return typeof until === 'number' && (takenBack === 0 || takenBack === 1)
    ? { until, takenBack: takenBack === 1 }
    : undefined;
}

function isPlaceNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < placeCount;
}

/** The text that keeps them. */
export function formatPlaces({ next, taken, published }: StatusPlaces): string {
  const places = [...taken].map(([index, { until, takenBack }]) => [index, [until, takenBack ? 1 : 0]]);
  return `${JSON.stringify({ version, next, published, taken: Object.fromEntries(places) })}\n`;
}

/**
 * Takes a free place; those in use stay whose they are, however long their sessions were idle. Throws `token_key` where there is
 * none.
 */
export function takePlace(places: StatusPlaces, now: number, until: number, inUse: ReadonlySet<number>): number {
  for (const [index, place] of places.taken) {
    if (place.until + restSeconds < now && !inUse.has(index)) places.taken.delete(index);
  }
  for (let step = 0; step < placeCount; step += 1) {
    const index = (places.next + step) % placeCount;
    if (places.taken.has(index) || inUse.has(index)) continue;
    places.taken.set(index, { until, takenBack: false });
    places.next = (index + 1) % placeCount;
    return index;
  }
  throw new AppError('token_key', 'every place of the status list is taken', { hint: 'end sessions that nobody uses' });
}

/** A further token names a place. */
export function keepPlace(places: StatusPlaces, index: number, until: number): void {
  const place = places.taken.get(index);
  // One that is not there any more would be given to somebody else: nothing may name it.
  if (place === undefined || place.takenBack) throw new TakenBack(index);
  place.until = Math.max(place.until, until);
}

/** Takes back whatever names a place; false where that was done. */
export function takeBack(places: StatusPlaces, index: number, now: number): boolean {
  const place = places.taken.get(index);
  if (place?.takenBack === true) return false;
  places.taken.set(index, { until: Math.max(place?.until ?? 0, now + statusListSeconds), takenBack: true });
  return true;
}

/** Whether something was taken back that no list says which is published. */
export function isUnpublished({ published, taken }: StatusPlaces): boolean {
  return published === undefined && [...taken.values()].some(({ takenBack }) => takenBack);
}

/** Whether what names a place was taken back, or the place is nobody's. */
export function isTakenBack({ taken }: StatusPlaces, index: number): boolean {
  return taken.get(index)?.takenBack ?? true;
}

/** A token was to be issued that names a place whose tokens were taken back. */
export class TakenBack extends Error {
  constructor(index: number) {
    super(`the place ${index} was taken back`);
  }
}

/** The claims of the list (draft-ietf-oauth-status-list): one bit for each place, the first one lowest. */
export function statusListClaims(
  { taken }: StatusPlaces,
  { issuer, uri, now }: { issuer: string; uri: string; now: number },
) {
  const bytes = new Uint8Array(placeCount / 8);
  for (const [index, { takenBack }] of taken) {
    if (takenBack) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return {
    iss: issuer,
    sub: uri,
    iat: now,
    exp: now + statusListSeconds,
    ttl: 30,
    status_list: { bits: 1, lst: deflateSync(bytes, { level: 9 }).toString('base64url') },
  };
}
