/**
 * Off-boards a person: nothing of theirs acts any more, and no run of theirs, on whichever machine, begins again.
 *
 * 1. The mark goes into their vaults first. From then on every command of theirs is refused, so nothing is added while
 *    the rest is taken away, and a run that is killed here leaves them locked out, not half in.
 * 2. Credentials are archived, which purges their secrets, and sessions are interrupted and archived, with the tokens of their own.
 * 3. The vaults are archived. The platform keeps their metadata, and with it the mark.
 * 4. Everything is looked at again, and what is left or came meanwhile is done in another round (P8).
 */

import { counted } from '../async/counted.ts';
import { inParallel } from '../async/in-parallel.ts';
import { clock } from '../clock/clock.ts';
import { readCredential } from '../connection/credentials.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import { endListed, type LiveSession, readLiveSessions } from '../session/end.ts';
import { archiveIdentityVault, identityMark } from '../session-token/identity-vault.ts';
import { quote } from '../text/quote.ts';
import { isProven } from '../vault/claims.ts';
import type { VaultAnswer } from '../vault/owner.ts';
import { isOwnedBy, ownerOf, ownerRecord } from '../vault/owner.ts';
import { everyVault, type HeldCredential, type HeldVault, holdings, type Owner } from '../vault/persons-vaults.ts';
import { createVault, judgeClaim, type OwnedVault, type Ownership, type VaultDirectory } from '../vault/resolve.ts';
import type { Offboarding, Signer } from '../vault/signature.ts';
import {
  isOffboarded,
  judgeOffboarding,
  newOffboarding,
  offboardingRecord,
  offboardingSignatureRecord,
  withoutOffboarding,
} from '../vault/tombstone.ts';

/** Who is sought: exactly this subject, and where several people have it, exactly this issuer and kind. */
export interface Sought {
  subject: string;
  issuer?: string | undefined;
  kind?: string | undefined;
}

/** Where it is done. */
export interface OffboardDirectory extends Pick<VaultDirectory, 'platform' | 'ownership' | 'warn'> {
  /** Hears how many vaults were looked at. */
  onLooked?(count: number): void;
}

/** Everything of one person on the platform. */
export interface PersonsThings {
  owner: Owner;
  active: readonly HeldVault[];
  archived: readonly VaultAnswer[];
  sessions: readonly LiveSession[];
  /** The vaults of tokens of sessions that are the person's. */
  identities: readonly { id: string; attempt: string }[];
}

/** One thing that was done or could not be, with what the platform answered. */
export interface OffboardStep {
  act: 'vault.mark' | 'credential.archive' | 'session.end' | 'vault.archive' | 'vault.create';
  id: string;
  done: boolean;
  answer: string;
  seconds: number;
}

/** What was done. */
export interface Offboarded {
  owner: Owner;
  steps: readonly OffboardStep[];
  /** What was in the vaults: nobody can revoke it from here. */
  credentials: readonly HeldCredential[];
  /** Vaults that are not proven to be the person's, and whose archiving nobody asked for. */
  leftAlone: readonly HeldVault[];
  seconds: number;
}

/** What carrying out needs beside the person's things. */
export interface OffboardRequest extends OffboardDirectory {
  operator: Pick<Principal, 'subject'>;
  /** Archive vaults that are not proven to be the person's as well. */
  includeUnproven: boolean;
  /** Hears of each step when it ends. */
  onStep(step: OffboardStep): void;
}

const atOnce = 10;
const rounds = 3;

