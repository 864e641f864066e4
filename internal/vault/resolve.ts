/** Finds exactly one vault for a principal, or says why not (P1). A remembered id is a hint, never a proof. */

import { randomUUID } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { forAgentOption, type Principal, requireLasting } from '../identity/principal.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { notAsListed, takeFirst } from '../platform/pages.ts';
import type { Vault } from '../platform/vaults.ts';
import { quote } from '../text/quote.ts';
import { type Choice, type Claim, chooseVault, isLetIn, isOlder, isProven } from './claims.ts';
import type { VaultAnswer } from './owner.ts';
import { creationMark, creationOf, isMarked, isOwnedBy, ownerRecord, signatureKey, signatureOf } from './owner.ts';
import type { OwnershipKeys, Signer } from './signature.ts';
import { isOffboarded, offboardedError } from './tombstone.ts';

/** A vault whose owner record names the principal it was resolved for. */
export interface OwnedVault {
  id: string;
  displayName: string;
}

/** What is remembered between runs, on this machine. */
export interface VaultMemory {
  recall(principal: Principal): Promise<string | undefined>;
  remember(principal: Principal, vaultId: string): Promise<void>;
  /** Whether it was looked for so lately that they have none, and were not let go, that whoever only looks need not look again. */
  recallNone(principal: Principal): Promise<boolean>;
  rememberNone(principal: Principal): Promise<void>;
  /** The mark of the creation that was begun last, by which a vault is known to be of this machine's making. */
  recallCreation(principal: Principal): Promise<string | undefined>;
  /** Throws `file_system`: without it a crash would leave a vault that the next run does not know again. */
  rememberCreation(principal: Principal, mark: string): Promise<void>;
}

/** Whose signatures make an owner record count, and who signs in this run. */
export interface Ownership extends OwnershipKeys {
  /** Undefined where this run has no private key; throws where it should have one and cannot use it. */
  signer(): Promise<Signer | undefined>;
}

/** Where vaults are looked for. */
export interface VaultDirectory {
  platform: Platform;
  memory: VaultMemory;
  /** Undefined where the configuration names no ownership keys: then the record alone decides. */
  ownership: Ownership | undefined;
  warn(text: string): void;
}

/**
 * The principal's vault, or undefined when there is none. Asks once for a remembered one; otherwise reads every page.
 * Only where that finds none, archived vaults are read as well: one of them may say that the person was off-boarded.
 * Throws `ownership_ambiguous` when several vaults are proven to be this person's, `ownership_unproven` when some
 * claim it and none is, `offboarded`.
 */
export async function findVault(directory: VaultDirectory, principal: Principal): Promise<OwnedVault | undefined> {
  requireLasting(principal);
  const { memory, ownership } = directory;
  const recalled = await memory.recall(principal);
  const known =
    recalled === undefined ? undefined : await unlessMissing('given', directory.platform.vaults.retrieve(recalled));
  if (known !== undefined) {
    const claim = await judgeClaim(known, principal, ownership);
    if (claim !== undefined && isProven(claim)) {
      if (isOffboarded(claim.vault.metadata)) throw await offboardedError(claim.vault, principal, ownership);
      return owned(claim.vault);
    }
  }
  const { choice, silent } = await surveyed(directory, principal);
  switch (choice.kind) {
    case 'none': {
      await refuseOffboarded(directory, principal);
      const perhapsOurs = known !== undefined && isSilent(known) ? known : silent[0];
      if (perhapsOurs !== undefined) throw silence(perhapsOurs, principal);
      if (principal.kind === 'workload') await sayNumbered(directory, principal);
      return undefined;
    }
    case 'offboarded':
      throw await offboardedError(choice.vault, principal, ownership);
    case 'ambiguous':
      throw ambiguous(choice.vaults, principal);
    case 'unproven':
      await refuseOffboarded(directory, principal);
      return await adopt(directory, principal, choice.claims);
    case 'one':
      for (const { vault, signature } of choice.doubtful) {
        directory.warn(`${quote(vault.id)} also claims to be yours and is left alone: ${whyNot(signature)}`);
      }
      await memory.remember(principal, choice.vault.id);
      return owned(choice.vault);
  }
}

