/** Where the token of a CI job comes from. Nothing here says who it is: that is in the token, once it is verified. */

import { clock } from '../clock/clock.ts';
import type { Workload } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { fileSize } from '../outside/files.ts';
import type { Fetch } from '../outside/http.ts';
import { readTrusted } from '../outside/trusted-file.ts';
import { conceal, type Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { recordIn } from '../text/record.ts';
import { isUrl } from '../text/url.ts';
import { longestIdToken } from './id-token.ts';

/** What the run was started with. */
export interface TokenPlaces {
  /** Where the runner of GitHub Actions gives tokens away, and the bearer token that it wants to see. */
  actions: { url: string; bearer: Secret } | undefined;
  /** The variables whose names begin with `MAI_ID_TOKEN`. */
  variables: ReadonlyMap<string, Secret>;
}

/** Whether there is anything to ask for a token. A file is looked for when it is read. */
export function isHere({ token }: Workload, { actions, variables }: TokenPlaces): boolean {
  if (token === 'github-actions') return actions !== undefined;
  return 'file' in token || variables.has(token.variable);
}

/** Whether a token is there, or somebody who gives one away: pods and runners that do not set CI are known by it. */
export async function isTokenHere(workload: Workload, places: TokenPlaces): Promise<boolean> {
  const { token } = workload;
  if (typeof token === 'string' || !('file' in token)) return isHere(workload, places);
  return (await fileSize(token.file).catch(() => undefined)) !== undefined;
}

/** The source in words, for whoever has to find out why there is none. */
export function whereOf({ token }: Workload): string {
  if (token === 'github-actions') return 'GitHub Actions (ACTIONS_ID_TOKEN_REQUEST_URL; permissions: id-token: write)';
  return 'file' in token ? `the file ${quote(token.file)}` : `the variable ${token.variable}`;
}

/** The token, not judged yet. Throws `identity_refused`, `file_system`, or what the transport throws. */
export async function tokenFrom(workload: Workload, places: TokenPlaces, fetch: Fetch): Promise<string> {
  const token = await read(workload, places, fetch);
  conceal(token);
  return token;
}

async function read({ token, audience }: Workload, { actions, variables }: TokenPlaces, fetch: Fetch): Promise<string> {
  if (token === 'github-actions') return await askActions(actions, audience, fetch);
  if ('variable' in token) return variables.get(token.variable)?.reveal().trim() ?? '';
  const text = await readTokenFile(token.file);
  if (text !== undefined) return text.trim();
  throw new AppError('identity_refused', `there is no token of this job: ${quote(token.file)} does not exist`, {
    hint: 'let the job have one there, or correct identity.workloads in config/interface.yaml',
  });
}

/**
 * Its owner and its group may read a token: that is how Kubernetes hands one to a container. Anybody else who could would
 * be that job as well, and whoever may write it says who we are.
 */
const tokenFile = {
  // One more byte than the longest, so that a longer one is refused as what it is.
  longestBytes: longestIdToken + 1,
  rootToo: true,
  links: true,
  forbidden: 0o026,
  correction: 'chmod o-rwx,g-w',
} as const;

/** The text of a file with a token, or undefined where there is none. Throws `file_system`, also for one that others can read. */
export async function readTokenFile(path: string): Promise<string | undefined> {
  return await readTrusted(path, tokenFile);
}

/** How often the runner is asked that says that it cannot answer just now. */
const actionsAttempts = 3;

/**
 * Asks the runner for a token with an audience (the OIDC reference of GitHub Actions, "Requesting the JWT"). Throws
 * `identity_refused`, or what the transport throws.
 */
export async function askActions(actions: TokenPlaces['actions'], audience: string, fetch: Fetch): Promise<string> {
  const refuse = (why: string) =>
    new AppError('identity_refused', `GitHub Actions gave no token: ${why}`, {
      hint: 'give the job "permissions: id-token: write", and run the command in one of its steps',
    });
  if (actions === undefined || !isUrl(actions.url)) throw refuse('ACTIONS_ID_TOKEN_REQUEST_URL is not an address');
  // It goes into a header.
  if (!/^[\x21-\x7e]+$/.test(actions.bearer.reveal())) {
    throw refuse('ACTIONS_ID_TOKEN_REQUEST_TOKEN holds a character that no token has');
  }
  const address = new URL(actions.url);
  address.searchParams.set('audience', audience);
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(address.href, {
      headers: { accept: 'application/json', authorization: `Bearer ${actions.bearer.reveal()}` },
    });
    const { status } = response;
    const text = await response.text();
    const value = status === 200 ? recordIn(text)?.['value'] : undefined;
    if (typeof value === 'string' && value !== '') return value;
    // A 403 may only say that the token is not ready yet (actions/toolkit and cloud vendors' actions try again as well).
    const passes = status === 429 || status >= 500 || (status === 403 && /pending|not ready|try again/i.test(text));
    if (!passes || attempt >= actionsAttempts) {
      const said = text.trim() === '' ? '' : `: ${quote(text.trim().slice(0, 300))}`;
      throw refuse(`it answered ${status}, without one${said}`);
    }
    await clock.pause(1000 * attempt);
  }
}