/** Finds everything of exactly one person. Throws `ownership_unproven` for nobody, `ownership_ambiguous` for several. */
export async function readPerson(directory: OffboardDirectory, sought: Sought): Promise<PersonsThings> {
  const people = new Map<string, { owner: Owner; vaults: VaultAnswer[] }>();
  const marked: VaultAnswer[] = [];
  for await (const vault of counted(everyVault(directory.platform), directory.onLooked)) {
    const owner = ownerOf(vault.metadata);
    if (identityMark(vault.metadata) !== undefined) marked.push(vault);
    if (owner === undefined || owner.subject !== sought.subject) continue;
    if ((sought.issuer ?? owner.issuer) !== owner.issuer || (sought.kind ?? owner.kind) !== owner.kind) continue;
    const key = JSON.stringify([owner.kind, owner.issuer]);
    const { vaults } = people.get(key) ?? { vaults: [] };
    people.set(key, { owner, vaults: [...vaults, vault] });
  }
  const [person, ...others] = people.values();
  if (person === undefined) {
    throw new AppError('ownership_unproven', `no vault names exactly the subject ${quote(sought.subject)}`, {
      hint: 'the subject is the sub claim, or the uid: never an e-mail address, a name or a part of it; nothing was done',
    });
  }
  if (others.length > 0) {
    const found = [person, ...others].map(({ owner }) => `--kind ${owner.kind} --issuer ${quote(owner.issuer)}`);
    throw new AppError(
      'ownership_ambiguous',
      [`${found.length} people have the subject ${quote(sought.subject)}`, ...found].join('\n'),
      { hint: 'say which one with --issuer and --kind; nothing was done' },
    );
  }
  return await readThings(directory, person.owner, {
    vaults: person.vaults,
    identities: identitiesOf(marked, person.owner),
  });
}

/** Whether a vault is archived here: one that is not proven only where somebody said so. What only holds a mark is ours. */
export function isTarget({ vault, signature, credentials }: HeldVault, includeUnproven: boolean): boolean {
  const ownMark = isOffboarded(vault.metadata) && credentials.length === 0;
  return includeUnproven || ownMark || isProven({ vault, signature });
}

/** The sessions that are ended: those of every vault of the person but the ones that are left alone. */
export function sessionsToEnd(
  { active, sessions, identities }: PersonsThings,
  includeUnproven: boolean,
): LiveSession[] {
  const spared = new Set(active.filter((held) => !isTarget(held, includeUnproven)).map(({ vault }) => vault.id));
  // A vault of tokens says nothing of whose connections a session acts with.
  for (const { id } of identities) spared.add(id);
  return sessions.filter(({ vaultIds }) => !vaultIds.every((id) => spared.has(id)));
}

/** How many steps a round takes that finds these things. */
export function stepCount(things: PersonsThings, includeUnproven: boolean): number {
  const targets = targetsOf(things, includeUnproven);
  const ofVaults = targets.map(({ vault, credentials }) => (isOffboarded(vault.metadata) ? 1 : 2) + credentials.length);
  const others = sessionsToEnd(things, includeUnproven).length + things.identities.length;
  return ofVaults.reduce((sum, count) => sum + count, others);
}

/** Whether nothing is left to do. */
export function isOffboardedWhole(things: PersonsThings, includeUnproven: boolean): boolean {
  return (
    things.archived.some(({ metadata }) => isOffboarded(metadata)) &&
    !things.active.some((held) => isTarget(held, includeUnproven)) &&
    things.identities.length === 0 &&
    sessionsToEnd(things, includeUnproven).length === 0
  );
}

/** Carries it out, and looks again until nothing is left. Throws `offboarding_incomplete` where something stays. */
export async function offboard(request: OffboardRequest, found: PersonsThings): Promise<Offboarded> {
  const { includeUnproven } = request;
  const begun = clock.monotonic();
  const signer = isOffboardedWhole(found, includeUnproven) ? undefined : await request.ownership?.signer();
  const offboarding = newOffboarding(request.operator, clock.now());
  const steps: OffboardStep[] = [];
  const credentials = new Map<string, HeldCredential>();
  const run: Run = { request, signer, offboarding, steps };
  let things = found;
  for (let round = 0; !isOffboardedWhole(things, includeUnproven); round += 1) {
    if (round === rounds) throw incomplete(things, steps, includeUnproven);
    for (const held of targetsOf(things, includeUnproven)) {
      for (const credential of held.credentials) credentials.set(credential.id, credential);
    }
    await doRound(run, things);
    things = await readThings(request, found.owner);
  }
  return {
    owner: found.owner,
    steps,
    credentials: [...credentials.values()],
    leftAlone: things.active.filter((held) => !isTarget(held, includeUnproven)),
    seconds: secondsSince(begun),
  };
}

