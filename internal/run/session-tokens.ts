/** The tokens of sessions in a run: with what they are signed, where they are published, who begins, renews and ends them. */
import { dirname, join, resolve } from 'node:path';
import { inParallel } from '../async/in-parallel.ts';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { configurationDigest } from '../config/digest.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import { readSecretFrom } from '../outside/file-descriptor.ts';
import { writeText } from '../outside/files.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import { Secret } from '../secret/secret.ts';
import { endSession } from '../session/end.ts';
import type { PreparedSession } from '../session/prepare.ts';
import { readAttempt } from '../session/start.ts';
import { tokensNow } from '../session/tokens-now.ts';
import { lookupsOf } from '../session/verify.ts';
import {
  type BegunIdentity,
  beginIdentity,
  isLineageOver,
  lagMs,
  lineageOver,
  lookEveryMs,
  renewTokens,
  retireIdentity,
  serversDue,
  takeBackStatus,
} from '../session-token/delivery.ts';
import { identitiesIn, type KeptIdentity, type Parent, type SessionIdentity } from '../session-token/identity.ts';
import { areTakenBack, owesList, refreshList, type TokenIssuer } from '../session-token/issuing.ts';
import { readTokenKeys } from '../session-token/key-file.ts';
import { keySetText, type TokenKey } from '../session-token/keys.ts';
import { type ReadParent, readParent, type VerifyingHere } from '../session-token/parent.ts';
import { findTokenSigner } from '../session-token/signer.ts';
import { quote } from '../text/quote.ts';
import { parentTokenWords } from './parent-token.ts';
import type { Ports } from './ports.ts';
import type { OperatorRun } from './project.ts';
import { readLocks } from './read-locks.ts';
import { asSignedInNow } from './renew-through-idp.ts';
import { requireConfiguration } from './still-as-begun.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';
import { workspaceOf } from './workspace.ts';

const descriptorTimeoutMs = 30_000;
const atOnce = 8;

/** What issues in a run; undefined where the configuration has no tokens of sessions. */
export async function tokenIssuerOf(
  ports: Ports,
  { configuration, platform }: { configuration: TrustedConfiguration; platform: Platform },
): Promise<TokenIssuer | undefined> {
  const { session_tokens: settings, platform: section } = configuration.interface;
  if (settings === undefined || section.workspace_id === undefined) return undefined;
  const { signal, descriptors, tell } = ports;
  const stores = await ports.stores();
  const workspace = workspaceOf(ports, configuration);
  const project = dirname(configuration.folder);
  let given: Promise<Secret> | undefined;
  return {
    platform,
    settings,
    tenant: section.workspace_id,
    policy: configurationDigest(configuration),
    identities: identitiesIn(stores.identities, workspace),
    places: stores.tokenStatus.at({ workspace }),
    // Anew each time: a run that goes on for long signs with the key whose time has come.
    async signer() {
      if (descriptors.tokenKey !== undefined) {
        given ??= readSecretFrom(descriptors.tokenKey, signal, descriptorTimeoutMs);
      }
      return await findTokenSigner({
        settings,
        keys: await readTokenKeys(configuration.folder),
        project,
        given: await given,
        secrets: await ports.secrets(),
        now: clock.now(),
        signal,
      });
    },
    async publish(statusList) {
      await publishKeys(configuration, await readTokenKeys(configuration.folder));
      await writeText(join(publishedIn(configuration), 'status'), statusList, 'shared');
    },
    warn: tell.warn,
    signal,
  };
}

/** The folder that a static host serves. */
export function publishedIn({ folder, interface: { session_tokens: settings } }: Configuration): string {
  return resolve(dirname(folder), settings?.publish ?? '.');
}

/** Writes the keys where a static host has them from. Gives the file. */
export async function publishKeys(configuration: Configuration, keys: readonly TokenKey[]): Promise<string> {
  const file = join(publishedIn(configuration), 'keys.json');
  await writeText(file, keySetText(keys), 'shared');
  return file;
}

/** What begins the tokens of a session of this run. */
export function identityBeginner(
  issuer: TokenIssuer,
  principal: Principal,
  parent: Parent | undefined,
): (prepared: PreparedSession, title: string | undefined) => Promise<BegunIdentity> {
  return (prepared, title) =>
    beginIdentity(issuer, {
      attempt: prepared.attempt,
      person: personOf(principal),
      personVaultId: prepared.vault.id,
      agent: { ...prepared.inForce.agent, name: prepared.definition.name },
      parent,
      tools: prepared.verdicts.flatMap(({ service, tool, verdict }) =>
        verdict === 'off' ? [] : [{ service, tool, verdict }],
      ),
      task: title,
      servers: prepared.identityServers,
    });
}

