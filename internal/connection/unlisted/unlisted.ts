/**
 * Judges an address that somebody typed and nobody catalogued; nothing is asked here. A host that passes for one of the
 * catalogue is refused, one that merely comes near is named in a warning, and every one has its domain typed.
 *
 * No table of characters that look alike is kept here: the Unicode consortium's is large, moves every year, and no
 * maintained package carries it. What stands in for it needs no table: scripts that are mixed in one label, letters
 * that are ASCII ones once their marks are taken off, and any letter beyond ASCII standing where a catalogued name has
 * one. That refuses some honest names of the same length; they can still be catalogued by hand. Any other name beyond
 * ASCII is shown as it is resolved (punycode), and typed like that.
 */

import { domainToUnicode } from 'node:url';
import { distance } from 'fastest-levenshtein';
import { getDomain, getDomainWithoutSuffix, parse } from 'tldts';
import { normalisedServerUrl } from '../../config/addresses.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';

/** What an address may be compared with. */
export type Catalogued = Pick<Service, 'name' | 'mcp_server_url' | 'authorization'>;

/** What is to be done with an address. All texts are harmless in a terminal. */
export type UnlistedJudgement =
  | { kind: 'refused'; why: string }
  /** It is in the catalogue under this name. */
  | { kind: 'listed'; service: string }
  | {
      kind: 'unlisted';
      url: URL;
      /** The host as it is resolved: letters beyond ASCII as punycode. */
      host: string;
      /** The same for reading, where it differs. */
      unicode: string | undefined;
      /** What has to be typed: the domain that somebody registered, as punycode. */
      domain: string;
      warnings: string[];
    };

/** Judges an address against the catalogue. `allowLoopbackHttp` is for the sandbox only. */
export function judgeUnlisted(
  text: string,
  catalogue: readonly Catalogued[],
  allowLoopbackHttp: boolean,
): UnlistedJudgement {
  const refused = (why: string): UnlistedJudgement => ({ kind: 'refused', why });
  if (!isUrl(text)) return refused(`${quote(text)} is not a whole address such as https://mcp.example.com/mcp`);
  const url = new URL(text);
  const loopback = allowLoopbackHttp && ['127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(loopback && url.protocol === 'http:'))
    return refused(`${quote(text)} is not https`);
  if (/[^\S ]|[\p{C}\\]| /u.test(text)) return refused(`${quote(text)} has characters that no address has`);
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text)) {
    return refused(`${quote(text)} has something before an @, which looks like a host and is none`);
  }
  if (text.includes('#')) return refused(`${quote(text)} has a fragment, which is never sent`);
  const listed = catalogue.find(
    ({ mcp_server_url }) => normalisedServerUrl(mcp_server_url) === normalisedServerUrl(url.href),
  );
  if (listed !== undefined) return { kind: 'listed', service: listed.name };
  const host = url.hostname;
  if (loopback) return { kind: 'unlisted', url, host, unicode: undefined, domain: host, warnings: [] };
  if (parse(host).isIp === true) return refused(`${quote(host)} is a number: nobody can tell whose it is`);
  if (host.endsWith('.'))
    return refused(`${quote(host)} ends with a dot, which looks like another host and is the same`);
  const domain = getDomain(host, rules);
  if (domain === null) return refused(`${quote(host)} belongs to no domain that somebody registered`);
  const unicode = domainToUnicode(host);
  const imitated = imitation(host, unicode, domain, catalogue);
  if (imitated !== undefined) return refused(imitated);
  return {
    kind: 'unlisted',
    url,
    host,
    unicode: unicode === host ? undefined : unicode,
    domain,
    warnings: warningsOf(url, unicode, domain, catalogue),
  };
}

/** Domains under which strangers may register, such as `github.io`, count as suffixes. */
const rules = { allowPrivateDomains: true };

/** A catalogued host and the service that it is of: its MCP server's and its authorization servers'. */
interface KnownHost {
  service: string;
  host: string;
  domain: string;
}

function hostsOf(catalogue: readonly Catalogued[]): KnownHost[] {
  return catalogue.flatMap(({ name, mcp_server_url, authorization }) =>
    [mcp_server_url, ...authorization.issuers].flatMap((address) => {
      const host = new URL(address).hostname;
      const domain = getDomain(host, rules);
      return domain === null ? [] : [{ service: name, host, domain }];
    }),
  );
}

/** Why a host passes for another one than it is, undefined where it does not. */
function imitation(
  host: string,
  unicode: string,
  domain: string,
  catalogue: readonly Catalogued[],
): string | undefined {
  const mixed = unicode.split('.').find(mixesScripts);
  if (mixed !== undefined) return `${quote(host)} mixes scripts in one word, as only imitations do`;
  for (const known of hostsOf(catalogue)) {
    // Who owns the domain may name hosts in it as they like.
    if (known.domain === domain) continue;
    const of = `${quote(known.host)} of ${quote(known.service)}`;
    if (isSpeltLike(unicode, known.host) || isSpeltLike(domainToUnicode(domain), known.domain)) {
      return `${quote(host)} passes for ${of}, in other letters`;
    }
    if (holds(host, known.host) || holds(host, known.domain)) {
      return `${quote(host)} holds the name of ${of}, and belongs to ${quote(domain)}`;
    }
  }
  return undefined;
}