/** The vaults that letting somebody in again takes the mark off; without one, a new, empty vault is made. */
export function planLetIn({ owner, active, archived }: PersonsThings): HeldVault[] {
  const proven = active.filter(isProven);
  const marked = proven.filter(({ vault }) => isOffboarded(vault.metadata));
  const markedAnywhere = [...active.map(({ vault }) => vault), ...archived].some(({ metadata }) =>
    isOffboarded(metadata),
  );
  if (markedAnywhere && (marked.length > 0 || proven.length === 0)) return marked;
  throw new AppError('ownership_unproven', `${quote(owner.subject)} is not off-boarded`, { hint: 'nothing was done' });
}

/** Lets somebody in again who was off-boarded, as {@link planLetIn} says. Throws `ownership_unproven` where nobody was. */
export async function letInAgain(
  directory: VaultDirectory,
  things: PersonsThings,
): Promise<{ vault: OwnedVault; act: 'unmarked' | 'created' }> {
  const { platform } = directory;
  const { owner } = things;
  const marked = planLetIn(things);
  const [first] = marked;
  for (const { vault } of marked) {
    await platform.vaults.unmark(vault.id, withoutOffboarding);
  }
  if (first !== undefined) {
    return { vault: { id: first.vault.id, displayName: first.vault.display_name }, act: 'unmarked' };
  }
  const principal: Principal = { ...owner, groups: [], label: owner.subject };
  return { vault: await createVault(directory, principal, { letInAgain: true }), act: 'created' };
}

interface Run {
  request: OffboardRequest;
  signer: Signer | undefined;
  offboarding: Offboarding;
  steps: OffboardStep[];
}

async function doRound(run: Run, things: PersonsThings): Promise<void> {
  const { platform, includeUnproven } = run.request;
  const targets = targetsOf(things, includeUnproven);
  const marked = new Set<string>();
  for (const held of targets) {
    const { id, metadata } = held.vault;
    if (isOffboarded(metadata) || (await step(run, 'vault.mark', id, () => mark(run, things.owner, held))))
      marked.add(id);
  }
  const anywhere = marked.size > 0 || things.archived.some(({ metadata }) => isOffboarded(metadata));
  // Nothing that could hold the mark, such as when the vaults were archived by hand: it gets a vault of its own.
  const made =
    anywhere || (await step(run, 'vault.create', things.owner.subject, () => createMarked(run, things.owner)));
  await Promise.all([
    inParallel(
      targets.flatMap(({ vault, credentials }) =>
        credentials.map(({ id, mcpServerUrl }) => ({ id, mcpServerUrl, vault })),
      ),
      atOnce,
      ({ id, mcpServerUrl, vault }) =>
        step(run, 'credential.archive', id, async () => {
          const now = await readCredential(platform, vault.id, id);
          if (now === undefined || now.archivedAt !== null) return `archived ${quote(now?.archivedAt ?? 'already')}`;
          if (now.mcpServerUrl !== mcpServerUrl) throw notAsListed('credential', id);
          const { archived_at } = await platform.credentials.archive(vault.id, id);
          return `archived ${quote(archived_at)}`;
        }),
    ),
    inParallel(things.identities, atOnce, ({ id, attempt }) =>
      step(run, 'vault.archive', id, async () => {
        await archiveIdentityVault(platform, id, attempt);
        return 'its tokens and the vault itself are archived';
      }),
    ),
    inParallel(sessionsToEnd(things, includeUnproven), atOnce, (session) =>
      step(run, 'session.end', session.id, async () => {
        const { interrupted, archivedAt } = await endListed(platform, session);
        return `${interrupted ? 'interrupted, ' : ''}archived ${quote(archivedAt)}`;
      }),
    ),
  ]);
  // An archived vault takes no mark, and without one the person could begin anew.
  if (!made) return;
  for (const held of targets)
    await step(run, 'vault.archive', held.vault.id, () => archiveTarget(run, things.owner, held));
}

