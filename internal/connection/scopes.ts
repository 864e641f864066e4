/** Which scopes a connection asks for, when it asks for more, and what to say of those that came back. Pure. */
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import { splitScopes } from '../oauth/metadata.ts';
import type { ProtectedResource } from '../oauth/protected-resource.ts';
import { OAuthRefusal } from '../oauth/refusal.ts';
import { quote } from '../text/quote.ts';
import { type Connection, connectionOf, wasCut } from './credentials.ts';

/** What the person wants: what the service's file says, its reading scopes, these and no others, or these as well. */
export type ScopeChoice =
  | { kind: 'usual' }
  | { kind: 'read-only' }
  | { kind: 'exactly'; scopes: readonly string[] }
  | { kind: 'added'; scopes: readonly string[] };

/** The flags of the command line. */
export interface ScopeFlags {
  readOnly?: boolean | undefined;
  /** `--scope`: each value one scope, or several with spaces between them. */
  scope?: readonly string[] | undefined;
  /** `--add-scope`, in the same way. */
  addScope?: readonly string[] | undefined;
}

/** What decides which scopes are asked for. */
export interface ScopeCase {
  service: Service;
  found: Pick<ProtectedResource, 'scopes' | 'offeredScopes' | 'withoutMetadata'>;
  server: AuthorizationServer;
  choice: ScopeChoice;
  /** The connection that is there already. */
  existing: Connection | undefined;
}

/**
 * The service answered 403 `insufficient_scope`: the token works, its scopes do not reach. Nothing else is answered by
 * asking the person again.
 */
export class InsufficientScope extends AppError {
  override readonly name: string = 'InsufficientScope';
  /** What the challenge names; none where it names none. */
  readonly scopes: readonly string[];

  constructor({ name }: Service, scopes: readonly string[]) {
    const wanted = scopes.length === 0 ? 'and does not say which it wants' : `and wants ${namedScopes(scopes)}`;
    const hint =
      scopes.length === 0
        ? 'nothing was stored; if you know which it wants: --add-scope <scope>'
        : 'nothing was stored, and asking for them again would not help: tell whoever runs the service';
    super('service_refused', `${quote(name)} says that the scopes of the new token are not enough, ${wanted}`, {
      hint,
    });
    this.scopes = scopes;
  }
}

/** RFC 6749 section 3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The choice that the flags make. Throws `usage` for two at once, and for what is no scope. */
export function scopeChoiceOf({ readOnly, scope, addScope }: ScopeFlags): ScopeChoice {
  const given = [
    readOnly === true ? '--read-only' : [],
    scope === undefined ? [] : '--scope',
    addScope === undefined ? [] : '--add-scope',
  ].flat();
  if (given.length > 1) {
    throw new AppError('usage', `${given.join(' and ')} say different things about the scopes`, {
      hint: 'leave all but one of them out',
    });
  }
  if (readOnly === true) return { kind: 'read-only' };
  const values = scope ?? addScope;
  if (values === undefined) return { kind: 'usual' };
  const [first, ...others] = unique(values.flatMap(splitScopes));
  const wrong = [first ?? '', ...others].find((name) => !scopeToken.test(name));
  if (first === undefined || wrong !== undefined) {
    throw new AppError('usage', `${given[0]} takes scopes, and ${quote(wrong)} is none`);
  }
  return { kind: scope === undefined ? 'added' : 'exactly', scopes: [first, ...others] };
}

/**
 * Refuses what is known to be wrong before anybody signs in: `usage` when only reading is wanted and the service's file
 * names no scopes for that, `not_allowed` for scopes that are not in the file although it lists some (P4).
 */
export function checkScopeChoice(service: Service, choice: ScopeChoice): void {
  if (choice.kind === 'read-only') readingScopes(service);
  const listed = listedScopes(service);
  if ('scopes' in choice && listed.length > 0) requireListed(service, choice.scopes, listed);
}