/** What the list says once nobody is in the middle of making a vault: of several that came at once all but one take theirs away. */
async function surveyed(
  directory: VaultDirectory,
  principal: Principal,
): Promise<{ choice: Choice } & Pick<Survey, 'silent'>> {
  const { platform } = directory;
  const pauses = [...looksMs];
  for (;;) {
    const { claims: all, silent } = await readClaims(directory, principal);
    const choice = chooseVault(await withoutLeftovers(directory, principal, all));
    const isYoung = ({ metadata, created_at: at }: VaultAnswer) =>
      creationMark(metadata) !== undefined &&
      clock.now().getTime() + platform.aheadMs() - Date.parse(at) < longestMakingMs;
    const pauseMs = choice.kind === 'ambiguous' && choice.vaults.some(isYoung) ? pauses.shift() : undefined;
    if (pauseMs === undefined) return { choice, silent };
    await clock.pause(pauseMs);
  }
}

/** A run takes no longer from creating a vault to taking it away again, if it is not the one that stays. */
const longestMakingMs = 10_000;

/** The same, for whoever only looks at what is there: that there is none may be known from a short while ago. */
export async function findVaultToShow(
  directory: VaultDirectory,
  principal: Principal,
): Promise<OwnedVault | undefined> {
  requireLasting(principal);
  const { memory } = directory;
  if (await memory.recallNone(principal)) return undefined;
  const found = await findVault(directory, principal);
  if (found === undefined) await memory.rememberNone(principal);
  return found;
}

/**
 * Creates the vault of a principal who has none, and signs it where the configuration wants that. Whatever becomes of
 * the request, the list decides (P8): the oldest vault stays, and a run archives its own, empty ones that are not it.
 * Somebody who was off-boarded meanwhile keeps none, unless it is created to let them in again.
 */
export async function createVault(
  directory: VaultDirectory,
  principal: Principal,
  { letInAgain = false }: { letInAgain?: boolean } = {},
): Promise<OwnedVault> {
  const { platform, memory, ownership } = directory;
  const mark = randomUUID();
  await memory.rememberCreation(principal, mark);
  const displayName = displayNameOf(principal);
  let lost: PlatformError | undefined;
  let created: string | undefined;
  try {
    const { id, metadata, saysMetadata } = await platform.vaults.create(
      principal.label,
      {
        display_name: displayName,
        metadata: { ...ownerRecord(principal), ...creationOf(mark) },
      },
      { mark },
    );
    // Where the answer does not say, the list does.
    if (saysMetadata && !isOwnedBy(metadata, principal)) throw notStored(id);
    created = id;
  } catch (error) {
    if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
    lost = error;
  }
  // The archived ones too: an off-boarding that ended before this create was not there to archive what it made.
  const isOwn = ({ vault }: Claim) => isMarked(vault.metadata, mark);
  let survey = await readClaims(directory, principal, { archivedToo: true });
  for (const pauseMs of created === undefined ? [] : looksMs) {
    if (created !== undefined && survey.naming.has(created)) break;
    await clock.pause(pauseMs);
    survey = await readClaims(directory, principal, { archivedToo: true });
  }
  const pauses = [...looksMs];
  for (;;) {
    const { claims, offboarded } = survey;
    const own = claims.filter(isOwn);
    if (offboarded !== undefined && !letInAgain) {
      for (const claim of own) await archive(directory, principal, mark, claim);
      throw await offboardedError(offboarded, principal, ownership);
    }
    const oldest = oldestOf(claims);
    if (oldest === undefined) throw lost ?? notListed(principal);
    for (const claim of own) if (claim !== oldest) await archive(directory, principal, mark, claim);
    const others = claims.filter((claim) => !own.includes(claim));
    const choice = chooseVault(others);
    const isTheirs = choice.kind === 'one' && choice.vault === oldest.vault;
    if (own.includes(oldest)) {
      if (ownership !== undefined) await signVault(directory, principal, oldest.vault, ownership);
    } else if (!isTheirs) {
      const pauseMs = pauses.shift();
      if (pauseMs === undefined)
        throw choice.kind === 'ambiguous' ? ambiguous(choice.vaults, principal) : unproven(others, principal);
      // Whoever came at the same moment has not taken theirs away yet, or has not signed the one that stays.
      await clock.pause(pauseMs);
      survey = await readClaims(directory, principal, { archivedToo: true });
      continue;
    }
    await memory.remember(principal, oldest.vault.id);
    return owned(oldest.vault);
  }
}

