import { AppError } from '../errors/app-error.ts';
import { askFollowing, movedElsewhere, readJson } from '../oauth/json.ts';
import type { Fetch } from '../outside/http.ts';
import { quote } from '../text/quote.ts';
import { type IssuerKeys, issuerKeys } from './issuer-keys.ts';

/**
 * The keys of an issuer of CI tokens, at the address that its own metadata names (OpenID Connect Discovery section 4). It
 * signs nobody in, so it need not have the endpoints of a provider. Throws `service_metadata`, or `issuer_mismatch` where
 * it calls itself otherwise, if only by a slash.
 */
export async function findWorkloadIssuer(issuer: string, fetch: Fetch): Promise<IssuerKeys> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const followed = await askFollowing(fetch, address, { headers: { accept: 'application/json' } });
  const document = await readJson(followed.response);
  if (followed.elsewhere !== undefined) {
    const hint = 'if the issuer has moved, set issuer in identity.workloads to what it calls itself there';
    throw movedElsewhere(`the metadata of ${quote(issuer)}`, followed, hint);
  }
  if (document === undefined) {
    throw new AppError('service_metadata', `${quote(issuer)} publishes no metadata at ${quote(address)}`, {
      hint: 'without it the token of the job cannot be verified; try again later',
    });
  }
  const { issuer: claimed, jwks_uri: keys } = document;
  if (claimed !== issuer) {
    throw new AppError('issuer_mismatch', `the metadata of ${quote(issuer)} claims to be of ${quote(claimed)}`, {
      hint: 'if that is the right one, identity.workloads in config/interface.yaml has to spell it exactly so',
    });
  }
  if (typeof keys !== 'string') {
    throw new AppError('service_metadata', `${quote(issuer)} does not say where its keys are (jwks_uri)`);
  }
  return issuerKeys(keys, fetch);
}