/**
 * The scopes to ask for: the person's choice, else the service file's, else the challenge's or the metadata's, else none.
 * Those of the challenge or the metadata are asked for with `offline_access` where the authorization server lists it, for a
 * connection that the platform can keep alive; what a person or a reviewed file names is asked for as it stands.
 * Throws `usage` or `not_allowed` for a choice that cannot be met.
 */
export function scopesToAskFor(known: ScopeCase): string[] | undefined {
  const { scopes, exact } = chosenScopes(known);
  return exact ? scopes && [...scopes] : withOfflineAccess(scopes, known.server);
}

/** The scopes, and whether a person or the file has named them all. */
interface ChosenScopes {
  scopes: readonly string[] | undefined;
  exact: boolean;
}

function chosenScopes(known: ScopeCase): ChosenScopes {
  const { service, found, choice, existing } = known;
  if (choice.kind === 'read-only') return { scopes: readingScopes(service), exact: true };
  const configured = service.authorization.scopes?.default ?? [];
  const exact = configured.length > 0;
  const usual = exact ? configured : found.scopes;
  if (choice.kind === 'usual') return { scopes: usual, exact };
  requireAllowed(known, choice.scopes);
  if (choice.kind === 'exactly') return { scopes: choice.scopes, exact: true };
  const before = existing?.kind === 'mcp_oauth' ? grantedScopes(existing) : usual;
  if (before === undefined || before.length === 0) {
    throw new AppError(
      'usage',
      `nothing says which scopes ${quote(service.name)} has without ${namedScopes(choice.scopes)}`,
      {
        hint: 'name all of them: --scope <scope...>',
      },
    );
  }
  return { scopes: unique([...before.filter((scope) => isAllowed(known, scope)), ...choice.scopes]), exact };
}

/**
 * The scopes that a client may ask for, of those that are wanted. Where a server registers one for fewer, what only the
 * service has named is left out, and said; what a person or the file named is not. Throws `registration_refused`.
 */
export function scopesOfClient(
  known: ScopeCase,
  wanted: string[] | undefined,
  bound: readonly string[] | undefined,
  warn: (text: string) => void,
): string[] | undefined {
  const missing = (bound === undefined ? [] : (wanted ?? [])).filter((scope) => bound?.includes(scope) !== true);
  if (missing.length === 0) return wanted;
  const { service } = known;
  const left = (wanted ?? []).filter((scope) => !missing.includes(scope));
  const said = `${quote(service.name)} registered a client that may not ask for ${namedScopes(missing)}`;
  if (chosenScopes(known).exact || left.every((scope) => protocolScopes.includes(scope))) {
    throw new AppError('registration_refused', said, { hint: askForFewer(service, left) });
  }
  warn(`${said}: the connection is made without`);
  return left;
}

/** What to do about a server that takes some of the scopes only. */
function askForFewer({ name, unlisted }: Service, taken: readonly string[]): string {
  const some = taken.length === 0 ? 'those that it gives to such clients' : namedScopes(taken);
  if (unlisted) return 'ask whoever runs the service which scopes it gives: --scope <scope...>';
  return `list ${some} in authorization.scopes.default of config/services/${name}.yaml, or set client_id there to a client that may ask for all of them`;
}

