/** Whether people who count for an agent are still here: who has it act, and who answers for it. */
import { AppError } from '../errors/app-error.ts';
import { isPerson, isSamePerson, type Principal } from '../identity/principal.ts';
import { quote } from '../text/quote.ts';
import { isLetIn } from './claims.ts';
import type { VaultAnswer } from './owner.ts';
import { isOwnedBy, ownerOf } from './owner.ts';
import { everyVault, type Owner } from './persons-vaults.ts';
import { judgeClaim, type VaultDirectory } from './resolve.ts';
import { isOffboarded, offboardedError } from './tombstone.ts';

/** An agent, and the person who answers for it. */
export interface Sponsored {
  agent: string;
  /** By subject. */
  sponsor: string;
  /** Whose subject it is; undefined where the configuration does not say. */
  issuer: string | undefined;
}

/**
 * Reads every vault once, archived ones too. Throws `offboarded` where whoever acts was off-boarded, and `sponsor_needed` where
 * the sponsor was: somebody who never had a vault cannot have been, and one who was let in again is here.
 */
export async function requireNoneLeft(
  directory: Pick<VaultDirectory, 'platform' | 'ownership'>,
  acting: Principal,
  sponsored: Sponsored | undefined,
): Promise<void> {
  const [own, sponsors]: [VaultAnswer[], Map<string, { owner: Owner; vaults: VaultAnswer[] }>] = [[], new Map()];
  for await (const vault of everyVault(directory.platform)) {
    const owner = ownerOf(vault.metadata);
    if (owner === undefined) continue;
    if (isSamePerson(owner, acting)) own.push(vault);
    if (sponsored === undefined || owner.subject !== sponsored.sponsor || !isPerson(owner)) continue;
    if ((sponsored.issuer ?? owner.issuer) !== owner.issuer) continue;
    const key = JSON.stringify([owner.kind, owner.issuer]);
    const { vaults } = sponsors.get(key) ?? { vaults: [] };
    sponsors.set(key, { owner, vaults: [...vaults, vault] });
  }
  const left = await markOf(directory, acting, own);
  if (left !== undefined) throw await offboardedError(left, acting, directory.ownership);
  if (sponsored === undefined) return;
  const marks = await Promise.all([...sponsors.values()].map(({ owner, vaults }) => markOf(directory, owner, vaults)));
  // Where nobody can tell whom of several the file means, each of them has to be here.
  if (marks.every((mark) => mark === undefined)) return;
  throw new AppError(
    'sponsor_needed',
    `nobody answers for the agent ${quote(sponsored.agent)}: its sponsor ${quote(sponsored.sponsor)} was off-boarded`,
    { hint: `name a new one: autonomous.sponsor in config/agents/${sponsored.agent}.yaml; nothing was started` },
  );
}

/** The vault whose mark counts; undefined where none has one, or they were let in again. */
async function markOf(
  { ownership }: Pick<VaultDirectory, 'ownership'>,
  owner: Owner,
  vaults: readonly VaultAnswer[],
): Promise<VaultAnswer | undefined> {
  const marked = vaults.find(({ metadata }) => isOwnedBy(metadata, owner) && isOffboarded(metadata));
  if (marked === undefined) return undefined;
  const claims = await Promise.all(vaults.map((vault) => judgeClaim(vault, owner, ownership)));
  return isLetIn(claims.filter((claim) => claim !== undefined)) ? undefined : marked;
}
