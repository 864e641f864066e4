/** What a pattern is compared with. `path` has no query string. */
export interface RequestLine {
  method: string;
  path: string;
}

/**
 * Names requests. A string is `METHOD /path`: `*` as the method means any, `*` or `:name` stands for one
 * path segment, and a final `**` for everything below. `'POST /v1/vaults/:vault/credentials'`, `'* /v1/**'`.
 */
export type RequestPattern = string | RegExp | ((request: RequestLine) => boolean);

/** What goes wrong with a request. */
export type Fault =
  /** Answers without doing anything. `body` replaces the error body of the server. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
  /** Closes the connection; nothing has happened on the server. */
  | { kind: 'drop-before-commit' }
  /** Does what was asked, then closes the connection without an answer. */
  | { kind: 'drop-after-commit' }
  /** Does what was asked and sends the answer's body in `pieces`, waiting before each. */
  | { kind: 'slow-body'; waitMs: number; pieces?: number }
  /** Leaves the connection open and never answers; `commits` tells whether it does what was asked. */
  | { kind: 'stall'; commits: boolean }
  /** Does what was asked twice, as behind something that repeats requests; the second answer is sent. */
  | { kind: 'repeat' }
  /** Answers with a page of two items at most, and the pages of the list go wrong. Befalls every page, so with `times`. */
  | { kind: 'pages'; how: PageFault }
  /** Sends `after` events of a stream as they are; what then becomes of the next one, or of the stream, is `how`. */
  | { kind: 'stream'; after: number; how: StreamFault };

/** What goes wrong with the pages of a list. */
export const pageFaults = [
  /** Each page begins with the last item of the one before. */
  'overlapping',
  /** Each page comes twice. */
  'repeated',
  /** The last item comes first. */
  'reversed',
  /** Before each page comes one without an item. */
  'hollow',
  /** The last page names the first one as the next. */
  'circling',
  /** After the last page comes the first one again, under a new name each time. */
  'endless',
] as const;

/** One of them. */
export type PageFault = (typeof pageFaults)[number];

/** What goes wrong with a stream of events. */
export type StreamFault =
  /** The connection is closed: before the event, or in its middle. */
  | 'reset'
  | 'half'
  /** It ends as if nothing were to come. */
  | 'end'
  /** The platform says `event: error` and ends it. */
  | 'error'
  /** It stays open and says nothing any more. */
  | 'stall'
  /** The event is no JSON. */
  | 'garbage'
  /** It, and all after it, have no `event:` line. */
  | 'untyped'
  /** Every event before it comes once more. */
  | 'replay';

/** A fault together with the requests it befalls. */
interface FaultRule {
  on: RequestPattern;
  fault: Fault;
  /** How many requests it befalls, 1 unless told; `Infinity` for all. */
  times?: number;
  /** How many matching requests pass unharmed first, 0 unless told. */
  after?: number;
}

/** A rule in force. */
interface ActiveFault {
  /** How many requests it has befallen so far. */
  readonly hits: number;
  remove(): void;
}

/** The faults of one server. */
export interface Faults {
  add(rule: FaultRule): ActiveFault;
  /** Finds the fault for a request and counts it; the server calls this once per request. */
  take(request: RequestLine): Fault | undefined;
  clear(): void;
}

/** Creates an empty set of faults. Of several matching rules the one added first counts. */
export function createFaults(): Faults {
  const rules = new Set<{ rule: FaultRule; skipped: number; hits: number }>();
  return {
    add(rule) {
      const active = { rule, skipped: 0, hits: 0 };
      rules.add(active);
      return {
        get hits() {
          return active.hits;
        },
        remove: () => rules.delete(active),
      };
    },
    take(request) {
      for (const active of rules) {
        const { on, times = 1, after = 0, fault } = active.rule;
        if (active.hits >= times || !matchesRequest(on, request)) continue;
        if (active.skipped < after) {
          active.skipped += 1;
          continue;
        }
        active.hits += 1;
        return fault;
      }
      return undefined;
    },
    clear: () => rules.clear(),
  };
}

/** Tells whether a request is one that the pattern names. */
export function matchesRequest(pattern: RequestPattern, request: RequestLine): boolean {
  if (typeof pattern === 'function') return pattern(request);
  const expression = typeof pattern === 'string' ? compiled(pattern) : pattern;
  return expression.test(`${request.method} ${request.path}`);
}

const expressions = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known !== undefined) return known;
  const [method = '*', path = '/**'] = pattern.split(' ');
  const segments = path.split('/').map((segment) => {
    if (segment === '**') return '.*';
    if (segment === '*' || segment.startsWith(':')) return '[^/]+';
    return segment.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  const expression = new RegExp(`^${method === '*' ? '[A-Z]+' : method} ${segments.join('/')}$`);
  expressions.set(pattern, expression);
  return expression;
}