/** An `invalid_scope` in words: which scopes were asked for, which of them the service itself does not list, and what to write. */
export function scopesRefused(refusal: OAuthRefusal, known: ScopeCase, asked: readonly string[] | undefined): AppError {
  const { service, found, server } = known;
  const listed = unique([...found.offeredScopes, ...(server.scopes_supported ?? [])]);
  const words = refusal.message.split(/[\s,;:"'[\]]+/);
  const named = (asked ?? []).filter((scope) => words.includes(scope));
  const unheard = listed.length === 0 ? [] : (asked ?? []).filter((scope) => !listed.includes(scope));
  const doubtful = unheard.length > 0 ? unheard : named;
  const were =
    asked === undefined || asked.length === 0 ? 'none were asked for' : `asked for were ${namedScopes(asked)}`;
  const which = unheard.length === 0 ? '' : `, of which it does not list ${namedScopes(unheard)}`;
  const left = (asked ?? []).filter((scope) => !doubtful.includes(scope));
  return new OAuthRefusal(refusal.code, `${refusal.message}; ${were}${which}`, refusal.error, {
    hint: `nothing was stored; ${askForFewer(service, doubtful.length === 0 ? [] : left)}`,
    cause: refusal,
  });
}

/** How often a service is asked again because its scopes did not reach. */
const mostStepUps = 2;

/**
 * What to ask for after a 403 `insufficient_scope`: everything that was asked for and granted so far, and what the
 * challenge wants (2026-07-28, "Step-Up Authorization Flow"). Throws the refusal itself where that would ask for the same
 * again or too often, and `not_allowed` where more than the service's file or the person's choice would be asked for.
 */
export function scopesToStepUpTo(
  known: ScopeCase,
  asked: readonly (readonly string[])[],
  granted: readonly string[],
  refusal: InsufficientScope,
): string[] {
  const { service, choice } = known;
  if (refusal.scopes.length === 0 || asked.length > mostStepUps) throw refusal;
  if (choice.kind === 'read-only' || choice.kind === 'exactly') {
    const flag = choice.kind === 'read-only' ? '--read-only' : '--scope';
    throw new AppError(
      'not_allowed',
      `${quote(service.name)} wants ${namedScopes(refusal.scopes)}, which ${flag} left out`,
      {
        hint: `nothing was stored; connect it without ${flag} if that is to be granted`,
      },
    );
  }
  const listed = listedScopes(service);
  // Without a list the challenge itself is what the service offers.
  if (listed.length > 0) requireListed(service, refusal.scopes, listed);
  const kept = [...asked.flat(), ...granted].filter((scope) => isAllowed(known, scope));
  const next = unique([...kept, ...refusal.scopes]);
  if (asked.some((before) => sameScopes(before, next))) throw refusal;
  return next;
}

/**
 * Asks for consent anew where the authorization server knows how: OpenID Connect lets it ignore `offline_access`
 * otherwise, and a connection that is made again or gets more scopes should not be waved through unseen.
 */
export function consentFor(
  scopes: readonly string[] | undefined,
  { prompt_values_supported: prompts, scopes_supported: supported }: AuthorizationServer,
  again: boolean,
): Record<string, string> {
  const known =
    (Array.isArray(prompts) && prompts.includes('consent')) ||
    supported?.some((scope) => ['openid', 'offline_access'].includes(scope)) === true;
  return scopes?.includes('offline_access') === true || (again && known) ? { prompt: 'consent' } : {};
}

/**
 * What a connection was granted: the platform keeps it whole where it renews the token; our record may have been cut, and
 * then decides nothing.
 */
export function grantedScopes({ refreshScope, record }: Connection): string[] | undefined {
  const text = refreshScope ?? (wasCut(record.scopes) ? undefined : record.scopes);
  // The platform may have them as the service said them, and some say them with commas.
  return text === undefined ? undefined : splitScopes(text.replaceAll(',', ' '));
}

/** What the connections to some services were granted, by service; one of which that is not known is left out. */
export function grantedByService(
  connections: readonly Connection[],
  services: Iterable<Service>,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...services].flatMap((service): [string, readonly string[]][] => {
      const connection = connectionOf(connections, service);
      const granted = connection && grantedScopes(connection);
      return granted === undefined ? [] : [[service.name, granted]];
    }),
  );
}

/** Says which scopes came back that nobody asked for. Where none were asked for, the service chose them all. */
export function warnOfMore(
  service: Service,
  asked: readonly string[] | undefined,
  granted: readonly string[],
  warn: (text: string) => void,
): void {
  const more = asked === undefined ? [] : granted.filter((scope) => !asked.includes(scope));
  if (more.length > 0) warn(`${service.name} granted more than was asked for: ${namedScopes(more)}`);
}