/** The pauses before each further look for a vault that was created: lists lag. */
const looksMs = [250, 500, 1000, 2000];

/** What a person's vault is called when it is created. Anybody can choose the same: it proves nothing. */
function displayNameOf({ label }: Pick<Principal, 'label'>): string {
  return `Connections of ${label}`.slice(0, 255);
}

/** How somebody was called when their vault was created, from what it is called. It informs, and proves nothing. */
export function labelIn(displayName: string): string {
  return displayName.replace(/^Connections of /, '');
}

/** What a killed run left: vaults of this machine's making that are not the oldest, and empty. The rest is no business of ours. */
async function withoutLeftovers(directory: VaultDirectory, principal: Principal, claims: Claim[]): Promise<Claim[]> {
  const oldest = oldestOf(claims);
  const mark = claims.length > 1 ? await directory.memory.recallCreation(principal) : undefined;
  if (mark === undefined) return claims;
  const kept: Claim[] = [];
  for (const claim of claims) {
    const own = claim !== oldest && isMarked(claim.vault.metadata, mark);
    if (own && (await isEmpty(directory.platform, claim.vault.id))) {
      await archive(directory, principal, mark, claim);
      directory.warn(
        `archived the empty vault ${quote(claim.vault.id)}: a run of this machine had begun it and not ended`,
      );
    } else kept.push(claim);
  }
  return kept;
}

function oldestOf(claims: readonly Claim[]): Claim | undefined {
  return claims.reduce<Claim | undefined>(
    (first, claim) => (first === undefined || isOlder(claim.vault, first.vault) ? claim : first),
    undefined,
  );
}

/**
 * Archives a vault of the principal that carries their mark. A list is not believed so far: it is read by its id before. A
 * lost answer, or somebody who was quicker, is settled by the same look (P8). Throws `drift` where it is another one.
 */
async function archive(
  { platform }: VaultDirectory,
  principal: Principal,
  mark: string,
  { vault: { id } }: Claim,
): Promise<void> {
  let failure: PlatformError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const now = await platform.vaults.retrieve(id);
    if (!isLive(now)) return;
    if (failure !== undefined && (attempt > 2 || failure.outcome === 'refused')) throw failure;
    if (!isMarked(now.metadata, mark) || !isOwnedBy(now.metadata, principal)) throw notAsListed('vault', id);
    try {
      await platform.vaults.archive(id);
      return;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      failure = error;
    }
  }
}

/**
 * What is left of a run that was killed between creating its vault and signing it: one unsigned vault with the mark
 * that this machine remembers, and nothing in it. Only that is signed now; everything else is refused.
 */
async function adopt(
  directory: VaultDirectory,
  principal: Principal,
  claims: readonly Claim[],
): Promise<OwnedVault | undefined> {
  const { platform, memory, ownership } = directory;
  const [claim, ...others] = claims;
  if (claim?.signature.kind !== 'unsigned' || others.length > 0 || ownership === undefined) {
    throw unproven(claims, principal);
  }
  const mark = await memory.recallCreation(principal);
  const own = mark !== undefined && isMarked(claim.vault.metadata, mark);
  if (!own || !(await isEmpty(platform, claim.vault.id))) throw unproven(claims, principal);
  await signVault(directory, principal, claim.vault, ownership);
  await memory.remember(principal, claim.vault.id);
  return owned(claim.vault);
}

async function isEmpty(platform: Platform, vaultId: string): Promise<boolean> {
  const credentials = platform.credentials.list(vaultId, { limit: 1, include_archived: true });
  return (await takeFirst(1, credentials)).length === 0;
}

/** What a vault is signed with. Throws `ownership_unproven` where this run cannot sign. */
export async function requireSigner(ownership: Ownership, label: string, vaultId: string): Promise<Signer> {
  const signer = await ownership.signer();
  if (signer !== undefined) return signer;
  throw new AppError(
    'ownership_unproven',
    `the vault of ${quote(label)} is not signed yet, and this run has no key to sign it`,
    { hint: `ask whoever holds the ownership key to run: service-connection ownership sign ${vaultId}` },
  );
}

