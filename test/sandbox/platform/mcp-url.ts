import { chosenError } from './api-error.ts';
import { choices } from './choices.ts';

/**
 * Documented: a credential belongs to a server when both URLs are equal after scheme and host are in lower case,
 * a default port is gone and trailing slashes are gone. Path, subdomain and other ports must be equal.
 * The rest is choices.urlMatching.
 */
export function normalizeServerUrl(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}${search}`;
}

/** Refuses what the sandbox does not take for the URL of a server (choices.serverUrl). */
export function checkServerUrl(url: string, field: string): void {
  const problem = serverUrlProblem(url);
  if (problem !== undefined) throw chosenError(choices.serverUrl, `${field}: ${problem}`);
}

function serverUrlProblem(url: string): string | undefined {
  if (url.length > 2048) return 'at most 2048 characters';
  if (!URL.canParse(url)) return 'not a URL';
  const { protocol, hostname, username, password, hash } = new URL(url);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback)) return 'expected https';
  if (username !== '' || password !== '') return 'user info is not allowed';
  if (hash !== '' || url.endsWith('#')) return 'a fragment is not allowed';
  return undefined;
}
