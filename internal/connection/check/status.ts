/** What a connection is worth, judged from everything that is known of it; nothing is asked here. */
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { CapturedAnswer, CredentialTrial } from '../../platform/credentials.ts';
import { quote } from '../../text/quote.ts';
import { type AccountRefusal, storedMismatch } from '../account/account-match.ts';
import { type Connection, isUsable } from '../credentials.ts';
import { type Journal, tellLeft, wasReplaced } from '../journal/journal.ts';
import { grantedScopes } from '../scopes.ts';
import { isClientUnknown } from './validate.ts';

/** The state of one service for one person. */
export type ConnectionStatus =
  | 'connected'
  | 'needs-reconnect'
  | 'expired'
  | 'missing-scopes'
  | 'wrong-account'
  | 'unknown'
  | 'not-connected';

/** A state, why it is so, and what to do about it. Both texts are harmless in a terminal. */
export interface Judgement {
  status: ConnectionStatus;
  reason: string;
  /** Undefined when there is nothing to do. */
  next: string | undefined;
  /** Nobody can try it, so that nobody knows is no failure. */
  untriable?: true;
  /** Nothing is connected, and the reason tells what an interrupted run left. */
  left?: true;
}

/** What is known of a connection. */
export interface StatusEvidence {
  service: Service;
  connection: Connection | undefined;
  /** The person's address as the identity provider has verified it, for `account.match`. */
  verifiedEmail: string | undefined;
  /** What an interrupted run left, where nothing is connected. */
  left?: Journal | undefined;
  /** When the platform said that it could not renew it; undefined where it did not. */
  refreshFailedAt?: Date | undefined;
  /** The platform's answer; a text when it gave none, undefined when it was not asked. */
  trial: CredentialTrial | string | undefined;
  now: Date;
}

/** Judges one connection. That it does not work comes before what it may do, and that before how much of it. */
export function judgeStatus(evidence: StatusEvidence): Judgement {
  const { service, connection, verifiedEmail, left, refreshFailedAt, trial, now } = evidence;
  const connect = `run: service-connection ${service.name}`;
  if (connection === undefined) {
    const status = left !== undefined && wasReplaced(left, false) ? 'needs-reconnect' : 'not-connected';
    const reason = left === undefined ? 'nothing is connected' : tellLeft(left, service, []);
    return { status, reason, next: connect, ...(left !== undefined && { left: true }) };
  }
  const foreign = judgeForeign(service, connection, verifiedEmail);
  if (connection.kind === 'static_bearer') return judgeStatic(service, connection, foreign);
  const answer = typeof trial === 'object' ? trial : undefined;
  if (!isUsable(connection, timeOf(answer) ?? now)) {
    const reason = `expired at ${quote(connection.expiresAt)}, and the service gave nothing to renew it with`;
    return { status: 'expired', reason, next: connect };
  }
  if (answer?.status === 'invalid') return judgeInvalid(answer, service);
  if (refreshFailedAt !== undefined && isNewerThan(refreshFailedAt, connection, answer)) {
    const still = answer?.status === 'valid' ? ', and the access it has left will end' : '';
    const reason = `the platform could not renew the token at ${refreshFailedAt.toISOString()}${still}`;
    return { status: 'needs-reconnect', reason, next: connect };
  }
  if (foreign !== undefined) return foreign;
  if (answer?.status !== 'valid') {
    const reason = answer === undefined ? (trial ?? 'not tried') : reasonOfUnknown(answer);
    return { status: 'unknown', reason: String(reason), next: later };
  }
  const accepted = judgeAccepted(connection);
  if (accepted !== undefined) return accepted;
  const missing = missingScopes(service, connection);
  if (missing.length > 0) {
    return { status: 'missing-scopes', reason: `not granted: ${missing.map(quote).join(', ')}`, next: connect };
  }
  return { status: 'connected', reason: 'the service accepts the token', next: undefined };
}

/** Whether nothing has renewed the token since: neither its person nor the platform. */
function isNewerThan(failedAt: Date, { record }: Connection, trial: CredentialTrial | undefined): boolean {
  const connectedAt = Date.parse(record.connectedAt ?? '');
  return !(connectedAt > failedAt.getTime()) && trial?.refresh?.status !== 'succeeded';
}

/** An account that the service's file does not want now, and that nobody accepted by name. */
function judgeForeign(
  service: Service,
  { record }: Connection,
  verifiedEmail: string | undefined,
): Judgement | undefined {
  const rule = service.account?.match ?? 'none';
  const why = storedMismatch(rule, verifiedEmail, record);
  if (why === undefined) return undefined;
  const reason = `${foreignWords(why, record.account)}, and the service's file wants ${rule === 'domain' ? "one of the person's domain" : "the person's own"} (match: ${rule})`;
  return { status: 'wrong-account', reason, next: `run: service-connection ${service.name}` };
}

/** Such an account in words. */
export function foreignWords(why: AccountRefusal, account: string | undefined): string {
  if (why === 'no verified address') return 'your sign-in shows no verified address to compare its account with';
  return account === undefined ? 'nobody knows whose account it is' : `it is the account ${quote(account)}`;
}