/**
 * The session whose token is handed over, which begins the one of this run: on a descriptor here, else as something that is
 * entered. Throws `parent_refused`.
 */
export async function parentOf(
  ports: Ports,
  run: Pick<OperatorRun, 'configuration' | 'platform' | 'principal'>,
): Promise<ReadParent | undefined> {
  const { parentToken: descriptor } = ports.descriptors;
  const issuer = await tokenIssuerOf(ports, run);
  if (issuer === undefined) return undefined;
  const token =
    descriptor === undefined
      ? new Secret((await ports.entered({ what: parentTokenWords, command: 'setup-session' })).trim())
      : await readSecretFrom(descriptor, ports.signal, descriptorTimeoutMs);
  return await readParent(await verifyingHere(issuer, run.configuration), token, run.principal);
}

/** With what tokens are verified on this machine. */
export async function verifyingHere(issuer: TokenIssuer, { folder, services }: Configuration): Promise<VerifyingHere> {
  return { issuer, keys: await readTokenKeys(folder), services: [...services.values()] };
}

function personOf({
  kind,
  issuer,
  subject,
  label,
  groups,
  verifiedEmail,
  assurance,
}: Principal): SessionIdentity['person'] {
  return {
    kind,
    issuer,
    subject,
    label,
    groups,
    ...(verifiedEmail !== undefined && { verifiedEmail }),
    ...(assurance !== undefined && { assurance }),
  };
}

/** A run of nobody, as a console looks after tokens: each person is as they were when their session began. */
export interface NobodysRun extends Pick<OperatorRun, 'configuration' | 'platform' | 'ownership'> {
  sessionRecords: Pick<OperatorRun['sessionRecords'], 'read'>;
  principal: undefined;
}

/** Of which sessions the tokens are looked after. */
export type Tended = (identity: SessionIdentity) => boolean;

/** Those of one person's sessions. */
export function ofPerson(principal: Pick<Principal, 'kind' | 'issuer' | 'subject'>): Tended {
  return ({ person }) => isSamePerson(person, principal);
}

/** Those of some sessions. */
export function ofSessions(ids: readonly string[]): Tended {
  return ({ sessionId }) => sessionId !== undefined && ids.includes(sessionId);
}

/**
 * Looks after the tokens of sessions once: renews what is due, takes back what is over, finishes what a killed run began (P8).
 * What cannot be done now is said, and done by the next look. Gives the sessions whose tokens were taken back. Throws
 * `record_unwritable` and `interrupted`.
 */
export async function tendTokens(
  ports: Ports,
  run: OperatorRun | NobodysRun,
  tended: Tended,
  warn = ports.tell.warn,
): Promise<string[]> {
  const issuer = await tokenIssuerOf(ports, run);
  if (issuer === undefined) return [];
  const all = await issuer.identities.all();
  for (const { kept, identity } of all) {
    if (identity === undefined) warn(`what is known of the tokens of a session cannot be read: ${quote(kept.where)}`);
  }
  const due = all.filter(({ identity }) => identity !== undefined && tended(identity));
  const unsigned = (error: unknown) => {
    if (!(error instanceof AppError) || ['interrupted', 'record_unwritable'].includes(error.code)) throw error;
    warn(`the status list was not signed again: ${error.message}`);
  };
  // What another run took back without the key is published here, whoever's it was: nothing else of it may be kept.
  if (due.length === 0) {
    if (await owesList(issuer).catch(unsigned)) await refreshList(issuer).catch(unsigned);
    return [];
  }
  const now = signedInNow(ports, run);
  const over: string[] = [];
  // Those that began others first: what becomes of them becomes of those in the same look.
  for (const generation of generationsOf(due)) {
    await inParallel(generation, atOnce, async ({ kept, identity }) => {
      try {
        const isOver = await tendOne(ports, run, issuer, kept, now);
        if (isOver && identity?.sessionId !== undefined) over.push(identity.sessionId);
      } catch (error) {
        if (!(error instanceof AppError) || ['interrupted', 'record_unwritable'].includes(error.code)) throw error;
        warn(
          `the tokens of ${quote(identity?.sessionId ?? identity?.attempt ?? '')} could not be looked after: ${error.message}`,
        );
      }
    });
  }
  await refreshList(issuer).catch(unsigned);
  return over;
}

/** What is kept, as {@link Identities.all} gives it. */
type Entry = Awaited<ReturnType<TokenIssuer['identities']['all']>>[number];

function generationsOf(entries: readonly Entry[]): Entry[][] {
  const generations: Entry[][] = [];
  for (const entry of entries) {
    const { parent } = entry.identity ?? {};
    const depth = parent === undefined ? 0 : parent.depth + 1;
    generations[depth] = [...(generations[depth] ?? []), entry];
  }
  return generations.filter(Boolean);
}