/** Signs a vault and checks what was stored. Throws `ownership_unproven` where this run cannot sign. */
export async function signVault(
  { platform }: Pick<VaultDirectory, 'platform'>,
  principal: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label'>,
  vault: VaultAnswer,
  ownership: Ownership,
): Promise<void> {
  const signer = await requireSigner(ownership, principal.label, vault.id);
  const { judgeSignature, signOwnership } = await import('./signature.ts');
  const facts = { vaultId: vault.id, createdAt: vault.created_at, owner: principal };
  const signature = await signOwnership(facts, ownership.workspaceId, signer);
  if ((await judgeSignature(signature, facts, ownership)).kind !== 'valid') {
    throw new AppError('ownership_key', `what signs with ${quote(signer.kid)} does not sign with that key`);
  }
  const signed = await platform.vaults.sign(vault.id, { [signatureKey]: signature });
  const verdict = await judgeSignature(
    signatureOf(signed.metadata),
    { ...facts, createdAt: signed.created_at },
    ownership,
  );
  if (verdict.kind !== 'valid' || !isOwnedBy(signed.metadata, principal)) throw notStored(vault.id);
}

/** Throws `offboarded` where any vault that names the principal, archived or not, says so, and they were not let in again. */
export async function refuseOffboarded(
  directory: Pick<VaultDirectory, 'platform' | 'ownership'>,
  principal: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label'>,
): Promise<void> {
  const { claims, offboarded } = await readClaims(directory, principal, { archivedToo: true });
  if (offboarded === undefined || isLetIn(claims)) return;
  throw await offboardedError(offboarded, principal, directory.ownership);
}

/**
 * The same for whoever only looks, at no more requests than {@link findVault} takes: of a remembered vault that is proven theirs
 * it is asked whether it says so, else every page is read, unless that was done a short while ago and none named them.
 */
export async function requireNotOffboarded(directory: VaultDirectory, principal: Principal): Promise<void> {
  const { platform, memory, ownership } = directory;
  const recalled = await memory.recall(principal);
  const known = recalled === undefined ? undefined : await unlessMissing('given', platform.vaults.retrieve(recalled));
  const claim = known === undefined ? undefined : await judgeClaim(known, principal, ownership);
  if (claim !== undefined && isProven(claim)) {
    if (isOffboarded(claim.vault.metadata)) throw await offboardedError(claim.vault, principal, ownership);
    return;
  }
  if (await memory.recallNone(principal)) return;
  const { claims, offboarded, naming } = await readClaims(directory, principal, { archivedToo: true });
  if (offboarded !== undefined && !isLetIn(claims)) throw await offboardedError(offboarded, principal, ownership);
  if (naming.size === 0) await memory.rememberNone(principal);
}

/** What the list says of a principal. */
interface Survey {
  /** Every active vault whose record names them, wherever it stands. */
  claims: Claim[];
  /** Every vault whose record names them, archived ones too where those were asked for. */
  naming: ReadonlySet<string>;
  /** The newest vault that names them and says that they were off-boarded. */
  offboarded: VaultAnswer | undefined;
  /** Active vaults that the platform tells nothing of but a name, which is the one that theirs would have. */
  silent: VaultAnswer[];
}

/** Reads every page. Which signature a mark of off-boarding has does not matter: it only ever refuses. */
async function readClaims(
  { platform, ownership }: Pick<VaultDirectory, 'platform' | 'ownership'>,
  principal: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label'>,
  { archivedToo = false }: { archivedToo?: boolean } = {},
): Promise<Survey> {
  const naming = new Set<string>();
  const survey: Survey = { claims: [], naming, offboarded: undefined, silent: [] };
  const name = displayNameOf(principal);
  const query = archivedToo ? { include_archived: true } : {};
  for await (const vault of platform.vaults.list(query)) {
    const claim = await judgeClaim(vault, principal, ownership);
    if (claim !== undefined) survey.claims.push(claim);
    if (isOwnedBy(vault.metadata, principal)) {
      naming.add(vault.id);
      if (isOffboarded(vault.metadata)) survey.offboarded ??= vault;
    }
    if (isSilent(vault) && vault.display_name === name) survey.silent.push(vault);
  }
  return survey;
}

