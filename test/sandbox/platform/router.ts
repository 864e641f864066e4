import { ApiError } from './api-error.ts';
import type { Route } from './route.ts';

/** A route together with what its named segments stand for. */
export interface Match {
  route: Route;
  params: Record<string, string>;
}

interface Candidate {
  route: Route;
  segments: string[];
}

/** Creates the function that finds the route of a request, or throws the error that answers it. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Match {
  // Grouped by the number of segments, so that a request is compared with a handful of routes only.
  const bySize = new Map<number, Candidate[]>();
  for (const route of routes) {
    const segments = route.path.split('/');
    bySize.set(segments.length, [...(bySize.get(segments.length) ?? []), { route, segments }]);
  }
  return (method, path) => {
    const given = path.split('/');
    let pathExists = false;
    for (const { route, segments } of bySize.get(given.length) ?? []) {
      const params = matchSegments(segments, given);
      if (params === undefined) continue;
      if (route.method === method) return { route, params };
      pathExists = true;
    }
    // Seen: PATCH on an item is 405, while DELETE on an agent, which has no delete, is 404.
    if (pathExists && method !== 'DELETE') throw new ApiError(405, `${method} is not allowed here`);
    throw new ApiError(404, `no such endpoint: ${method} ${path}`);
  };
}

function matchSegments(segments: string[], given: string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const value = given[index] ?? '';
    if (segment.startsWith(':')) {
      const decoded = decodedSegment(value);
      if (decoded === undefined || decoded === '') return undefined;
      params[segment.slice(1)] = decoded;
    } else if (segment !== value) {
      return undefined;
    }
  }
  return params;
}

function decodedSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
