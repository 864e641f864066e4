import * as openid from 'openid-client';
import { clock } from '../clock/clock.ts';
import { Response } from '../outside/fetch-types.ts';
import { guardedFetch } from '../outside/http.ts';
import type { Secret } from '../secret/secret.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { BrowserVisit } from './browser-visit.ts';
import { clientAuthentication } from './library.ts';
import type { OAuthClient } from './registration.ts';
import { isSuccess } from './token-response.ts';

const timeoutMs = 5_000;

/**
 * Gives a grant back (RFC 7009) and says whether the server confirmed it. Runs on a clock of its own, because it is
 * needed most when the run was interrupted. Never throws: it is the last step of a failure that is already reported.
 */
export async function revokeGrant(
  server: AuthorizationServer,
  client: OAuthClient,
  token: Secret,
  visit: RevokingVisit,
): Promise<boolean> {
  if (typeof server.revocation_endpoint !== 'string') return false;
  const label = client.clientId;
  try {
    return await visit.recorder.act(
      { act: 'grant.revoke', target: { kind: 'grant', id: undefined, label }, server: server.issuer },
      () => askToRevoke(server, client, token, visit),
      (confirmed) => (confirmed ? {} : { outcome: 'unknown', error: 'service_unreachable' }),
    );
  } catch (error) {
    // Nothing is done that cannot be recorded (P7), and what failed before this is what has to be told.
    visit.warn(`nothing was given back: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/** What giving back needs of a visit. */
export type RevokingVisit = Pick<BrowserVisit, 'allowLoopbackHttp' | 'reviewedHosts' | 'proxies' | 'recorder' | 'warn'>;

async function askToRevoke(
  server: AuthorizationServer,
  client: OAuthClient,
  token: Secret,
  { allowLoopbackHttp, reviewedHosts, proxies }: RevokingVisit,
): Promise<boolean> {
  const configuration = new openid.Configuration(server, client.clientId, {}, clientAuthentication(client));
  const fetch = guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal: clock.deadline(timeoutMs) });
  // The library takes 200 alone for a yes; a server with nothing more to say may answer 204.
  configuration[openid.customFetch] = async (url, init) => {
    const response = await fetch(url, init);
    return isSuccess(response.status) ? new Response(null, { status: 200 }) : response;
  };
  if (allowLoopbackHttp) openid.allowInsecureRequests(configuration);
  try {
    await openid.tokenRevocation(configuration, token.reveal());
    return true;
  } catch {
    return false;
  }
}
