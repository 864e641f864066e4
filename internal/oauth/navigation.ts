/** What the listener sees of a request, and whether it is a person who goes somewhere. Pure. */
import type { Peer } from '../outside/peer.ts';

/** What the listener saw of a request. */
export interface ReceivedRequest {
  method: string | undefined;
  /** The request target: path and query, as received. */
  target: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Who is at the other end of the connection. */
  peer: Peer;
}

/** Where a request goes, and the status that turns it away where no person would go there so. */
export function navigationTo({ method, target, headers }: ReceivedRequest, authority: string) {
  return { ...splitTarget(target), status: refusalOf(method, headers, authority) };
}

/** The path and the query of a request target, as they were received. */
export function splitTarget(target: string): { path: string; query: string } {
  const [path = '', ...queries] = target.split('?');
  return { path, query: queries.join('?') };
}

function refusalOf(method: string | undefined, headers: ReceivedRequest['headers'], authority: string) {
  if (headers['host'] !== authority) return 421;
  if (method !== 'GET') return 405;
  return isNavigation(headers, `http://${authority}`) ? undefined : 403;
}

/** A person following a redirect, as far as the browser says: no sub-resource, no script, no form of another page. */
function isNavigation(headers: ReceivedRequest['headers'], origin: string): boolean {
  const [destination, mode] = [headers['sec-fetch-dest'], headers['sec-fetch-mode']];
  if (destination !== undefined && destination !== 'document') return false;
  if (mode !== undefined && mode !== 'navigate') return false;
  // What a browser fetches before anybody asked for it would use up what can be used once.
  if (headers['sec-purpose'] !== undefined || headers['purpose'] !== undefined) return false;
  // Some engines keep the origin of a form through the redirects behind it: our own is no other page's.
  return headers['origin'] === undefined || headers['origin'] === origin;
}