/** Scripts that are written together in one word (UTS 39, highly restrictive). */
const writtenTogether = [
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]*$/u,
  /^[\p{sc=Han}\p{sc=Bopomofo}\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]*$/u,
  /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]*$/u,
];
const letter = /\p{L}/u;

function mixesScripts(label: string): boolean {
  const letters = [...label].filter((char) => letter.test(char));
  const latin = letters.filter((char) => /\p{sc=Latin}/u.test(char)).length;
  if (latin > 0 && latin < letters.length) return !writtenTogether.some((together) => together.test(label));
  return /\p{sc=Cyrillic}/u.test(label) && /\p{sc=Greek}/u.test(label);
}

/** Whether two hosts differ at most in the marks on letters, or in letters beyond ASCII that stand in for others. */
function isSpeltLike(unicode: string, known: string): boolean {
  const plain = unicode.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  if (plain === known) return true;
  const [chars, wanted] = [[...plain], [...known]];
  return chars.length === wanted.length && chars.every((char, at) => char > '\x7f' || char === wanted[at]);
}

/** Whether a host holds a catalogued one that it does not belong to: in front of it, or with hyphens for dots. */
function holds(host: string, known: string): boolean {
  const hyphenated = known.replaceAll('.', '-');
  return (
    `.${host}.`.includes(`.${known}.`) ||
    `.${host}.`.replaceAll('-', '.').includes(`.${hyphenated.replaceAll('-', '.')}.`)
  );
}

/** What a person should look at twice. */
function warningsOf(url: URL, unicode: string, domain: string, catalogue: readonly Catalogued[]): string[] {
  const host = url.hostname;
  const warnings: string[] = [];
  if (unicode !== host) warnings.push(`${quote(host)} has letters beyond ASCII: ${quote(unicode)}`);
  if (url.port !== '') warnings.push(`it is at port ${url.port}, where anybody on that host may listen`);
  const names = new Set<string>();
  for (const known of hostsOf(catalogue)) {
    const near = nearness(host, domain, known);
    if (near !== undefined && !names.has(near)) warnings.push(near);
    if (near !== undefined) names.add(near);
  }
  return warnings;
}

/** Changes of letters up to which two names are taken for each other. */
const nearEdits = 2;
/** Shorter words occur in many names. */
const shortestName = 4;

function nearness(host: string, domain: string, known: KnownHost): string | undefined {
  const of = `${quote(known.host)} of ${quote(known.service)}`;
  if (domain === known.domain) {
    return host === known.host ? `the catalogue has another address of the host ${of}` : undefined;
  }
  const edits = Math.min(distance(host, known.host), distance(domain, known.domain));
  if (edits <= nearEdits) return `${quote(host)} differs from ${of} by ${edits} letter${edits === 1 ? '' : 's'}`;
  const name = getDomainWithoutSuffix(known.host, rules) ?? '';
  const words = host.split(/[.-]/);
  const alike = words.find((word) => word.length >= shortestName && distance(word, name) <= (name.length > 5 ? 1 : 0));
  return name.length >= shortestName && alike !== undefined
    ? `${quote(host)} has the name of ${of} in it, and belongs to ${quote(domain)}`
    : undefined;
}

/**
 * Judges the authorization server that an uncatalogued server names, with everything that is said of it; returns what to
 * warn of. Throws `not_allowed` where it is one of the catalogue's: the token that came of it could be good for a
 * catalogued service, and would go to whoever runs this server.
 */
export function judgeNamedServer(
  mcpServerUrl: string,
  named: { issuers: readonly string[]; server?: Readonly<Record<string, unknown>> },
  catalogue: readonly Catalogued[],
): string[] {
  const own = new URL(mcpServerUrl).origin;
  const endpoints = Object.entries(named.server ?? {}).flatMap(([key, value]) =>
    (key === 'issuer' || key.endsWith('_endpoint')) && typeof value === 'string' && isUrl(value) ? [value] : [],
  );
  for (const { name, mcp_server_url, authorization } of catalogue) {
    if (new URL(mcp_server_url).origin === own) continue;
    const hosts = [mcp_server_url, ...authorization.issuers].map((address) => new URL(address).host);
    const taken =
      named.issuers.find((issuer) => isUrl(issuer) && hosts.includes(new URL(issuer).host)) ??
      endpoints.find((endpoint) => hosts.includes(new URL(endpoint).host));
    if (taken === undefined) continue;
    throw new AppError(
      'not_allowed',
      `${quote(new URL(mcpServerUrl).host)} is not in the catalogue and sends people to sign in at ${quote(taken)}, which is for ${quote(name)}`,
      { hint: `a token from there could open ${name} to a stranger: do not sign in; connect ${name} by its name` },
    );
  }
  const { issuer, token_endpoint: tokenEndpoint } = named.server ?? {};
  if (typeof issuer !== 'string' || typeof tokenEndpoint !== 'string') return [];
  const [from, to] = [ownerOf(issuer), ownerOf(tokenEndpoint)];
  return from === to
    ? []
    : [
        `tokens are not issued by ${quote(from)}, who signs people in, but by ${quote(to)}: ask whether they belong together`,
      ];
}

/** The domain of an address, or its host where there is none. */
function ownerOf(address: string): string {
  return getDomain(address, rules) ?? new URL(address).host;
}
