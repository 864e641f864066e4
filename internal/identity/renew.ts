/** A kept sign-in whose ID token has expired: another ID token for the same person, without the person. */
import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { Again, Refreshed } from '../oauth/refresh.ts';
import { revokeGrant } from '../oauth/revoke.ts';
import { type Fetch, guardedFetch } from '../outside/http.ts';
import { Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import type { KeptTexts } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { assuranceOf, clockMarginOf } from './assurance.ts';
import { groupsIn } from './groups.ts';
import { asksForGroups } from './groups-source.ts';
import { claimsIn, IdTokenRefused, judgeIdToken, requireSamePerson } from './id-token.ts';
import { type KeptPlace, signInKey } from './kept-place.ts';
import { isKeepable, type KeptSignIn, printKept } from './kept-sign-in.ts';
import { type ShownToken, shownToken } from './shown-token.ts';
import { settingOf } from './sso.ts';
import type { SsoIdentity, SsoProvider } from './sso-provider.ts';

/** What renewing needs. */
export interface RenewRequest {
  identity: SsoIdentity;
  provider: SsoProvider;
  visit: BrowserVisit;
  place: KeptPlace;
  signIns: KeptTexts;
  /** The sign-in that was read before the mutex was taken. */
  kept: KeptSignIn;
  /** Judges what another run has kept meanwhile; undefined where that proves nothing either. */
  judge(kept: KeptSignIn): Promise<JWTPayload | undefined>;
  /** Looks at the answers of the provider for its time. */
  watch(fetch: Fetch): Fetch;
}

/** How it went: verified claims and what they came of, or why the person has to sign in again. */
export type Renewal = { claims: JWTPayload; kept: KeptSignIn; by: 'us' | 'another run' } | { why: string };

/** How long a run that is renewing the same sign-in is waited for: longer than its requests and pauses may take. */
const mutexWaitMs = 60_000;

/**
 * Renews a kept sign-in. One run at a time on this machine, and each looks again at what is kept once it is its turn:
 * a refresh token that rotates is shown once, and the one that came back is kept before anybody else may show it. A token is
 * forgotten where the provider says that it is none any more, or where what came of it may have been lost; then it is given
 * back, so that nothing that nobody knows stays alive. Throws `already_running`, `interrupted`, `file_system`, and
 * `service_unreachable` where the provider cannot renew it now: the sign-in is kept then.
 */
export async function renew(request: RenewRequest): Promise<Renewal> {
  const { place, visit } = request;
  return await withSignInMutex(request, async () => {
    const now = await place.read();
    if (now === undefined) return { why: 'another run has signed out meanwhile' };
    if (now.idToken.reveal() !== request.kept.idToken.reveal()) {
      const claims = await request.judge(now);
      if (claims !== undefined) return { claims, kept: now, by: 'another run' };
    }
    if (now.refreshToken === undefined) return { why: 'it has expired and cannot be renewed' };
    const { identity } = request;
    const renewing = new Renewing(request, now, now.refreshToken);
    const target = { kind: 'sign_in', id: undefined, label: identity.client_id } as const;
    const renewal = await visit.recorder.act(
      { act: 'sign_in.renew', target, server: identity.issuer },
      (announced) => renewing.renewal(announced),
      (ended) => ('why' in ended ? { outcome: 'failure', error: 'sign_in_needed' } : {}),
    );
    // What it had begun is done: from here on it may end.
    if (visit.signal.aborted) throw interrupted();
    return renewal;
  });
}

/** How long an answer that is under way is waited for after an interruption: a token that came of it would be lost. */
const afterInterruptionMs = 5_000;
/** How often the same token is shown where the provider says that it could not be looked at. */
const attempts = 3;
/** The longest pause that is waited for between two of them; a longer one is told instead. */
const longestPauseSeconds = 10;

/** An ID token that came of it, and its claims. */
interface Judged {
  claims: JWTPayload;
  idToken: Secret;
}

class Renewing {
  readonly #request: RenewRequest;
  readonly #kept: KeptSignIn;
  readonly #token: Secret;
  readonly #shown: ShownToken;

  constructor(request: RenewRequest, kept: KeptSignIn, token: Secret) {
    this.#request = request;
    this.#kept = kept;
    this.#token = token;
    this.#shown = shownToken(request.identity, request.signIns);
  }

  async renewal(announced: Announced): Promise<Renewal> {
    if (this.#kept.steady !== true && (await this.#shown.is(this.#token))) {
      await this.#giveUp();
      return {
        why: 'a run that renewed it was cut off before it could keep what came of that, and to show the same again could end it elsewhere',
      };
    }
    for (let attempt = 1; ; attempt += 1) {
      const { refreshed, judged } = await this.#show(announced);
      if (refreshed.kind !== 'unused') return await this.#settle(refreshed, judged);
      await this.#shown.takeBack();
      const { error, again } = refreshed;
      if (error.code === 'interrupted' || this.#request.visit.signal.aborted) throw interrupted();
      // The provider does not know us: nobody could sign in either.
      if (error.code === 'client_refused') throw error;
      if (again === undefined) return { why: `it could not be renewed, and is kept: ${error.message}` };
      if (attempt >= attempts || !(await this.#paused(again, attempt))) throw unavailable(error, again);
    }
  }

  /** Shows the token once, to the end of its answer. */
  async #show(announced: Announced): Promise<{ refreshed: Refreshed; judged: Partial<Judged> }> {
    const { identity, provider, visit } = this.#request;
    const { refreshTokens } = await import('../oauth/refresh.ts');
    const { allowLoopbackHttp, reviewedHosts, proxies } = visit;
    const limit = new AbortController();
    const interrupt = () => clock.after(afterInterruptionMs, () => limit.abort());
    if (visit.signal.aborted) throw interrupted();
    visit.signal.addEventListener('abort', interrupt, { once: true });
    const judged: Partial<Judged> = {};
    try {
      const refreshed = await refreshTokens(
        {
          ...settingOf(this.#request),
          // Connections of its own: one that was idle may be dead, and then nobody would know what became of the token.
          fetch: this.#request.watch(guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal: limit.signal })),
          judgeIdToken: async (token, accessToken) => {
            const { issuer } = provider.server;
            const claims = await judgeIdToken(token, {
              issuer,
              clientId: identity.client_id,
              keys: provider.keys,
              nonce: this.#kept.nonce,
              nonceOptional: true,
              accessToken,
              authTimeRequired: false,
              marginSeconds: clockMarginOf(identity),
              now: clock.now(),
            });
            requireSamePerson(issuer, this.#kept.idToken.reveal(), claims);
            judged.claims = claims;
            judged.idToken = new Secret(token);
          },
        },
        { refreshToken: this.#token, what: 'to renew the sign-in' },
        () => this.#shown.note(this.#token),
        announced,
      );
      return { refreshed, judged };
    } finally {
      visit.signal.removeEventListener('abort', interrupt);
    }
  }

  async #settle(
    refreshed: Exclude<Refreshed, { kind: 'unused' }>,
    { claims, idToken }: Partial<Judged>,
  ): Promise<Renewal> {
    const { identity, visit, place } = this.#request;
    switch (refreshed.kind) {
      case 'ended':
        await place.write(printKept({ ...this.#kept, refreshToken: undefined }));
        return { why: `it has ended: ${refreshed.error.message}` };
      case 'lost': {
        if (this.#kept.steady !== true) await this.#giveUp();
        visit.warn(
          `the answer of ${quote(identity.issuer)} to a renewal of the sign-in was lost, and with it perhaps the next one`,
        );
        return { why: `it could not be renewed: ${refreshed.error.message}` };
      }
      case 'unusable': {
        const { error, next } = refreshed;
        if (error instanceof IdTokenRefused && error.flaw === 'another_person') {
          // Whoever's it is, it is not this person's to keep.
          await this.#giveBack(next ?? this.#token);
          await place.write(printKept({ ...this.#kept, refreshToken: undefined }));
          return { why: error.message };
        }
        await this.#keep({}, next);
        if (error instanceof IdTokenRefused || error.code === 'token_unusable') {
          return { why: `it could not be renewed, and is kept: ${error.message}` };
        }
        throw error;
      }
      case 'tokens': {
        const { refresh_token: next, access_token: accessToken } = refreshed.tokens;
        const successor = next === undefined ? undefined : new Secret(next);
        if (claims === undefined || idToken === undefined) {
          await this.#keep({}, successor);
          return {
            why: `${quote(identity.issuer)} renews it without an ID token, and nothing else proves whose it is`,
          };
        }
        return await this.#renewed(idToken, claims, successor, accessToken);
      }
    }
  }

  async #renewed(
    idToken: Secret,
    claims: JWTPayload,
    successor: Secret | undefined,
    accessToken: string,
  ): Promise<Renewal> {
    const { identity, visit } = this.#request;
    const groupsToken = this.#groupsToken(claims);
    const before = this.#kept.authTime ?? assuranceOf(claimsIn(this.#kept.idToken.reveal())).authTime;
    const after = assuranceOf(claims).authTime;
    if (before !== undefined && after !== undefined && Math.abs(after - before) >= 1) {
      visit.warn('the provider says another time of signing in than at first (auth_time): the earlier one counts');
    }
    const renewed: Partial<KeptSignIn> = {
      idToken,
      refreshed: true,
      authTime: before,
      groupsToken: groupsToken === 'none' ? undefined : groupsToken,
      ...(asksForGroups(identity) && isKeepable(accessToken) && { accessToken: new Secret(accessToken) }),
    };
    if (groupsToken === 'none') {
      await this.#keep({}, successor);
      return {
        why: `the renewed ID token has no claim ${quote(identity.groups_claim)}, which the one before had (identity.groups_kept_for could let that one count for a while)`,
      };
    }
    const kept = await this.#keep(renewed, successor);
    return { claims, kept, by: 'us' };
  }

  /**
   * The ID token that names the groups where the renewed one leaves them out: undefined where none has to, `none` where none
   * may. Its signature is judged whenever it is used; here is only whether there is one.
   */
  #groupsToken(claims: JWTPayload): Secret | 'none' | undefined {
    const { groups_claim: name, groups_kept_for: keptFor } = this.#request.identity;
    if (name === undefined || asksForGroups(this.#request.identity)) return undefined;
    if (groupsIn(claims, name).kind !== 'left out') return undefined;
    const { groupsToken, idToken } = this.#kept;
    const before = groupsToken ?? idToken;
    if (groupsIn(claimsIn(before.reveal()), name).kind !== 'told') return undefined;
    return keptFor === undefined ? 'none' : before;
  }

  /** Keeps what came of it. A refresh token that cannot be kept is given back: nobody would know of it. */
  async #keep(change: Partial<KeptSignIn>, successor: Secret | undefined): Promise<KeptSignIn> {
    const { place, visit } = this.#request;
    // Where they do not rotate, the one that was shown stays good (RFC 6749 section 6).
    const same = successor === undefined || successor.reveal() === this.#token.reveal();
    const fits = same || isKeepable(successor.reveal());
    const kept: KeptSignIn = {
      ...this.#kept,
      ...change,
      steady: same || undefined,
      refreshToken: fits ? (successor ?? this.#token) : undefined,
    };
    const written = await place.write(printKept(kept));
    if (!written || !fits) {
      await this.#giveBack(successor ?? this.#token);
      visit.warn('the renewed sign-in could not be kept: the next run has to sign in again');
    } else if (same) await this.#shown.takeBack();
    return kept;
  }

  /** Ends what may be alive at the provider and is known to nobody, and forgets the token. */
  async #giveUp(): Promise<void> {
    const { place } = this.#request;
    // Not confirmed, it stays, with the note that it was shown: the next run tries to end it again.
    if (!(await this.#giveBack(this.#token))) return;
    if (await place.write(printKept({ ...this.#kept, refreshToken: undefined }))) await this.#shown.takeBack();
  }

  /** Whether nothing of it can be alive any more as far as that can be told: it was revoked, or nobody takes anything back. */
  async #giveBack(token: Secret): Promise<boolean> {
    const { server, client } = settingOf(this.#request);
    if (typeof server.revocation_endpoint !== 'string') return true;
    return await revokeGrant(server, client, token, this.#request.visit);
  }

  /** Whether the pause that the provider asks for was waited out. */
  async #paused({ afterSeconds }: Again, attempt: number): Promise<boolean> {
    const seconds = afterSeconds ?? attempt;
    if (seconds > longestPauseSeconds) return false;
    const { signal } = this.#request.visit;
    await clock.pause(seconds * 1000, signal);
    if (signal.aborted) throw interrupted();
    return true;
  }
}

function interrupted(): AppError {
  return new AppError('interrupted', 'interrupted while the sign-in was renewed');
}

function unavailable(cause: AppError, { afterSeconds }: Again): AppError {
  const when = afterSeconds === undefined ? 'later' : `in ${afterSeconds} s`;
  return new AppError('service_unreachable', `the sign-in cannot be renewed now: ${cause.message}`, {
    hint: `it is kept: run the command again ${when}`,
    cause,
  });
}

/** Whoever changes what is kept does it under this mutex. Throws `already_running` where another run does not end. */
export async function withSignInMutex<Result>(
  { identity, signIns, visit }: Pick<RenewRequest, 'identity' | 'signIns' | 'visit'>,
  act: () => Promise<Result>,
): Promise<Result> {
  const mutex = await signIns.at(signInKey(identity)).hold({ signal: visit.signal, waitMs: mutexWaitMs });
  if (!('release' in mutex)) {
    if (visit.signal.aborted) throw new AppError('interrupted', 'interrupted while another run renews the sign-in');
    throw new AppError(
      'already_running',
      `another run on this machine is renewing the sign-in: ${mutex.called}, since ${mutex.since}`,
    );
  }
  try {
    return await act();
  } finally {
    await mutex.release();
  }
}
