/** One challenge of a `WWW-Authenticate` header. Scheme and parameter names are lower case; a repeated one keeps every value. */
export interface AuthenticationChallenge {
  scheme: string;
  parameters: ReadonlyMap<string, readonly string[]>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** `name="value"`, or `name=value` with whatever a URL has in it: one real service leaves its URL unquoted. */
const parameterHere = new RegExp(`(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`, 'y');
/** A scheme, and the opaque token that some schemes have instead of parameters. */
const schemeHere = new RegExp(`(${token})(?:[ \\t]+[A-Za-z0-9._~+/-]+=*(?=[ \\t]*(?:,|$)))?`, 'y');
const separatorsHere = /[ \t,]*/y;

/**
 * The challenges of a `WWW-Authenticate` header (RFC 9110 section 11.6.1), none when it cannot be parsed. The parser of
 * oauth4webapi refuses unquoted URLs and keeps the last of repeated parameters; real services send both.
 */
export function challengesOf(header: string | null): AuthenticationChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string[]> }[] = [];
  const text = header ?? '';
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (take(separatorsHere); position < text.length; take(separatorsHere)) {
    const parameter = take(parameterHere);
    const challenge = challenges.at(-1);
    if (parameter !== null && challenge !== undefined) {
      const [, name = '', quoted, plain = ''] = parameter;
      const values = challenge.parameters.get(name.toLowerCase()) ?? [];
      challenge.parameters.set(name.toLowerCase(), [...values, quoted?.replace(/\\(.)/g, '$1') ?? plain]);
      continue;
    }
    const scheme = parameter === null ? take(schemeHere)?.[1] : undefined;
    if (scheme === undefined) return [];
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
  }
  return challenges;
}