/** Does one thing, times it and keeps what came of it. A refusal by the platform ends the step, not the run. */
async function step(
  { request, steps }: Run,
  act: OffboardStep['act'],
  id: string,
  work: () => Promise<string>,
): Promise<boolean> {
  const begun = clock.monotonic();
  const end = (done: boolean, answer: string): boolean => {
    const made = { act, id, done, answer, seconds: secondsSince(begun) };
    steps.push(made);
    request.onStep(made);
    return done;
  };
  try {
    return end(true, await work());
  } catch (error) {
    const told =
      error instanceof PlatformError || (error instanceof AppError && ['timed_out', 'drift'].includes(error.code));
    if (!told) throw error;
    return end(false, error.message);
  }
}

async function mark(run: Run, owner: Owner, held: HeldVault): Promise<string> {
  const { request, signer, offboarding } = run;
  const { platform, ownership } = request;
  const vault = await readTarget(run, owner, held);
  const signature = await signatureOver(vault, owner, offboarding, ownership, signer);
  const metadata = { ...offboardingRecord(offboarding), ...signature };
  const marked = await platform.vaults.mark(vault.id, metadata).catch(async (error: unknown) => {
    if (!(error instanceof PlatformError)) throw error;
    // The answer was lost, or another off-boarding was quicker and has archived it.
    const now = await platform.vaults.retrieve(vault.id);
    if (isOffboarded(now.metadata)) return now;
    throw error;
  });
  if (!isOffboarded(marked.metadata)) throw notStored(vault.id);
  return `marked ${quote(marked.updated_at)}, ${await worth(marked, owner, ownership)}`;
}

async function createMarked({ request, signer, offboarding }: Run, owner: Owner): Promise<string> {
  const { platform, ownership } = request;
  const created = await platform.vaults.create(owner.subject, {
    display_name: 'Off-boarded',
    metadata: { ...ownerRecord(owner), ...offboardingRecord(offboarding) },
  });
  if (!isOffboarded(created.metadata)) throw notStored(created.id);
  const signature = await signatureOver(created, owner, offboarding, ownership, signer);
  if (signature !== undefined) await platform.vaults.mark(created.id, signature);
  return `${quote(created.id)} made to hold the mark, ${await archiveVault(platform, created.id)}`;
}

/** Reads a vault by its id before it is touched. Throws `drift` where it is not what its listing was worth. */
async function readTarget(
  { request: { platform, ownership, includeUnproven } }: Run,
  owner: Owner,
  held: HeldVault,
): Promise<VaultAnswer> {
  const { id } = held.vault;
  const now = await platform.vaults.retrieve(id);
  if (!isLive(now)) return now;
  const claim = await judgeClaim(now, owner, ownership);
  const ownMark = isOffboarded(now.metadata) && !isProven(held);
  if (claim === undefined || !(includeUnproven || ownMark || isProven(claim))) throw notAsListed('vault', id);
  return now;
}

async function archiveTarget(run: Run, owner: Owner, held: HeldVault): Promise<string> {
  const vault = await readTarget(run, owner, held);
  return isLive(vault) ? await archiveVault(run.request.platform, vault.id) : `archived ${quote(vault.archived_at)}`;
}

async function archiveVault(platform: Platform, id: string): Promise<string> {
  const { archived_at } = await platform.vaults.archive(id);
  return `archived ${quote(archived_at)}`;
}

