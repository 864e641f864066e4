/**
 * What a run of `service-connection` writes down between consent and vault, for the run after it where this one is
 * killed (P8). Pure. It holds no secret, and nothing is decided by it: it is worth a sentence to the person, and says
 * which of the vault's credentials to look at. What is there is read from the vault.
 */
import * as z from 'zod/mini';
import type { Service } from '../../config/definitions.ts';
import { quote } from '../../text/quote.ts';
import { type Connection, connectionsOf } from '../credentials.ts';

/** What a run was about to do when it wrote the journal last. */
export type Step = 'register' | 'authorize' | 'account' | 'store' | 'disconnect';

/** A client as the service knows it. A secret of its own is never written down. */
export interface RegisteredClient {
  issuer: string;
  clientId: string;
  redirectUri: string;
  registeredAt: string;
}

/** Access that was asked for, and that nobody may hold when the run ends here. */
export interface GrantNote {
  issuer: string;
  clientId: string;
  at: string;
  /** False as long as the person was only asked: whether they said yes is known to the service. */
  certain: boolean;
  account?: string | undefined;
  scopes?: string | undefined;
}

/** The change to the vault that was begun. */
export interface Storing {
  act: 'create' | 'update' | 'replace';
  /** Stands in the record of the credential that it leads to. */
  attempt: string;
  /** The credential that is updated, or archived first. */
  credentialId?: string | undefined;
}

/** One journal. Times are RFC 3339. */
export interface Journal {
  version: 1;
  service: string;
  mcpServerUrl: string;
  vaultId: string;
  at: string;
  next: Step;
  /** The client that was registered last, for use instead of another one. */
  client?: RegisteredClient | undefined;
  /** Oldest first. Those of earlier runs stay until a run comes to its end. */
  grants: GrantNote[];
  storing?: Storing | undefined;
  /** What is taken out of the vault, and whose account it is. */
  removing?: { credentialIds: string[]; account?: string | undefined } | undefined;
}

/** How many grants are remembered; more are not worth a person's while. */
const mostGrants = 10;

/** Made when a journal is read, which most runs have none of. */
function journalDefinition() {
  const text = z.string().check(z.maxLength(2048));
  const time = z.iso.datetime();
  const client = z.strictObject({ issuer: text, clientId: text, redirectUri: text, registeredAt: time });
  const grant = z.strictObject({
    issuer: text,
    clientId: text,
    at: time,
    certain: z.boolean(),
    account: z.optional(text),
    scopes: z.optional(text),
  });
  const storing = z.strictObject({
    act: z.enum(['create', 'update', 'replace']),
    attempt: text,
    credentialId: z.optional(text),
  });
  const removing = z.strictObject({ credentialIds: z.array(text).check(z.maxLength(100)), account: z.optional(text) });
  return z.strictObject({
    version: z.literal(1),
    service: text,
    mcpServerUrl: text,
    vaultId: text,
    at: time,
    next: z.enum(['register', 'authorize', 'account', 'store', 'disconnect']),
    client: z.optional(client),
    grants: z.array(grant).check(z.maxLength(mostGrants)),
    storing: z.optional(storing),
    removing: z.optional(removing),
  });
}

/** The journal in a text; undefined where it is none. */
export function parseJournal(content: string): Journal | undefined {
  try {
    return journalDefinition().safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
}

/** A journal as the text of a file. */
export function printJournal(journal: Journal): string {
  const cut = (value: string | undefined) => value?.slice(0, 2048);
  const grants = journal.grants
    .slice(-mostGrants)
    .map((grant) => ({ ...grant, account: cut(grant.account), scopes: cut(grant.scopes) }));
  return `${JSON.stringify({ ...journal, grants })}\n`;
}

/** The grants that nobody holds, unless the last one was stored. */
export function unheldGrants(journal: Journal, connections: readonly Connection[]): GrantNote[] {
  return wasStored(journal, connections) ? journal.grants.slice(0, -1) : journal.grants;
}

function wasStored({ storing }: Journal, connections: readonly Connection[]): boolean {
  return storing !== undefined && connections.some(({ record }) => record.attempt === storing.attempt);
}

/** How long a service may be expected to remember a client that nobody has used yet. */
const unusedClientMs = 60 * 60 * 1000;

/** The client that an interrupted run registered, as long as it is worth another try. */
export function leftClient({ client }: Journal, now: Date): RegisteredClient | undefined {
  if (client === undefined) return undefined;
  const age = now.getTime() - Date.parse(client.registeredAt);
  return age >= 0 && age < unusedClientMs ? client : undefined;
}

/** Where a person ends access by hand. */
export const byHand = "remove it there, in the account's connected apps";

/**
 * What the last run left, in one harmless line: how far it came, what is in the vault now, and what the service may
 * still list. `connections` are those of the vault as it is now.
 */
export function tellLeft(journal: Journal, service: Service, connections: readonly Connection[]): string {
  const title = service.title ?? service.name;
  const begun = `the last run for ${service.name} ended too early (${journal.at.slice(0, 16)}Z)`;
  const access = accessLeft(unheldGrants(journal, connections), title) ?? replacedAccess(journal, connections, title);
  return [`${begun}: ${howFar(journal, service, connections)}`, ...(access === undefined ? [] : [access])].join('; ');
}

function howFar(journal: Journal, service: Service, connections: readonly Connection[]): string {
  const connected = connectionsOf(connections, service).length > 0;
  if (wasStored(journal, connections)) return 'it had stored the connection, which is in your vault';
  switch (journal.next) {
    case 'disconnect':
      return toldOfRemoval(journal, service, connected);
    case 'register':
      return 'nobody was asked for access yet';
    case 'authorize':
      return `${service.title ?? service.name} was asked for access`;
    case 'account':
      return 'access was granted and not stored';
    case 'store':
      if (!wasReplaced(journal, connected)) return 'what was granted was not stored';
      return 'the old connection was taken out of your vault and the new one was not stored, so nothing is connected now';
  }
}

function toldOfRemoval({ removing }: Journal, service: Service, connected: boolean): string {
  if (connected) return `it was disconnecting ${service.name}, which is still connected`;
  const title = service.title ?? service.name;
  const whose = removing?.account === undefined ? '' : ` to ${quote(removing.account)}`;
  return `${service.name} is disconnected; the access${whose} that ${title} granted could not be revoked from here: ${byHand}`;
}

function accessLeft(grants: readonly GrantNote[], title: string): string | undefined {
  if (grants.length === 0) return undefined;
  const accounts = [...new Set(grants.flatMap(({ account }) => account ?? []))];
  const as = accounts.length === 0 ? '' : ` as ${accounts.map(quote).join(', ')}`;
  const some = grants.some(({ certain }) => certain) ? 'granted' : 'may have been asked to grant';
  return `${title} may still list the access that it ${some}${as}: connecting again takes its place, otherwise ${byHand}`;
}

function replacedAccess(journal: Journal, connections: readonly Connection[], title: string): string | undefined {
  if (journal.storing?.act !== 'replace' || !wasStored(journal, connections)) return undefined;
  return replacedAccessLeft(title);
}

/** What is to be said when the connection before was of another client, whose access nobody holds now. */
export function replacedAccessLeft(title: string): string {
  return `${title} may still list the access of the connection before: ${byHand}`;
}

/** Whether a connection was there, was archived to be replaced, and nothing came in its place. */
export function wasReplaced({ storing, next }: Journal, connected: boolean): boolean {
  return next === 'store' && storing?.act === 'replace' && !connected;
}
