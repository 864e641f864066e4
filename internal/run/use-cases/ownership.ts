/** What whoever holds the ownership key does: make one, sign owner records, see what they are worth. */
import { AppError } from '../../errors/app-error.ts';
import type { Platform } from '../../platform/client.ts';
import { quote } from '../../text/quote.ts';
import {
  type JudgedVault,
  judgeVaults,
  newOwnershipKey,
  readVaultToSign,
  signJudgedVault,
} from '../../vault/ownership.ts';
import { type Ownership, requireSigner, whyNot } from '../../vault/resolve.ts';
import { recorderFor } from '../actor.ts';
import { openShared, type SharedChange } from '../open-for-change.ts';
import { keepOwnershipKey, ownershipOf } from '../ownership.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type {
  KeyRequest,
  OwnershipKey,
  SignedOwner,
  SignRequest,
  VerifiedOwners,
  VerifyOwnersRequest,
} from '../values/ownership.ts';

/** How long the question of `sign` waits. */
const questionTimeoutMs = 300_000;

/** Makes a key. Nothing is asked of the platform, and no configuration is needed yet. */
export async function makeOwnershipKey({ kid }: KeyRequest, ports: Ports): Promise<OwnershipKey> {
  if (!/^[\w.-]{1,64}$/.test(kid)) {
    throw new AppError('usage', `${quote(kid)} cannot be a key's name`, {
      hint: 'letters, digits, ".", "_" and "-", at most 64, such as 2026-11',
    });
  }
  const { publicKey, privateKey } = await newOwnershipKey(kid);
  await recorderFor(ports).act(
    { act: 'ownership_key.make', target: { kind: 'ownership_key', id: kid, label: kid } },
    () => keepOwnershipKey(ports, kid, privateKey),
  );
  return publicKey;
}

/** Signs one vault, after a yes or for exactly the named subject. */
export async function signOwner({ vault: id, subject, dryRun }: SignRequest, ports: Ports): Promise<SignedOwner> {
  const change = { what: 'sign owner records', command: `service-connection ownership sign ${quote(id)}` };
  const { platform, ownership } = await openOwnership(ports, dryRun ? undefined : change);
  const judged = await readVaultToSign(platform, ownership, id);
  const { owner, credentialCount } = judged;
  if (judged.signature.kind === 'valid') return signedValue(judged, 'unchanged');
  if (subject !== undefined && subject !== owner.subject) {
    throw new AppError(
      'ownership_unproven',
      `${quote(id)} says that it is of ${quote(owner.subject)}, not of ${quote(subject)}`,
      { hint: 'nothing was signed' },
    );
  }
  if (dryRun) {
    await requireSigner(ownership, owner.subject, id);
    return signedValue(judged, 'would be signed');
  }
  if (subject === undefined) {
    if (ports.ask === undefined) {
      throw new AppError('usage', `nobody is here to say that ${quote(id)} is of ${quote(owner.subject)}`, {
        hint: 'name whose it has to be: --subject <subject>',
      });
    }
    const held = credentialCount === 0 ? 'it is empty' : `it holds ${credentialCount} connections already`;
    const question = `${quote(id)}, made ${quote(judged.createdAt)}, says that it is of ${owner.kind} ${quote(owner.issuer)} ${quote(owner.subject)}; ${held}. Is it theirs?`;
    if (!(await ports.ask.yes(question, questionTimeoutMs))) {
      throw new AppError('ownership_unproven', `${quote(id)} was not signed: not confirmed`);
    }
  }
  await signJudgedVault(platform, ownership, judged);
  return signedValue(judged, 'signed');
}

/** Shows what owner records are worth. Ends with `ownership_unproven` when one does not count. */
export async function verifyOwners({ vault: id }: VerifyOwnersRequest, ports: Ports): Promise<VerifiedOwners> {
  const { platform, ownership } = await openOwnership(ports);
  const found: JudgedVault[] = [];
  if (id !== undefined) found.push(await readVaultToSign(platform, ownership, id));
  else for await (const judged of judgeVaults(platform, ownership)) found.push(judged);
  const doubtful = found.filter(({ signature }) => signature.kind !== 'valid');
  if (doubtful.length > 0) {
    const lines = doubtful.map(
      ({ id: vault, owner, signature }) => `${vault} of ${quote(owner.subject)}: ${whyNot(signature)}`,
    );
    throw new AppError(
      'ownership_unproven',
      [`${doubtful.length} of ${found.length} owner records do not count`, ...lines].join('\n'),
      { hint: 'sign those that you know: service-connection ownership sign <vault>' },
    );
  }
  const keys = found.map(({ signature }) => (signature.kind === 'valid' ? signature.kid : '-'));
  return { vaults: found.map(vaultValue), beside: { keys } };
}

async function openOwnership(
  ports: Ports,
  change?: SharedChange,
): Promise<{ platform: Platform; ownership: Ownership }> {
  const configuration = await loadProject(ports);
  const ownership = ownershipOf(ports, configuration);
  if (ownership === undefined) {
    throw new AppError('usage', 'the configuration names no ownership keys', {
      hint: 'make one with: service-connection ownership keygen --kid <name>, and list it in ownership.keys of config/interface.yaml',
    });
  }
  return { platform: await openShared(ports, configuration, change), ownership };
}

function signedValue(judged: JudgedVault, change: SignedOwner['change']): SignedOwner {
  return { ...vaultValue(judged), change };
}

function vaultValue({ id, createdAt, owner, signature }: JudgedVault): VerifiedOwners['vaults'][number] {
  return { vault_id: id, created_at: createdAt, owner, signature: signature.kind };
}