/** The signature of the mark; undefined where nobody signs here: it counts all the same. */
async function signatureOver(
  vault: VaultAnswer,
  owner: Owner,
  offboarded: Offboarding,
  ownership: Ownership | undefined,
  signer: Signer | undefined,
): Promise<Record<string, string> | undefined> {
  if (ownership === undefined || signer === undefined) return undefined;
  const { signOwnership } = await import('../vault/signature.ts');
  const facts = { vaultId: vault.id, createdAt: vault.created_at, owner, offboarded };
  return offboardingSignatureRecord(await signOwnership(facts, ownership.workspaceId, signer));
}

async function worth(vault: VaultAnswer, owner: Owner, ownership: Ownership | undefined): Promise<string> {
  const verdict = await judgeOffboarding(vault, owner, ownership);
  return verdict.kind === 'valid' ? `signed with ${quote(verdict.kid)}` : 'not signed';
}

function targetsOf({ active }: PersonsThings, includeUnproven: boolean): HeldVault[] {
  return active.filter((held) => isTarget(held, includeUnproven));
}

/** Reads what is there of one person now; vaults that were just listed are not listed again. */
async function readThings(
  directory: OffboardDirectory,
  owner: Owner,
  listed?: { vaults: readonly VaultAnswer[]; identities: PersonsThings['identities'] },
): Promise<PersonsThings> {
  const { platform } = directory;
  const { vaults, identities } = listed ?? (await listThings(platform, owner));
  const [active, sessions] = await Promise.all([
    holdings(directory, owner, vaults),
    sessionsOf(platform, new Set(vaults.map(({ id }) => id))),
  ]);
  return { owner, active, archived: vaults.filter((vault) => !isLive(vault)), sessions, identities };
}

async function listThings(platform: Platform, owner: Owner) {
  const [vaults, marked]: [VaultAnswer[], VaultAnswer[]] = [[], []];
  for await (const vault of everyVault(platform)) {
    if (isOwnedBy(vault.metadata, owner)) vaults.push(vault);
    if (identityMark(vault.metadata) !== undefined) marked.push(vault);
  }
  return { vaults, identities: identitiesOf(marked, owner) };
}

/** The live vaults of tokens that name a person. */
function identitiesOf(marked: readonly VaultAnswer[], owner: Owner): PersonsThings['identities'] {
  return marked.flatMap((vault) => {
    const mark = isLive(vault) ? identityMark(vault.metadata) : undefined;
    return mark !== undefined && isSamePerson(mark.owner, owner) ? [{ id: vault.id, attempt: mark.attempt }] : [];
  });
}

async function sessionsOf(platform: Platform, vaultIds: ReadonlySet<string>): Promise<LiveSession[]> {
  const sessions: LiveSession[] = [];
  for await (const session of readLiveSessions(platform, vaultIds)) sessions.push(session);
  return sessions;
}

function incomplete(things: PersonsThings, steps: readonly OffboardStep[], includeUnproven: boolean): AppError {
  const left = [
    ...targetsOf(things, includeUnproven).map(({ vault }) => `the vault ${quote(vault.id)} is not archived`),
    ...sessionsToEnd(things, includeUnproven).map(({ id }) => `the session ${quote(id)} is not archived`),
    ...things.identities.map(({ id }) => `the vault of tokens ${quote(id)} is not archived`),
  ];
  const marked = [...things.active.map(({ vault }) => vault), ...things.archived].some(({ metadata }) =>
    isOffboarded(metadata),
  );
  if (!marked) left.push('no vault says that they were off-boarded');
  const why = steps.filter(({ done }) => !done).map(({ act, id, answer }) => `${act} ${quote(id)}: ${answer}`);
  return new AppError(
    'offboarding_incomplete',
    [`${quote(things.owner.subject)} is not wholly off-boarded`, ...left, ...new Set(why)].join('\n'),
  );
}

function notStored(id: string): AppError {
  return new AppError('offboarding_incomplete', `the platform did not store the mark in the vault ${quote(id)}`);
}

function secondsSince(begun: number): number {
  return Math.round(clock.monotonic() - begun) / 1000;
}
