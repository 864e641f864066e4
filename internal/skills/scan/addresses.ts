/** Addresses on the network and paths on the disk that lead away from the skill. */

import { parse } from 'tldts';
import { visible } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import { isDenied } from './context.ts';
import { matchesIn, searchable } from './search.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/** Names that lead nowhere outside: reserved for examples (RFC 2606, RFC 6761) and this machine. */
const leadsNowhere =
  /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\]|(?:[\w-]+\.)*example\.(?:com|net|org)|(?:[\w-]+\.)+(?:example|test|invalid|localhost))$/;
/** Addresses of private networks (RFC 1918, RFC 3927): another machine there is none of the skill's author. */
const isPrivate = /^(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})$/;
/** What stands for a name that somebody is to put there. */
const standsForName =
  /^(?:[\w-]+\.)*(?:your|my|their|our|some|the)-?(?:[\w-]*-)?(?:domain|site|website|server|host|company|app|api|org|instance|url|blog|project|service|tenant|store|shop)[\w-]*\.\w+$|^(?:[\w-]+\.)*(?:domain|site|website|hostname|host|server|foo|bar|xxx+)\.(?:com|org|net|io|tld)$/;

/** Names of XML and JSON vocabularies: they are compared, and nobody goes there. */
const vocabulary =
  /^(?:www\.w3\.org\/(?:\d{4}\/|XML\/|ns\/|TR\/(?:html|xhtml|REC)|Graphics\/SVG)|schemas?\.[\w.-]+\/|purl\.org\/|xmlns\.[\w.-]+\/|json-schema\.org\/|ns\.adobe\.com\/|(?:java\.sun\.com|xmlns\.jcp\.org|jakarta\.ee)\/(?:xml|dtd|jsp)|maven\.apache\.org\/(?:POM|xsd|SETTINGS)|www\.sitemaps\.org\/schemas|docs\.oasis-open\.org\/|www\.opengis\.net\/|xml\.apache\.org\/|www\.springframework\.org\/(?:schema|dtd)|(?:www\.)?inkscape\.org\/namespaces|sodipodi\.|www\.xmlsoap\.org|relaxng\.org\/ns|www\.topografix\.com\/GPX|www\.google\.com\/kml|www\.apple\.com\/DTDs|hl7\.org\/fhir\/|ogp\.me\/ns|rdfs\.org\/|dublincore\.org\/|a9\.com\/-\/spec|search\.yahoo\.com\/mrss)/;
