/** The JSON object of a 200 (or the given) answer, or undefined for anything else. The body is always consumed or cancelled. */
export async function readJson(response: Response, status = 200): Promise<Record<string, unknown> | undefined> {
  if (response.status !== status || !/^application\/([^;]*\+)?json/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel();
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(await response.text());
    return typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value)
      ? (value as Record<string, unknown>)
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
  if (response.status < 300 || response.status > 399 || location === null || !URL.canParse(location, asked))
    return undefined;
  return new URL(location, asked);
}

/** Where a redirect points if it stays on the origin that was asked, else undefined. */
export function sameOriginRedirect(response: Response, asked: string): string | undefined {
  const target = redirectTarget(response, asked);
  return target?.origin === new URL(asked).origin ? target.href : undefined;
}
