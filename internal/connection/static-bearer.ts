/**
 * A token that a person made at the service by hand, such as a personal access token. It is tried and settled like one
 * that came through OAuth, with two differences: nothing renews it, and it is never ours to revoke.
 */
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { readAccount } from './account/account.ts';
import { type Connected, confirmAndStore, type Place, type VaultPlaceRequest, withVaultPlace } from './connect.ts';
import type { StaticGrant } from './store.ts';

/** Longer than any token that is known, and short enough for a header. */
const longestToken = 8192;

/** Refuses a service whose file does not allow entered tokens, before one is read. Throws `not_allowed`. */
export function requireStatic({ name, authorization }: Service): void {
  if (authorization.static === true) return;
  throw new AppError('not_allowed', `no token may be entered for ${quote(name)}`, {
    hint: `connect it with: service-connection ${name}; whoever reviews config/services/${name}.yaml may set authorization.static: true`,
  });
}

/**
 * Judges what was entered: one `b64token` (RFC 6750 section 2.1), one final line break forgiven. Throws `usage`, in
 * words that repeat nothing of it: half a secret is a secret (P3).
 */
export function judgeEnteredToken(entered: string, { name }: Service): Secret {
  const token = entered.replace(/\r?\n$/, '');
  const wrong = (why: string) =>
    new AppError('usage', `what was entered is not a token of ${quote(name)}: ${why}`, {
      hint: 'enter the token alone, without quotes, spaces or the word Bearer; nothing of it is shown',
    });
  if (token === '') throw wrong('it is empty');
  if (token.length > longestToken) throw wrong(`it is longer than ${longestToken} characters`);
  if (/[\r\n]/.test(token)) throw wrong('it has more than one line');
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) throw wrong('it has characters that no bearer token has');
  return new Secret(token);
}

/** What storing an entered token needs. */
export interface TokenRequest extends VaultPlaceRequest {
  token: Secret;
}

/** Tries the token, reads whose it is, and stores it. One that the service does not take is stored nowhere. */
export async function connectWithToken(request: TokenRequest): Promise<Connected> {
  return await withVaultPlace(request, (place) => connectIn(request, place));
}

async function connectIn(request: TokenRequest, place: Place): Promise<Connected> {
  const { service, token } = request;
  const grant: StaticGrant = { kind: 'static_bearer', accessToken: token, account: await tryToken(request) };
  const { stored, accepted } = await confirmAndStore(request, place, grant).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'account_mismatch') {
      request.warn(`the token itself still works: if it should not, end it at ${service.title ?? service.name}`);
    }
    throw error;
  });
  return {
    vault: place.vault,
    stored,
    account: grant.account,
    accountAccepted: accepted,
    scopes: [],
    expiresAt: undefined,
    refreshable: false,
    throughIdp: false,
    // Not the platform's word, which tries no such token, but the service's own answer just now.
    status: 'valid',
  };
}

/** Whose token it is. Where its file says how to ask, the service has to name somebody: anything else is a refusal. */
async function tryToken({ service, token, visit }: TokenRequest) {
  const account = await readAccount(service, token, visit.fetch, visit.signal);
  if (account !== undefined || service.account === undefined) return account;
  throw new AppError('token_unusable', `${quote(service.name)} did not say whose token this is`, {
    hint: `nothing was stored; check the token, and account in config/services/${service.name}.yaml`,
  });
}