/** What makes of any address the name of a vocabulary. */
const namesVocabulary =
  /(?:\bxmlns(?::[\w.-]{1,40})?|schemaLocation|targetNamespace|namespace\w{0,10}|\$schema|"@(?:context|vocab|id|type)"|@prefix [\w-]{0,20}:|PREFIX [\w-]{0,20}:|\bxsi:\w{1,40})["']?\s{0,4}[=:]?\s{0,4}[{[]?\s{0,4}["'<]?\s{0,4}(?:\S{1,200}\s{1,20}){0,6}$/i;

const address = searchable(/\bhttps?:\/\/[^\s<>"'`\\^{}|/?#)\]]{1,300}/gi);

/**
 * The hosts that a file names, each once at its first place; http without s is another finding than https. A host is
 * allowed with everything below it.
 */
export function externalUrls(file: SearchedFile, allowedDomains: readonly string[]): Hit[] {
  const hits = new Map<string, Hit>();
  for (const { 0: start, index } of matchesIn(file, address)) {
    const url = isUrl(start) ? new URL(start) : undefined;
    if (url === undefined || leadsNowhere.test(url.hostname)) continue;
    const host = url.hostname.replace(/\.$/, '');
    if (hits.has(`${url.protocol}//${host}`)) continue;
    if (isImpossible(host) || isVocabulary(file.text, index)) continue;
    if (allowedDomains.some((domain) => host === domain || host.endsWith(`.${domain}`))) continue;
    const key = `${url.protocol}//${host}`;
    hits.set(
      key,
      url.protocol === 'http:'
        ? {
            offset: index,
            level: 'warning',
            what: `names ${visible(host)} over http, which anybody on the way can change`,
          }
        : { offset: index, what: `names the outside host ${visible(host)}` },
    );
  }
  return [...hits.values()];
}

/** Whether no public host has such a name: no known suffix, a private network, or a word in the place of a name. */
function isImpossible(host: string): boolean {
  if (isPrivate.test(host) || standsForName.test(host)) return true;
  const { isIp, isIcann, isPrivate: isSuffixOfSomebody, domain } = parse(host, { allowPrivateDomains: true });
  return isIp !== true && ((isIcann !== true && isSuffixOfSomebody !== true) || domain === null);
}

function isVocabulary(text: string, index: number): boolean {
  const [, rest = ''] = /^https?:\/\/([^\s"'<>]{0,200})/i.exec(text.slice(index, index + 220)) ?? [];
  if (vocabulary.test(rest)) return true;
  const line = text.slice(Math.max(text.lastIndexOf('\n', index - 1) + 1, index - 300), index);
  return namesVocabulary.test(line);
}

/** A character that paths are written with. */
const ofPath = /[\w.@~+$%/\\-]/;
const homes = searchable(
  /(?<![\w/.~-])(?:~\/|~\w{1,32}\/(?=[\w.])|\$\{?HOME\}?[/\\]|\/home\/[\w.-]{1,64}\/|\/Users\/[\w.-]{1,64}\/|\/root\/|%USERPROFILE%|%APPDATA%|\$env:USERPROFILE|[A-Za-z]:\\Users\\)|\b(?:os\.path\.expanduser|Path\.home|os\.homedir|homedir)\s{0,4}\(/g,
);

/** Paths that leave the skill's folder, counted from the file that names them, and paths of a person's home. */
export function outsidePaths(file: SearchedFile): Hit[] {
  const { path, text } = file;
  const hits: Hit[] = [];
  const depth = path.split('/').length - 1;
  for (const { candidate, index } of climbingPaths(text)) {
    // After `://` it is an address, where `..` cannot lead out of anything of ours.
    if (candidate.startsWith('//') || !leaves(candidate, depth) || isDenied(file, index)) continue;
    if (!isOfExample(file, index)) {
      hits.push({ offset: index, what: 'names a path outside the skill' });
    }
  }
  for (const { index } of matchesIn(file, homes)) {
    if (!isDenied(file, index)) hits.push({ offset: index, what: 'names a home folder' });
  }
  return hits;
}

/** What programs and pages say about files beside their own, where the text only shows such a program. */
const refersBesideItself =
  /(?:\bfrom|\bimport|\brequire\s{0,4}\(|\bimport\s{0,4}\(|#include|@import|@use|@forward|\burl\(|\b(?:src|href|action|extends|import|export|path|schema|typeRoots|references|baseUrl)["']?\s{0,4}[=:]\s{0,4}\[?|\$ref["']?\s{0,4}:|\bmock\s{0,4}\()\s{0,4}\{?\s{0,4}["'`]?$/;

/** Whether a path is one of a program that instructions show as an example: nobody opens it from there. */
function isOfExample({ path, text }: SearchedFile, index: number): boolean {
  if (!/\.(?:md|mdx|markdown|txt|rst|adoc)$/i.test(path)) return false;
  const line = text.slice(Math.max(text.lastIndexOf('\n', index - 1) + 1, index - 200), index);
  return refersBesideItself.test(line);
}

/** Runs of the characters of paths that hold two dots. Dots are rare, so they are looked for, and not the runs. */
function* climbingPaths(text: string): Generator<{ candidate: string; index: number }> {
  let end = 0;
  for (let dots = text.indexOf('..'); dots !== -1; dots = text.indexOf('..', end)) {
    let index = dots;
    while (index > end && ofPath.test(text[index - 1] ?? '')) index -= 1;
    end = dots + 2;
    while (end < text.length && ofPath.test(text[end] ?? '')) end += 1;
    yield { candidate: text.slice(index, end), index };
  }
}

/** Whether a path climbs above the folder of the skill on its way, from a file that lies so many folders below it. */
function leaves(candidate: string, depth: number): boolean {
  let below = depth;
  for (const part of candidate.split(/[/\\]/)) {
    if (part === '..') below -= 1;
    else if (part !== '' && part !== '.') below += 1;
    if (below < 0) return true;
  }
  return false;
}
