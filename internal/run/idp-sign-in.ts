/** The sign-in of a run's person as what access to services is made of, where that comes through the identity provider. */
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { clockMarginOf } from '../identity/assurance.ts';
import type { Proof, Proven } from '../identity/proof.ts';
import { signInAgain } from '../identity/step-up.ts';
import type { IdpSignIn, SignInAtIdp } from '../oauth/id-jag.ts';
import { methodForSecret, type OAuthClient } from '../oauth/registration.ts';
import { Secret } from '../secret/secret.ts';

/**
 * The sign-in, and how a better one is asked for. Throws `usage` where nobody signs in at a provider, and
 * `sign_in_needed` where the run has no token of one: at a console.
 */
export function signInAtIdp({ interface: { identity } }: Configuration, proof: Proof, proven: Proven): SignInAtIdp {
  if (identity.mode !== 'sso') {
    throw new AppError('usage', 'nobody signs in at an identity provider here, so nothing comes through one', {
      hint: 'it takes identity.mode: sso in config/interface.yaml',
    });
  }
  const of = ({ principal, token, provider, source }: Proven): IdpSignIn => {
    if (token === undefined || provider === undefined || principal.kind !== 'sso') {
      throw new AppError('sign_in_needed', 'there is no sign-in here that the identity provider could exchange', {
        hint: 'a console has none of yours: run it with a configuration that names no console: --config <folder>',
      });
    }
    const { server } = provider;
    const { client_id: clientId, public_client_secret: secret } = identity;
    const client: OAuthClient =
      secret === undefined
        ? { clientId, authMethod: 'none' }
        : { clientId, authMethod: methodForSecret(server), secret: new Secret(secret) };
    const { subject } = principal;
    const marginSeconds = clockMarginOf(identity);
    return { idp: { server, client }, idToken: token, subject, marginSeconds, isFresh: source === 'fresh' };
  };
  return {
    ...of(proven),
    again: async (requirement) => of(await signInAgain(proof, proven, requirement)),
  };
}
