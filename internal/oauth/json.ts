import { AppError } from '../errors/app-error.ts';
import type { Fetch, FetchInit } from '../outside/http.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { isUrl } from '../text/url.ts';

/**
 * The JSON object of a 200 (or the given) answer, or undefined for anything else. The body is always consumed or cancelled.
 * A page is not looked into; what says nothing of its type, or that it is some bytes or text, may be JSON all the same: that
 * is how web servers deliver a file of theirs.
 */
export async function readJson(response: Response, status = 200): Promise<Record<string, unknown> | undefined> {
  const type = response.headers.get('content-type') ?? '';
  if (
    response.status !== status ||
    !/^(?:application\/(?:[^;]*\+)?json|(?:application|binary)\/octet-stream|text\/plain|$)/i.test(type)
  ) {
    await response.body?.cancel();
    return undefined;
  }
  return parseObject(await response.text());
}

/**
 * The JSON object that a text is, or undefined. Members that are null are left out: in everything that OAuth servers
 * answer, null says what leaving out says.
 */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && isShallow(value)
      ? Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Deeper than any document that is meant to be read. What walks a deeper one, libraries included, runs out of stack. */
const deepest = 32;

function isShallow(value: object): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth < deepest && level.length > 0; depth += 1) {
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return level.length === 0;
}

/** Where a redirect points, undefined for any other answer. */
export function redirectTarget(response: Response, asked: string): URL | undefined {
  const location = response.headers.get('location');
  if (response.status < 300 || response.status > 399 || location === null || !isUrl(location, asked)) return undefined;
  return new URL(location, asked);
}

/** As many as a document may be away from where it was looked for. */
const mostHops = 3;

/** What came of following. */
export interface Followed {
  response: Response;
  /** Where the answer is from. */
  address: string;
  /** The other origin that it would have gone on at, where it was not followed any further for that. */
  elsewhere: string | undefined;
}

/** Asks, and follows redirects that stay on the origin that was asked: a document may have moved, not to somebody else. */
export async function askFollowing(
  fetch: Fetch,
  address: string,
  init: FetchInit,
  hopsAtMost: number = mostHops,
): Promise<Followed> {
  for (let hops = 0, at = address; ; hops += 1) {
    const response = await fetch(at, init);
    const target = redirectTarget(response, at);
    const isSame = target?.origin === new URL(at).origin;
    if (target === undefined || !isSame || hops === hopsAtMost) {
      return { response, address: at, elsewhere: isSame ? undefined : target?.origin };
    }
    await response.body?.cancel();
    at = target.href;
  }
}

/** `service_metadata` for a document that would be of somebody else: nobody was asked there. `whose`: the document, in words. */
export function movedElsewhere(whose: string, { address, elsewhere }: Followed, hint: string): AppError {
  return new AppError(
    'service_metadata',
    `${whose} is not taken from another origin: ${quote(address)} leads to ${quote(elsewhere)}`,
    { hint: `nothing was asked there; ${hint}` },
  );
}
