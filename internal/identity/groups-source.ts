/** Groups that are not in the ID token: asked of the provider, or of the address that the configuration names for it. */
import type { JWTPayload } from 'jose';
import { AppError } from '../errors/app-error.ts';
import { readJson } from '../oauth/json.ts';
import type { Fetch } from '../outside/http.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { isUrl } from '../text/url.ts';
import { type GroupsTold, groupsIn } from './groups.ts';
import type { SsoIdentity, SsoProvider } from './sso-provider.ts';

/** What is asked of whom. */
export interface GroupsQuestion {
  identity: SsoIdentity;
  provider: SsoProvider;
  fetch: Fetch;
  /** Judged. */
  claims: JWTPayload;
  accessToken: Secret | undefined;
}

/** Whether groups may have to be asked with an access token. */
export function asksForGroups({ groups_claim: claim, groups_from: from }: SsoIdentity): boolean {
  return claim !== undefined && from !== undefined && from !== 'id_token';
}

/**
 * The groups of judged claims, or `stale` where the access token is not taken any more. Undefined where the configuration
 * names no claim of groups. Throws `service_metadata`, `identity_refused` or what the transport throws: whoever cannot be
 * asked has told nothing, and nobody may have less groups than they have for it.
 */
export async function groupsOf(question: GroupsQuestion): Promise<GroupsTold | 'stale' | undefined> {
  const { identity, claims } = question;
  const { groups_claim: name, groups_from: from = 'id_token' } = identity;
  if (name === undefined) return undefined;
  const told = groupsIn(claims, name);
  if (from === 'id_token') return told;
  if (from === 'userinfo') return await fromUserinfo(question, name);
  return told.kind === 'elsewhere' ? await fromAddressOfTheirs(question, from.overage) : told;
}

/**
 * The groups of judged claims where nobody is asked for more than they say: at a console, since what it would have to ask with
 * stays with whoever is signed in. Undefined where the configuration names no claim of groups.
 */
export function groupsOfTokenAlone(
  { groups_claim: name, groups_from: from, groups_kept_for: keptFor }: SsoIdentity,
  claims: JWTPayload,
): GroupsTold | undefined {
  if (name === undefined) return undefined;
  const alone = 'a console counts groups of the ID token alone';
  if (from === 'userinfo') {
    // The commands do not look at the claim of the token either: one person has the same groups everywhere, or is told.
    const said = `${alone}, and identity.groups_from is userinfo`;
    const missing = `no group counts: ${said}: have the provider put ${quote(name)} into the ID token`;
    return { kind: 'left out', groups: [], said, missing };
  }
  const told = groupsIn(claims, name);
  if (told.kind === 'told' || (from === undefined && keptFor === undefined)) return told;
  return {
    ...told,
    missing: `${told.missing}; ${alone}, so identity.groups_from and groups_kept_for change nothing here`,
  };
}

/** OpenID Connect Core section 5.3. */
async function fromUserinfo(question: GroupsQuestion, name: string): Promise<GroupsTold | 'stale'> {
  const answer = await userinfoOf(question);
  return answer === 'stale' ? answer : groupsIn(answer, name, 'userinfo');
}

/** What the provider says of whom the access token is. */
async function userinfoOf(question: GroupsQuestion): Promise<Record<string, unknown> | 'stale'> {
  const { provider, claims } = question;
  const endpoint = provider.server.userinfo_endpoint;
  if (typeof endpoint !== 'string') {
    throw new AppError(
      'service_metadata',
      `${quote(provider.server.issuer)} has no userinfo_endpoint to ask for groups, or whose they are`,
      {
        hint: 'take identity.groups_from out of config/interface.yaml, and have the provider put groups into the ID token',
      },
    );
  }
  const answer = await ask(question, endpoint, 'the userinfo endpoint');
  if (answer === 'stale') return answer;
  // Section 5.3.2: an answer about somebody else is no answer.
  if (answer['sub'] !== claims.sub) {
    throw new AppError(
      'identity_refused',
      `the userinfo of ${quote(provider.server.issuer)} is about somebody else (sub)`,
    );
  }
  return answer;
}

