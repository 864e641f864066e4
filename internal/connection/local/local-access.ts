/** Access to a service for agents on the person's own machine: what it is looked for with, and what is kept of it. */
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import type { BrowserVisit } from '../../oauth/browser-visit.ts';
import { type KeptSecret, SecretUnavailable } from '../../stores/kept-secret.ts';
import type { KeptText } from '../../stores/kept-text.ts';
import { quote } from '../../text/quote.ts';
import type { AccountFlags } from '../account/confirm-account.ts';
import type { ClientSource } from '../client/client-source.ts';
import type { ScopeChoice } from '../scopes.ts';
import { type AccessSource, type AccessWanted, isTheirs, type KeptAccess, parseAccess } from './kept-access.ts';

/** What access is looked for with. */
export interface LocalAccessRequest {
  service: AccessWanted['service'];
  principal: Principal;
  /** In the order of the service's file, those that there can be for this person here. */
  sources: readonly AccessSource[];
  /** The scopes of the file that the person may have; undefined where it names none. */
  scopes: readonly string[] | undefined;
  scopeChoice: ScopeChoice;
  /** Where it is kept; undefined where nothing is. */
  place: KeptSecret | undefined;
  /** Held by who renews it. */
  turn: KeptText;
  visit: BrowserVisit;
  clients(): Promise<ClientSource>;
  /** The command that has the person allow it. */
  command: string;
  detail(text: string): void;
}

/** Where somebody is who can allow it. */
export interface AllowRequest extends LocalAccessRequest {
  accountFlags: AccountFlags;
}

/** How long a run that renews the same access is waited for: less than an agent waits for its header. */
const turnMs = 8_000;

/** What is kept and of use to this person; undefined for anything else. Throws `keychain_unavailable`. */
export async function readAccess(request: LocalAccessRequest): Promise<KeptAccess | undefined> {
  const { place } = request;
  if (place === undefined) return undefined;
  const text = await place.read().catch((error: unknown) => {
    throw unavailable(error, place);
  });
  const kept = text && parseAccess(text);
  return kept !== undefined && isTheirs(kept, wantedBy(request)) ? kept : undefined;
}

/** What access has to be of to count in this run. */
export function wantedBy({ service, principal, sources, scopes, scopeChoice }: LocalAccessRequest): AccessWanted {
  return { service, person: principal, sources, scopes, onlyThese: scopeChoice.kind === 'read-only', now: clock.now() };
}

/** Acts while no other run of this person works with the same access. Throws `already_running` and `interrupted`. */
export async function inTurn<Result>(
  { turn, visit, service }: Pick<LocalAccessRequest, 'turn' | 'visit' | 'service'>,
  act: () => Promise<Result>,
): Promise<Result> {
  const hold = await turn.hold({ signal: visit.signal, waitMs: turnMs });
  if (!('release' in hold)) {
    if (visit.signal.aborted) throw new AppError('interrupted', 'interrupted while another run renews the access');
    throw new AppError(
      'already_running',
      `another run on this machine is renewing the access to ${service.name}: ${hold.called}, since ${hold.since}`,
    );
  }
  try {
    return await act();
  } finally {
    await hold.release();
  }
}

/** What has to be done first, and why. */
export function neededAgain({ service, command }: LocalAccessRequest, why: string | undefined): AppError {
  const said = why ?? 'nobody has allowed it yet';
  return new AppError('connection_needed', `local agents have no access to ${quote(service.name)}: ${said}`, {
    hint: `run: ${command}`,
  });
}

/** An error of the place in the words of a run; any other as it is. */
export function unavailable(error: unknown, { called }: KeptSecret): unknown {
  if (!(error instanceof SecretUnavailable)) return error;
  return new AppError('keychain_unavailable', `${called} cannot be used: ${quote(error.message)}`, { cause: error });
}