/** What ends the tokens of a session, whatever time is left: it is another one, or who it is for, or what they may. */
const ending: ReadonlySet<AppError['code']> = new Set([
  'offboarded',
  'not_allowed',
  'assurance_missing',
  'ownership_unproven',
  'session_altered',
  'session_differs',
  'session_ended',
]);

async function tendOne(
  ports: Ports,
  run: OperatorRun | NobodysRun,
  issuer: TokenIssuer,
  kept: KeptIdentity,
  now: (identity: SessionIdentity) => Promise<Principal>,
): Promise<boolean> {
  // Whoever holds it is about to do the same.
  const held = await kept.hold({ waitMs: 0, signal: ports.signal });
  if (!('release' in held)) return false;
  try {
    const before = await kept.read();
    if (before === undefined) return false;
    const session = await sessionOf(run.platform, before);
    if (session === undefined && before.sessionId === undefined && !isLate(before)) return false;
    if (session === undefined || !isLive(session)) {
      await retireIdentity(issuer, kept, before);
      return true;
    }
    const identity = { ...before, sessionId: session.id, txn: before.txn ?? before.attempt };
    try {
      if (await isLineageOver(issuer, identity)) {
        if (await hasEnded(run.platform, identity.parent)) await endBegun(issuer, run.platform, identity);
        throw lineageOver(session.id);
      }
      // What a run took back and did not bring to its end.
      if (await areTakenBack(issuer, identity.index)) {
        await retireIdentity(issuer, kept, identity);
        return true;
      }
      if (serversDue(identity).length === 0) return false;
      const tools = await judged(ports, run, identity, session, await now(identity));
      await renewTokens(issuer, kept, identity, tools);
      return false;
    } catch (error) {
      if (!(error instanceof AppError) || error instanceof PlatformError || !ending.has(error.code)) throw error;
      await retireIdentity(issuer, kept, identity);
      issuer.warn(`the tokens of the session ${quote(session.id)} were taken back: ${error.message}`);
      return true;
    }
  } finally {
    await held.release();
  }
}

/** Whether a parent has ended, or the first of its line, which may not have been followed yet. */
async function hasEnded(platform: Platform, parent: Parent | undefined): Promise<boolean> {
  const line = new Set(parent === undefined ? [] : [parent.sid, parent.rootSid]);
  const sessions = await Promise.all([...line].map((sid) => unlessMissing('listed', platform.sessions.retrieve(sid))));
  return sessions.some((session) => session === undefined || !isLive(session));
}

/** Ends a session that one began which has ended. No token of it counts from the first step on; it stays kept until all is done. */
async function endBegun(
  issuer: TokenIssuer,
  platform: Platform,
  identity: SessionIdentity & { sessionId: string },
): Promise<void> {
  const { sessionId, parent } = identity;
  await takeBackStatus(issuer, identity);
  const session = await unlessMissing('listed', platform.sessions.retrieve(sessionId));
  if (session === undefined || !isLive(session)) return;
  await endSession(platform, session);
  issuer.warn(`the session ${quote(sessionId)} was ended with ${quote(parent?.sid ?? '')}, which began it`);
}

async function judged(
  ports: Ports,
  run: OperatorRun | NobodysRun,
  identity: SessionIdentity,
  session: Session,
  principal: Principal,
): Promise<DecidedTool[]> {
  // What a console had begun by another configuration renews nothing and takes nothing back: by what counts now, the console does.
  if (ports.project.readAgain !== undefined) {
    const digest = configurationDigest(run.configuration);
    await requireConfiguration(ports, digest, 'no token is renewed by it', 'the console goes on with them');
  }
  const agent = run.configuration.agents.get(identity.agent.name);
  if (agent === undefined) {
    throw new AppError('not_allowed', `the agent ${quote(identity.agent.name)} has no file any more`);
  }
  const { toolPins } = await readLocks(run.configuration, agent, ports.signal);
  return await tokensNow({ ...run, identity, session, principal, toolPins, lookups: lookupsOf(run.platform) });
}

/** A person as they are signed in now, where they run this; else as they were when the session began. */
function signedInNow(ports: Ports, run: OperatorRun | NobodysRun): (identity: SessionIdentity) => Promise<Principal> {
  if (run.principal === undefined) return async ({ person }) => person;
  let mine: Promise<Principal> | undefined;
  return async ({ person }) => {
    if (!isSamePerson(person, run.principal)) return person;
    mine ??=
      run.principal.kind === 'sso'
        ? asSignedInNow(run, ports).then(({ principal }) => principal)
        : Promise.resolve(run.principal);
    return await mine;
  };
}