/** Tells a job whose subject was another one until GitHub put numbers into it: that vault is not its own any more. */
async function sayNumbered(directory: VaultDirectory, principal: Principal): Promise<void> {
  const { subjectBeforeNumbers } = await import('../identity/lasting-subject.ts');
  const before = subjectBeforeNumbers(principal);
  if (before === undefined) return;
  const { claims } = await readClaims(directory, { ...principal, subject: before, label: before });
  if (claims.length === 0) return;
  directory.warn(
    `the subject of this job has numbers in it now (GitHub's immutable subjects), so the vault of ${quote(before)} is not its own: connect again, and end that one with offboard`,
  );
}

/** Whether the platform does not say whose an active vault is. */
function isSilent(vault: Vault): boolean {
  return !vault.saysMetadata && isLive(vault);
}

/** What a vault's claim to be the principal's is worth; undefined where it makes none. */
export async function judgeClaim(
  vault: VaultAnswer,
  principal: Pick<Principal, 'kind' | 'issuer' | 'subject'>,
  keys: OwnershipKeys | undefined,
): Promise<Claim | undefined> {
  if (!isLive(vault) || !isOwnedBy(vault.metadata, principal)) return undefined;
  if (keys === undefined) return { vault, signature: { kind: 'unneeded' } };
  const { judgeSignature } = await import('./signature.ts');
  const facts = { vaultId: vault.id, createdAt: vault.created_at, owner: principal };
  return { vault, signature: await judgeSignature(signatureOf(vault.metadata), facts, keys) };
}

function owned(vault: VaultAnswer): OwnedVault {
  return { id: vault.id, displayName: vault.display_name };
}

function ambiguous(vaults: readonly VaultAnswer[], principal: Principal): AppError {
  const ids = vaults.map(({ id }) => quote(id)).join(', ');
  return new AppError(
    'ownership_ambiguous',
    `${vaults.length} vaults claim to be those of ${quote(principal.label)}: ${ids}`,
    {
      hint: `see them and archive what is wrong: service-connection vault repair${forAgentOption(principal)}; nothing was chosen`,
    },
  );
}

function unproven(claims: readonly Claim[], principal: Principal): AppError {
  const evidence = claims.map(
    ({ vault, signature }) => `${quote(vault.id)}, made ${quote(vault.created_at)}: ${whyNot(signature)}`,
  );
  return new AppError(
    'ownership_unproven',
    [`no vault is proven to be that of ${quote(principal.label)}, and these claim it`, ...evidence].join('\n'),
    {
      hint: `whoever holds the ownership key decides: service-connection ownership verify, then ownership sign <vault> or vault repair${forAgentOption(principal)}; nothing was chosen`,
    },
  );
}

/** Nobody knows whose it is, and a second one beside it would be worse than none. */
function silence({ id }: VaultAnswer, principal: Principal): AppError {
  return new AppError(
    'ownership_unproven',
    `the platform does not say whose the vault ${quote(id)} is, and it may be that of ${quote(principal.label)}`,
    {
      hint: 'nothing was chosen and none was created; check ANTHROPIC_BASE_URL, and what stands between you and the platform',
    },
  );
}

/** Why a claim is no proof, in words that repeat nothing of it. */
export function whyNot(signature: Claim['signature']): string {
  if (signature.kind === 'unsigned') return 'it is not signed';
  if (signature.kind !== 'invalid') return 'nothing speaks against it';
  return `its signature does not count: ${signature.why}${signature.kid === undefined ? '' : ` (${quote(signature.kid)})`}`;
}

function notStored(id: string): AppError {
  return new AppError(
    'ownership_unproven',
    `the platform did not store the owner record of the vault it created (${quote(id)})`,
    {
      hint: 'archive that vault on the platform and try again',
    },
  );
}

function notListed(principal: Principal): AppError {
  return new AppError(
    'ownership_unproven',
    `the platform does not list the vault that it just created for ${quote(principal.label)}`,
    { hint: 'run the same command again' },
  );
}
