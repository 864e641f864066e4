/** What `doctor` finds in a vault, judged from what others found out; nothing is asked here. */

import { normalisedServerUrl } from '../../config/addresses.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { isSameIssuer, reviewedIssuers } from '../../oauth/authorization-server.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import { storedMismatch } from '../account/account-match.ts';
import { type Connection, connectionsOf, isUsable, mostCredentials, wasCut } from '../credentials.ts';
import { foreignWords } from './status.ts';

/** How bad it is: tokens may reach a stranger; something does not or soon will not work; worth knowing. */
export type FindingLevel = 'alarm' | 'warning' | 'note';

/** One thing that is not as it should be. `what` and `next` are harmless in a terminal. */
export interface Finding {
  level: FindingLevel;
  /** The catalogued service that it is about, and the credential. */
  service: string | undefined;
  credentialId: string | undefined;
  what: string;
  next: string;
}

/** What an issuer said of itself today: where it renews tokens, or why that is not known. */
export type IssuerToday =
  | { tokenEndpoint: string }
  | { unknown: string /** It said that it is somebody else. */; impostor: boolean };

/** Everything that is known. */
export interface VaultEvidence {
  services: readonly Service[];
  connections: readonly Connection[];
  /** The person's address as the identity provider has verified it, for `account.match`. */
  verifiedEmail: string | undefined;
  /** Every active credential, also those that are no connections. */
  credentialCount: number;
  /** By issuer, spelt as the catalogue spells it. */
  issuers: ReadonlyMap<string, IssuerToday>;
  now: Date;
}

const day = 24 * 60 * 60 * 1000;
/** A library that several services run forgets clients that registered themselves after so many days. */
const clientLivesDays = 90;
const warnDaysBefore = 14;
/** From where on the platform's limit is worth knowing. */
const manyCredentials = 15;

const order: readonly FindingLevel[] = ['alarm', 'warning', 'note'];