async function sessionOf(
  platform: Platform,
  { sessionId, agent, attempt }: SessionIdentity,
): Promise<Session | undefined> {
  if (sessionId !== undefined) return await unlessMissing('listed', platform.sessions.retrieve(sessionId));
  const [found] = await readAttempt(platform, agent.id, attempt);
  return found;
}

function isLate({ at }: SessionIdentity): boolean {
  return !(clock.now().getTime() - Date.parse(at) < lagMs);
}

/** Looks after tokens for as long as a run goes on; what fails is said once. */
export async function keepTended(ports: Ports, run: OperatorRun, tended: Tended, signal: AbortSignal): Promise<void> {
  const { session_tokens: settings } = run.configuration.interface;
  if (settings === undefined) return;
  const said = new Set<string>();
  const once = (text: string) => {
    if (!said.has(text) && !signal.aborted) ports.tell.warn(text);
    said.add(text);
  };
  while (!signal.aborted) {
    try {
      await tendTokens(ports, run, tended, once);
    } catch (error) {
      // Whoever ended it was told, and the next run goes on where this one stopped.
      if (signal.aborted && error instanceof AppError && error.code === 'interrupted') return;
      throw error;
    }
    await clock.pause(lookEveryMs(settings), signal);
  }
}

/** Does work, and looks after the tokens of some sessions beside it. */
export async function whileTended<Result>(
  ports: Ports,
  run: OperatorRun,
  tended: Tended,
  work: () => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  const tending = keepTended(ports, run, tended, AbortSignal.any([ports.signal, ended.signal]));
  // A fault of it is told when the work has ended.
  tending.catch(() => {});
  const result = await work().finally(() => ended.abort());
  await tending;
  return result;
}

/**
 * Takes back the tokens of sessions, and of those that they began, on the machine that issued them. With `ended`, they have just
 * ended, and those that they began end too. What cannot be done is said and given, not thrown.
 */
export async function endTokens(
  ports: Ports,
  run: { configuration: TrustedConfiguration; platform: Platform },
  tended: Tended,
  { ended }: { ended: boolean },
): Promise<AppError[]> {
  if (run.configuration.interface.session_tokens === undefined) return [];
  const issuer = await tokenIssuerOf(ports, run);
  if (issuer === undefined) return [];
  const faults: AppError[] = [];
  for (const { kept, identity, begun } of withBegun(await issuer.identities.all(), tended)) {
    try {
      const held = await kept.hold({ waitMs: 10_000, signal: ports.signal });
      try {
        const now = await kept.read();
        if (now === undefined) continue;
        const { sessionId } = now;
        if (begun && ended && sessionId !== undefined) await endBegun(issuer, run.platform, { ...now, sessionId });
        await retireIdentity(issuer, kept, now);
      } finally {
        if ('release' in held) await held.release();
      }
    } catch (error) {
      if (!(error instanceof AppError) || ['interrupted', 'record_unwritable'].includes(error.code)) throw error;
      ports.tell.warn(
        `the tokens of ${quote(identity.sessionId ?? identity.attempt)} are not wholly taken back: ${error.message}`,
      );
      faults.push(error);
    }
  }
  return faults;
}

/** Some of what is kept, with every session that those began, and those again. */
function withBegun(
  all: readonly Entry[],
  tended: Tended,
): { kept: KeptIdentity; identity: SessionIdentity; begun: boolean }[] {
  const found: { kept: KeptIdentity; identity: SessionIdentity; begun: boolean }[] = [];
  const sids = new Set<string>();
  for (const generation of generationsOf(all)) {
    for (const { kept, identity } of generation) {
      if (identity === undefined) continue;
      const line = identity.parent === undefined ? [] : [identity.parent.sid, identity.parent.rootSid];
      // Where a run was killed in the middle, what began it is not kept any more.
      const begun = line.some((sid) => sids.has(sid) || tended({ ...identity, sessionId: sid }));
      if (!begun && !tended(identity)) continue;
      found.push({ kept, identity, begun });
      if (identity.sessionId !== undefined) sids.add(identity.sessionId);
    }
  }
  return found;
}

/** The sessions that some sessions began, as far as they are known on this machine. */
export async function begunBy(
  ports: Ports,
  run: { configuration: TrustedConfiguration; platform: Platform },
  tended: Tended,
): Promise<string[]> {
  const issuer = await tokenIssuerOf(ports, run);
  const all = (await issuer?.identities.all()) ?? [];
  return withBegun(all, tended).flatMap(({ identity, begun }) => (begun ? (identity.sessionId ?? []) : []));
}
