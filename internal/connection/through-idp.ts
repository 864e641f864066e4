/** Tokens of a service for who signed in at the company's identity provider: two exchanges, and nobody is asked. */
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import {
  type IdpSignIn,
  type Party,
  redeemIdJag,
  requestIdJag,
  type SignInAtIdp,
  StrongerSignInNeeded,
} from '../oauth/id-jag.ts';
import type { Tokens } from '../oauth/library.ts';
import { OAuthRefusal } from '../oauth/refusal.ts';
import type { TokenResponseShape } from '../oauth/token-response.ts';
import type { Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';

/** What is asked for, and with what. */
export interface ThroughIdpRequest {
  signIn: SignInAtIdp;
  /** The authorization server, which the catalogue pins, and our client there. */
  target: Party;
  /** What the metadata of the MCP server calls it: the provider has to name it in any case. */
  assertedResource: string;
  /** What the authorization server is told; undefined where it takes no such parameter. */
  resource: string | undefined;
  scopes: readonly string[] | undefined;
  tokenResponse: TokenResponseShape;
  visit: Pick<BrowserVisit, 'fetch' | 'allowLoopbackHttp' | 'warn'>;
  detail(text: string): void;
}

/**
 * The tokens. The person signs in again at most once: where the provider wants a better sign-in, or no longer takes what was
 * kept. An assertion that the server has taken before, or takes no more, is replaced once: some take each one time.
 * Throws what both exchanges throw.
 */
export async function tokensThroughIdp(request: ThroughIdpRequest, announced: Announced): Promise<Tokens> {
  const { signIn, target, visit } = request;
  let current: IdpSignIn = signIn;
  let signedInAgain = false;
  const idJag = async (): Promise<Secret> => {
    try {
      return await requestIdJag({ ...visit, ...assertionOf(request, current), now: clock.now() }, announced);
    } catch (error) {
      const requirement = requirementOf(error, current);
      if (requirement === undefined || signedInAgain || signIn.again === undefined) throw error;
      visit.warn(`the identity provider does not take the sign-in for this: please sign in again`);
      current = await signIn.again(requirement);
      signedInAgain = true;
      return await idJag();
    }
  };
  const redeem = async (assertion: Secret) => {
    const { resource, tokenResponse } = request;
    return await redeemIdJag({ ...visit, target, idJag: assertion, resource, tokenResponse }, announced);
  };
  const first = await idJag();
  try {
    return await redeem(first);
  } catch (error) {
    if (!(error instanceof OAuthRefusal) || error.error !== 'invalid_grant') throw error;
    request.detail('the assertion was refused: another one is asked for, once');
    return await redeem(await idJag());
  }
}

function assertionOf({ target, assertedResource, scopes }: ThroughIdpRequest, signIn: IdpSignIn) {
  const { idp, idToken, subject, marginSeconds } = signIn;
  return { idp, idToken, subject, marginSeconds, target, resource: assertedResource, scopes };
}

/** What another sign-in has to show; undefined where one would change nothing. */
function requirementOf(error: unknown, { isFresh }: IdpSignIn): Requirement | undefined {
  if (error instanceof StrongerSignInNeeded) return error.requirement;
  const isKeptAndRefused = error instanceof OAuthRefusal && error.error === 'invalid_grant' && !isFresh;
  return isKeptAndRefused ? {} : undefined;
}
