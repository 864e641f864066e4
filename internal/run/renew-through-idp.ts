/** Connections that came through the identity provider end soon, and nothing renews them but another exchange. */
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { type Connection, connectionOf, isUsable, readConnections } from '../connection/credentials.ts';
import { grantedScopes } from '../connection/scopes.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson } from '../identity/principal.ts';
import type { RenewConnections } from '../session/prepare.ts';
import { findVault } from '../vault/resolve.ts';
import type { Ports } from './ports.ts';
import type { OperatorRun } from './project.ts';

/** What ends a run, however long the connection would still work: who it is for is in doubt, or what they may. */
const ending: ReadonlySet<string> = new Set(['interrupted', 'identity_refused', 'another_person', 'offboarded']);

/** Of a token whose end nobody has said, how long it is taken to last. */
const unknownLifeMs = 30 * 60 * 1000;

/** Whether a connection came through the identity provider, so that the next one does. */
function isThroughIdp({ authorization }: Service, { kind, refreshable, record }: Connection): boolean {
  return kind === 'mcp_oauth' && !refreshable && (record.via === 'idp' || authorization.via === 'idp');
}

/** When a connection is to be renewed, in milliseconds since 1970: once half of its time is over. */
function renewalDue({ expiresAt, createdAt, record }: Connection): number {
  const since = Date.parse(record.connectedAt ?? createdAt);
  const end = expiresAt === undefined ? since + unknownLifeMs : Date.parse(expiresAt);
  return since + (end - since) / 2;
}

/** The connections of some services that are due at a time. */
function dueAt(connections: readonly Connection[], services: readonly Service[], now: Date) {
  return services.flatMap((service) => {
    const connection = connectionOf(connections, service);
    const due =
      connection !== undefined && isThroughIdp(service, connection) && renewalDue(connection) <= now.getTime();
    return due ? [{ service, connection }] : [];
  });
}

/**
 * Renews what is due before a session needs it. One that still works is not lost where that fails: it is said. Throws what
 * connecting throws for one that has expired.
 */
export function renewThroughIdp(run: OperatorRun, ports: Ports, warn = ports.tell.warn): RenewConnections {
  return async (vault, connections, services) => {
    const now = clock.now();
    const due = dueAt(connections, services, now);
    for (const { service, connection } of due) {
      try {
        await renewOne(run, service, connection, ports);
      } catch (error) {
        if (!(error instanceof AppError) || ending.has(error.code)) throw error;
        const { code } = error;
        if ((code === 'already_running' || code === 'token_unusable') && (await isRenewed(run, vault.id, service))) {
          if (code === 'already_running') continue;
          // What worked is overwritten by what the service refuses.
          throw error;
        }
        if (!isUsable(connection, now)) throw error;
        const until = connection.expiresAt === undefined ? '' : ` until ${connection.expiresAt}`;
        warn(`${service.name} could not be renewed, and works${until}: ${error.message}`);
      }
    }
    return due.length === 0 ? connections : await readConnections(run.platform, vault.id);
  };
}

/** The same where nothing is to be changed: says what would be renewed, and takes it for renewed. */
export function wouldRenewThroughIdp(would: (service: string) => void): RenewConnections {
  return async (_vault, connections, services) => {
    const due = dueAt(connections, services, clock.now());
    for (const { service } of due) would(service.name);
    const renewed = new Set(due.map(({ connection }) => connection.credentialId));
    return connections.map((each) => (renewed.has(each.credentialId) ? { ...each, expiresAt: undefined } : each));
  };
}

/** Whether it is done: by another run meanwhile, or by this one, which then failed. */
async function isRenewed({ platform }: OperatorRun, vaultId: string, service: Service): Promise<boolean> {
  const connection = connectionOf(await readConnections(platform, vaultId), service);
  return connection !== undefined && renewalDue(connection) > clock.now().getTime();
}

async function renewOne(run: OperatorRun, service: Service, before: Connection, ports: Ports): Promise<void> {
  // Most sessions have nothing to renew, and load none of it.
  const { connectService } = await import('../connection/connect.ts');
  const { clientSource } = await import('./client-source.ts');
  const { storedEvent } = await import('./connected.ts');
  const connected = await connectService({
    ...run,
    service,
    via: 'idp',
    newClient: false,
    clients: await clientSource(ports),
    // As it is, without what the file no longer lists.
    scopeChoice: grantedScopes(before)?.length ? { kind: 'added', scopes: [] } : { kind: 'usual' },
    legacyEndpoints: false,
    acceptAudience: false,
    accountFlags: { expected: undefined, accepted: before.record.accountAccepted },
    // Another account than before is nothing that a renewal brings.
    confirm: undefined,
    detail: ports.tell.detail,
    warn: ports.tell.warn,
  });
  ports.tell.event(storedEvent(service, connected));
  ports.tell.detail(`${service.name} was renewed through the identity provider`);
}

/** How often a run that goes on for long looks whether something is due. */
const lookEveryMs = 20_000;

/**
 * Renews what the person's own connections need, for as long as a run goes on. Nobody is asked for anything: the sign-in that is
 * kept is renewed as ever, and what fails is said once. Only for services whose file says that they come in this way.
 */
export async function keepRenewed(run: OperatorRun, ports: Ports, signal: AbortSignal): Promise<void> {
  const services = [...run.configuration.services.values()].filter(({ authorization }) => authorization.via === 'idp');
  if (services.length === 0 || run.principal.kind !== 'sso') return;
  const said = new Set<string>();
  const once = (text: string) => {
    if (!said.has(text) && !signal.aborted) ports.tell.warn(text);
    said.add(text);
  };
  while (!signal.aborted) {
    await clock.pause(lookEveryMs, signal);
    if (signal.aborted) return;
    try {
      const vault = await findVault(run, run.principal);
      if (vault === undefined) continue;
      const connections = await readConnections(run.platform, vault.id);
      if (dueAt(connections, services, clock.now()).length === 0) {
        said.clear();
        continue;
      }
      await renewThroughIdp(await asSignedInNow(run, ports), ports, once)(vault, connections, services);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      once(`nothing could be renewed: ${error.message}`);
    }
  }
}

/** The run with the sign-in as it is kept now. Where none is kept, the one that it began with has to do. */
export async function asSignedInNow(run: OperatorRun, ports: Ports): Promise<OperatorRun> {
  const { signInAtIdp } = await import('./idp-sign-in.ts');
  const { beginOperatorProof } = await import('./project.ts');
  const { configuration, visit, principal } = run;
  const proof = await beginOperatorProof(ports, configuration, visit);
  const proven = await proof.prove({ sign: 'never' }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'sign_in_needed') return undefined;
    throw error;
  });
  const isSame = proven !== undefined && isSamePerson(proven.principal, principal);
  const atIdp = async () => {
    const signIn = isSame ? signInAtIdp(configuration, proof, proven) : await visit.atIdp?.();
    if (signIn === undefined) throw new AppError('sign_in_needed', 'nobody is signed in any more');
    return { ...signIn, again: undefined };
  };
  // What they may is judged by what the sign-in says of them now.
  return { ...run, principal: isSame ? proven.principal : principal, visit: { ...visit, atIdp } };
}