function judgeAccepted({ record: { accountAccepted } }: Connection): Judgement | undefined {
  if (accountAccepted === undefined) return undefined;
  const reason = `${quote(accountAccepted)} is not the account that the service's file wants, and was accepted by name`;
  return { status: 'wrong-account', reason, next: undefined };
}

/** The platform tries no entered token and shows none, so nobody can know whether the service still takes it. */
function judgeStatic(
  { name, authorization }: Service,
  connection: Connection,
  foreign: Judgement | undefined,
): Judgement {
  if (authorization.static !== true) {
    const reason = "it is an entered token, which the service's file does not allow";
    return { status: 'needs-reconnect', reason, next: `run: service-connection ${name}` };
  }
  if (foreign !== undefined) return foreign;
  const { connectedAt } = connection.record;
  const since = connectedAt === undefined ? '' : `; the service took it at ${quote(connectedAt)}`;
  const reason = `an entered token cannot be tried from here${since}`;
  const next = `to be sure, enter it again: service-connection ${name} --token-stdin`;
  return judgeAccepted(connection) ?? { status: 'unknown', reason, next, untriable: true };
}

/** Throws `connection_needed` when somebody has to connect something again, else `connection_unknown` when nobody knows. */
export function requireWorking(states: readonly (Judgement & { service: Service })[]): void {
  const failing = states.filter(
    ({ status, untriable, next }) =>
      // An account that was accepted by name is all right: there is nothing to do about it.
      status !== 'connected' && !(status === 'wrong-account' && next === undefined) && untriable !== true,
  );
  if (failing.length === 0) return;
  const unknown = failing.every(({ status }) => status === 'unknown');
  const lines = failing.map(({ service, status, reason }) => `${service.name}: ${status}: ${reason}`);
  const first = unknown ? 'not known whether every connection works' : 'not every connection works';
  const steps = new Set(failing.flatMap(({ next }) => next ?? []));
  throw new AppError(unknown ? 'connection_unknown' : 'connection_needed', [first, ...lines].join('\n'), {
    ...(steps.size > 0 && { hint: [...steps].join('; ') }),
  });
}

/**
 * The default scopes of the service's file that were not granted. None are missing where it is not known what was
 * granted, nor where exactly the reading scopes were: somebody wanted no more than that.
 */
export function missingScopes({ authorization }: Service, connection: Connection): string[] {
  const granted = grantedScopes(connection);
  const { default: wanted = [], read_only: reading = [] } = authorization.scopes ?? {};
  if (granted === undefined) return [];
  const missing = wanted.filter((scope) => !granted.includes(scope));
  const readsOnly =
    reading.length > 0 &&
    reading.every((scope) => granted.includes(scope)) &&
    missing.length === wanted.filter((scope) => !reading.includes(scope)).length;
  return readsOnly ? [] : missing;
}

const later = 'try again later';

/** Refused for good, or only now? A service that cannot be reached to renew a token has refused nothing for good. */
function judgeInvalid(trial: CredentialTrial, service: Service): Judgement {
  const { refresh, mcp_probe: probe } = trial;
  const connect = `run: service-connection ${service.name}`;
  const refused = `the service refuses the token${said(probe?.http_response)}`;
  if (refresh?.status === 'connect_error' || (refresh?.status === 'failed' && isPassing(refresh.http_response))) {
    const reason = `${refused}, and could not be asked to renew it${said(refresh.http_response)}`;
    return { status: 'unknown', reason, next: `${later}; if it stays, ${connect}` };
  }
  if (refresh?.status === 'failed') {
    // Services forget clients that registered themselves; the same client would be refused again.
    const forgotten = service.authorization.registration !== 'pre-registered' && isClientUnknown(trial);
    const reason = `the service does not renew the token${said(refresh.http_response)}`;
    return { status: 'needs-reconnect', reason, next: forgotten ? `${connect} --new-client` : connect };
  }
  if (refresh?.status === 'no_refresh_token') {
    return { status: 'needs-reconnect', reason: `${refused}, and there is nothing to renew it with`, next: connect };
  }
  const renewed = refresh?.status === 'succeeded' ? ', although it was renewed just now' : '';
  return { status: 'needs-reconnect', reason: `${refused}${renewed}`, next: connect };
}

function reasonOfUnknown({ mcp_probe: probe, refresh }: CredentialTrial): string {
  if (probe !== null && probe.http_response === null) return `the service gave no answer to ${quote(probe.method)}`;
  if (probe !== null) return `the service answered ${quote(probe.method)} with an error${said(probe.http_response)}`;
  if (refresh?.status === 'succeeded') return 'the token was renewed just now and not tried yet';
  return 'the platform could not tell whether the token works';
}

function said(answer: CapturedAnswer | null | undefined): string {
  if (answer === null || answer === undefined) return '';
  return `: ${Number(answer.status_code)}${answer.body === '' ? '' : ` ${quote(answer.body)}`}`;
}

function isPassing(answer: CapturedAnswer | null): boolean {
  return answer !== null && (answer.status_code === 429 || answer.status_code >= 500);
}

function timeOf(trial: CredentialTrial | undefined): Date | undefined {
  const time = Date.parse(String(trial?.validated_at));
  return Number.isNaN(time) ? undefined : new Date(time);
}