/** As many as Microsoft Graph gives in answers of 999 each; nobody is in more. */
const mostPages = 20;
const mostGroups = 10_000;

/**
 * The answer of an address is about whoever the access token is of, and does not say who that is: kept beside another
 * person's ID token it would lend them groups (P2). So the ID token has named it (at_hash), or userinfo says whose it is.
 */
async function fromAddressOfTheirs(question: GroupsQuestion, address: string): Promise<GroupsTold | 'stale'> {
  const isNamed = typeof question.claims['at_hash'] === 'string';
  const [told, owner] = await Promise.all([fromAddress(question, address), isNamed ? undefined : userinfoOf(question)]);
  return owner === 'stale' ? owner : told;
}

/** What Microsoft Graph answers to `memberOf`: `value` with objects that have an `id`, or the ids; and where it goes on. */
async function fromAddress(question: GroupsQuestion, address: string): Promise<GroupsTold | 'stale'> {
  const groups: string[] = [];
  let next: string | undefined = address;
  for (let page = 0; next !== undefined; page += 1) {
    const answer = await ask(question, next, 'the address of identity.groups_from');
    if (answer === 'stale') return answer;
    const { value, '@odata.nextLink': more } = answer;
    const ids = Array.isArray(value) ? value.map((each) => (isRecord(each) ? each['id'] : each)) : undefined;
    if (ids === undefined || !ids.every((id) => typeof id === 'string')) {
      throw new AppError(
        'service_metadata',
        `${quote(next)} answers without a list "value" of groups, each with an "id"`,
      );
    }
    groups.push(...ids);
    next = nextPage(more, address);
    if (page + 1 >= mostPages || groups.length > mostGroups) {
      throw new AppError('service_metadata', `${quote(address)} has no end of groups`);
    }
  }
  const { said, ...told } = groupsIn({ groups }, 'groups', quote(address));
  return { ...told, said: `${said}, of ${groups.length}` };
}

/** The token goes to the origin that the configuration names, and nowhere else. */
function nextPage(link: unknown, address: string): string | undefined {
  if (link === undefined) return undefined;
  if (typeof link === 'string' && isUrl(link) && new URL(link).origin === new URL(address).origin) return link;
  throw new AppError('service_metadata', `${quote(address)} goes on at another place: ${quote(link)}`);
}

async function ask(
  { fetch, accessToken, identity }: GroupsQuestion,
  address: string,
  whose: string,
): Promise<Record<string, unknown> | 'stale'> {
  if (accessToken === undefined) return 'stale';
  const headers = { accept: 'application/json', authorization: `Bearer ${accessToken.reveal()}` };
  const response = await fetch(address, { headers, whose });
  const { status } = response;
  const answer = await readJson(response);
  if (status === 401) return 'stale';
  if (answer !== undefined) return answer;
  const type = response.headers.get('content-type');
  const said = status === 200 && type !== null ? `${status} with ${quote(type)}` : status;
  throw new AppError(
    'service_metadata',
    `the groups of ${quote(identity.issuer)} cannot be asked for: ${quote(address)} answered ${said}`,
    { hint: unreadAdvice(status, type ?? '') },
  );
}

/** What to do about an answer without groups; to ask again helps where the other side was only busy. */
function unreadAdvice(status: number, type: string): string {
  if (status === 403) {
    return 'the sign-in may not read groups: add the scope that allows it to identity.scopes (Microsoft Graph: GroupMember.Read.All)';
  }
  if (status === 429 || status >= 500) return 'try again later; nothing was changed';
  // OpenID Connect Core section 5.3.2: signed or encrypted, where the client is registered for that.
  return /^application\/jwt\b/i.test(type)
    ? 'have the provider answer this client with plain JSON (take its userinfo_signed_response_alg and userinfo_encrypted_response_alg away), or put groups into the ID token and take identity.groups_from out of config/interface.yaml'
    : 'correct identity.groups_from in config/interface.yaml, or tell whoever runs the identity provider';
}
