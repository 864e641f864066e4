/** Addresses on the network and paths on the disk that lead away from the skill. */
import { visible } from '../../text/quote.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/** Names that lead nowhere outside: reserved for examples (RFC 2606, RFC 6761) and this machine. */
const leadsNowhere =
  /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\]|(?:[\w-]+\.)*example\.(?:com|net|org)|(?:[\w-]+\.)+(?:example|test|invalid|localhost))$/;

const address = /\bhttps?:\/\/[^\s<>"'`\\^{}|/?#)\]]{1,300}/gi;

/**
 * The hosts that a file names, each once at its first place; http without s is another finding than https. A host is
 * allowed with everything below it.
 */
export function externalUrls({ text }: SearchedFile, allowedDomains: readonly string[]): Hit[] {
  const hits = new Map<string, Hit>();
  for (const { 0: start, index } of text.matchAll(address)) {
    const url = URL.canParse(start) ? new URL(start) : undefined;
    if (url === undefined || leadsNowhere.test(url.hostname)) continue;
    const host = url.hostname.replace(/\.$/, '');
    if (allowedDomains.some((domain) => host === domain || host.endsWith(`.${domain}`))) continue;
    const key = `${url.protocol}//${host}`;
    if (hits.has(key)) continue;
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

/** A run of the characters that paths are written with. */
const pathLike = /[\w.@~+$%/\\-]+/g;
const homes =
  /(?<![\w/.~-])(?:~\/|~\w{1,32}\/(?=[\w.])|\$\{?HOME\}?[/\\]|\/home\/[\w.-]{1,64}\/|\/Users\/[\w.-]{1,64}\/|\/root\/|%USERPROFILE%|%APPDATA%|\$env:USERPROFILE|[A-Za-z]:\\Users\\)|\b(?:os\.path\.expanduser|Path\.home|os\.homedir|homedir)\s{0,4}\(/g;

/** Paths that leave the skill's folder, counted from the file that names them, and paths of a person's home. */
export function outsidePaths({ path, text }: SearchedFile): Hit[] {
  const hits: Hit[] = [];
  const depth = path.split('/').length - 1;
  for (const { 0: candidate, index } of text.matchAll(pathLike)) {
    // After `://` it is an address, where `..` cannot lead out of anything of ours.
    if (!candidate.includes('..') || candidate.startsWith('//')) continue;
    if (leaves(candidate, depth)) hits.push({ offset: index, what: 'names a path outside the skill' });
  }
  for (const { index } of text.matchAll(homes)) hits.push({ offset: index, what: 'names a home folder' });
  return hits;
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