/** Says what a connection that is made again may do now and could not before, and the other way round. */
export function warnOfChange(
  service: Service,
  existing: Connection | undefined,
  granted: readonly string[],
  warn: (text: string) => void,
): void {
  const before = existing === undefined ? undefined : grantedScopes(existing);
  if (before === undefined) return;
  const reading = service.authorization.scopes?.read_only;
  const writes = (scope: string) =>
    reading !== undefined && !reading.includes(scope) && !protocolScopes.includes(scope) ? ' (writes)' : '';
  const added = granted.filter((scope) => !before.includes(scope));
  const gone = before.filter((scope) => !granted.includes(scope));
  if (added.length > 0) warn(`${service.name} has scopes that it did not have before: ${namedScopes(added, writes)}`);
  if (gone.length > 0) warn(`${service.name} no longer has the scopes ${namedScopes(gone, writes)}`);
}

/** Scopes that say something about the token or the person, and let nobody write anything. */
const protocolScopes = ['offline_access', 'openid', 'profile', 'email'];

function readingScopes({ name, authorization }: Service): readonly string[] {
  const reading = authorization.scopes?.read_only ?? [];
  if (reading.length > 0) return reading;
  throw new AppError('usage', `${quote(name)} has no scopes that only read`, {
    hint: 'connect it without --read-only; what its tools may do is then up to the agent alone',
  });
}

/** Every scope of the service's file; nothing else may be asked for where there is one. */
function listedScopes({ authorization }: Service): string[] {
  const { default: usual = [], read_only: reading = [], additional = [] } = authorization.scopes ?? {};
  return unique([...usual, ...reading, ...additional]);
}

function allowedScopes({ service, found, server }: ScopeCase): readonly string[] {
  const listed = listedScopes(service);
  if (listed.length > 0) return listed;
  return found.withoutMetadata ? [...found.offeredScopes, ...(server.scopes_supported ?? [])] : found.offeredScopes;
}

function isAllowed(known: ScopeCase, scope: string): boolean {
  // Where nothing is listed and nothing is offered there is nothing to compare with.
  return listedScopes(known.service).length === 0 || allowedScopes(known).includes(scope);
}

function requireAllowed(known: ScopeCase, scopes: readonly string[]): void {
  const { service } = known;
  const listed = listedScopes(service);
  if (listed.length > 0) {
    requireListed(service, scopes, listed);
    return;
  }
  const foreign = scopes.filter((scope) => !allowedScopes(known).includes(scope));
  if (foreign.length === 0) return;
  throw new AppError('not_allowed', `${quote(service.name)} does not offer ${namedScopes(foreign)}`, {
    hint: `if it takes them all the same, list them in authorization.scopes of config/services/${service.name}.yaml`,
  });
}

function requireListed({ name }: Service, scopes: readonly string[], listed: readonly string[]): void {
  const foreign = scopes.filter((scope) => !listed.includes(scope));
  if (foreign.length === 0) return;
  throw new AppError('not_allowed', `the file of ${quote(name)} does not list ${namedScopes(foreign)}`, {
    hint: `review them, then add them to authorization.scopes.additional in config/services/${name}.yaml`,
  });
}

/** Alone it would be a sign-in that may do nothing. */
function withOfflineAccess(
  scopes: readonly string[] | undefined,
  { scopes_supported: supported }: AuthorizationServer,
): string[] | undefined {
  if (scopes === undefined || scopes.length === 0 || supported?.includes('offline_access') !== true)
    return scopes && [...scopes];
  return unique([...scopes, 'offline_access']);
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((scope) => b.includes(scope));
}

function unique(scopes: readonly string[]): string[] {
  return [...new Set(scopes)];
}

/** How many scopes a sentence names. */
const mostNamed = 10;

/** Scopes in a sentence: quoted, and no more than a few of them. */
export function namedScopes(scopes: readonly string[], mark: (scope: string) => string = () => ''): string {
  const rest = scopes.length > mostNamed ? ` and ${scopes.length - mostNamed} more` : '';
  return `${scopes
    .slice(0, mostNamed)
    .map((scope) => `${quote(scope)}${mark(scope)}`)
    .join(', ')}${rest}`;
}