/** Judges a vault as a whole: worst first. */
export function judgeConnections(evidence: VaultEvidence): Finding[] {
  const findings = [
    ...evidence.connections.flatMap((connection) => judgeConnection(connection, evidence)),
    ...nearDuplicates(evidence),
    ...crowding(evidence.credentialCount),
  ];
  return findings.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** Throws `connection_suspect` with everything that was found when there is an alarm among it. */
export function refuseAlarms(findings: readonly Finding[]): void {
  const alarms = findings.filter(({ level }) => level === 'alarm');
  if (alarms.length === 0) return;
  const lines = findings.map(({ level, service, credentialId, what }) => {
    const where = [service, credentialId === undefined ? undefined : quote(credentialId)].filter(Boolean).join(' ');
    return `${level}: ${where}${where === '' ? '' : ': '}${what}`;
  });
  throw new AppError('connection_suspect', ['a connection is not what it should be', ...lines].join('\n'), {
    hint: [...new Set(alarms.map(({ next }) => next))].join('; '),
  });
}

type Say = (level: FindingLevel, what: string, next: string) => Finding;

function judgeConnection(connection: Connection, evidence: VaultEvidence): Finding[] {
  const service = evidence.services.find((candidate) => connectionsOf([connection], candidate).length > 0);
  const say: Say = (level, what, next) => ({
    level,
    service: service?.name,
    credentialId: connection.credentialId,
    what,
    next,
  });
  if (service === undefined) {
    const what = `no service of the catalogue has the address ${quote(connection.mcpServerUrl)}`;
    const byUrl = connection.record.unlisted === undefined ? '' : '; somebody connected it with --url';
    return [
      say(
        'warning',
        `${what}${byUrl}`,
        'no session uses it: service-connection disconnect --url <url>, or review and catalogue the service',
      ),
    ];
  }
  return [
    ...judgeEndpoint(connection, service, evidence.issuers, say),
    ...judgeClient(connection, service, evidence.now, say),
    ...judgeAccount(connection, service, evidence.verifiedEmail, say),
    ...judgeRecord(connection, service, say),
    ...judgeExpiry(connection, service, evidence.now, say),
    ...judgeAddress(connection, service, say),
  ];
}

/** The platform sends the refresh token there, again and again: the one place that must not be somebody else's. */
function judgeEndpoint(
  { tokenEndpoint, record }: Connection,
  service: Service,
  today: VaultEvidence['issuers'],
  say: Say,
): Finding[] {
  const findings: Finding[] = [];
  const pinned = service.authorization.issuers;
  const replace = `run: service-connection disconnect ${service.name}, end its access at the service, and find out who changed it`;
  for (const issuer of pinned) {
    const known = today.get(issuer);
    if (known === undefined || !('unknown' in known)) continue;
    const level = known.impostor ? 'alarm' : 'warning';
    findings.push(
      say(
        level,
        known.unknown,
        known.impostor ? 'connect nothing there until that is explained' : 'run doctor again later',
      ),
    );
  }
  if (tokenEndpoint === undefined) return findings;

  const published = pinned.flatMap((issuer) => {
    const known = today.get(issuer);
    return known !== undefined && 'tokenEndpoint' in known ? [known.tokenEndpoint] : [];
  });
  const recorded = wasCut(record.tokenEndpoint) ? undefined : record.tokenEndpoint;
  if (recorded !== undefined && recorded !== tokenEndpoint) {
    const what = `its tokens are renewed at ${quote(tokenEndpoint)}, and ${quote(recorded)} is what was stored`;
    findings.push(say('alarm', what, replace));
  } else if (published.length === pinned.length && !published.includes(tokenEndpoint)) {
    // Only when every issuer answered: it could be the endpoint of the one that did not.
    const what = `its tokens are renewed at ${quote(tokenEndpoint)}, and today the service names ${published.map(quote).join(', ')}`;
    findings.push(say('alarm', what, replace));
  }
  return findings;
}

function judgeClient(connection: Connection, service: Service, now: Date, say: Say): Finding[] {
  const { clientId, record, refreshable, createdAt } = connection;
  const { registration, client_id, client_metadata_url } = service.authorization;
  const findings: Finding[] = [];
  const recorded = wasCut(record.clientId) ? undefined : record.clientId;
  if (refreshable && recorded !== undefined && recorded !== clientId) {
    const what = `its tokens are renewed as the client ${quote(clientId)}, and ${quote(recorded)} is what was stored`;
    findings.push(say('warning', what, again(service)));
  }
  // Left to the order of registration, the document is only used where the service takes such.
  const catalogued = registration === 'client-metadata' ? client_metadata_url : client_id;
  if (catalogued !== undefined && clientId !== undefined && clientId !== catalogued) {
    const what = `it belongs to the client ${quote(clientId)}, and the catalogue names ${quote(catalogued)}`;
    findings.push(say('warning', what, again(service)));
  }
  // Reconnecting in place keeps the client, so what counts is when the credential was made.
  const age = Math.floor((now.getTime() - Date.parse(createdAt)) / day);
  const dynamic = registration === 'dynamic' || (registration === undefined && catalogued === undefined);
  if (dynamic && clientId !== client_metadata_url && refreshable && age >= clientLivesDays - warnDaysBefore) {
    const what = `its client registered itself ${age} days ago, and services may forget one after ${clientLivesDays}`;
    findings.push(say('warning', what, `${again(service)} --new-client`));
  }
  const clientEnd = Date.parse(record.clientExpiresAt ?? '');
  if (refreshable && clientEnd - now.getTime() <= warnDaysBefore * day) {
    const what = `the secret of its client ends at ${quote(new Date(clientEnd).toISOString())}`;
    findings.push(say('warning', what, `${again(service)} --new-client`));
  }
  return findings;
}

function judgeRecord({ kind, record }: Connection, service: Service, say: Say): Finding[] {
  const { issuer, clientId, connectedAt } = record;
  // A token that was entered came from no authorization server and belongs to no client.
  const expected = kind === 'static_bearer' ? {} : { issuer, 'client id': clientId };
  const lacking = Object.entries({ ...expected, 'time of connecting': connectedAt }).flatMap(([name, value]) =>
    value === undefined ? [name] : [],
  );
  const findings: Finding[] = [];
  if (kind === 'static_bearer' && service.authorization.static !== true) {
    findings.push(
      say('warning', 'it is an entered token, which the file of its service does not allow', again(service)),
    );
  }
  if (lacking.length > 0) {
    const what = `its record lacks ${lacking.join(', ')}: it was stored or changed by something else`;
    findings.push(say('warning', what, again(service)));
  }
  const issuers = reviewedIssuers(service.authorization);
  if (issuer !== undefined && !wasCut(issuer) && !issuers.some((pinned) => isSameIssuer(issuer, pinned))) {
    const what = `its tokens are from ${quote(issuer)}, and the catalogue allows ${issuers.map(quote).join(', ')}`;
    findings.push(say('warning', what, again(service)));
  }
  return findings;
}

function judgeExpiry(connection: Connection, service: Service, now: Date, say: Say): Finding[] {
  if (connection.refreshable || connection.expiresAt === undefined) return [];
  if (!isUsable(connection, now)) {
    return [say('warning', `it expired at ${quote(connection.expiresAt)}`, again(service))];
  }
  const what = `it ends at ${quote(connection.expiresAt)}: the service gave nothing to renew it with`;
  return [say('note', what, `then ${again(service)}`)];
}

/** A session would act as somebody else. */
function judgeAccount(
  { record }: Connection,
  service: Service,
  verifiedEmail: string | undefined,
  say: Say,
): Finding[] {
  const why = storedMismatch(service.account?.match ?? 'none', verifiedEmail, record);
  if (why === undefined) return [];
  return [say('alarm', `${foreignWords(why, record.account)}, and the service's file wants another`, again(service))];
}

function judgeAddress({ mcpServerUrl }: Connection, service: Service, say: Say): Finding[] {
  if (mcpServerUrl === service.mcp_server_url) return [];
  const what = `its address is spelt ${quote(mcpServerUrl)}, and the catalogue spells ${quote(service.mcp_server_url)}`;
  return [say('note', what, 'the platform takes them for the same')];
}

function again({ name }: Service): string {
  return `run: service-connection ${name}`;
}

/** Addresses that a person takes for the same and the platform for two, or two that it should never have let be. */
function nearDuplicates({ connections, services }: VaultEvidence): Finding[] {
  const byLook = new Map<string, Connection[]>();
  for (const connection of connections) {
    const look = loosened(connection.mcpServerUrl);
    byLook.set(look, [...(byLook.get(look) ?? []), connection]);
  }
  return [...byLook.values()].flatMap((alike): Finding[] => {
    const [first, ...others] = alike;
    if (first === undefined || others.length === 0) return [];
    const catalogued = services.find((service) => connectionsOf(alike, service).length > 0);
    const named = alike.map(({ credentialId, mcpServerUrl }) => `${quote(credentialId)} ${quote(mcpServerUrl)}`);
    return [
      {
        level: 'warning',
        service: catalogued?.name,
        credentialId: undefined,
        what: `${alike.length} credentials have nearly the same address: ${named.join(', ')}`,
        next: 'archive the one that no service of the catalogue names on the platform',
      },
    ];
  });
}

function loosened(url: string): string {
  return (isUrl(url) ? normalisedServerUrl(url) : url).toLowerCase();
}

function crowding(count: number): Finding[] {
  if (count <= manyCredentials) return [];
  const what = `${count} of at most ${mostCredentials} credentials of this vault are used`;
  const next = 'disconnect what nobody needs: service-connection disconnect <service>';
  return [{ level: 'warning', service: undefined, credentialId: undefined, what, next }];
}
