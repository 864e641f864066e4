/** What whoever holds the ownership key does: make one, sign owner records, see what they are worth. */
import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Platform } from '../../internal/platform/client.ts';
import { keepOwnershipKey, ownershipOf } from '../../internal/run/ownership.ts';
import { platformFromEnvironment } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import {
  type JudgedVault,
  judgeVaults,
  newOwnershipKey,
  readVaultToSign,
  signJudgedVault,
} from '../../internal/vault/ownership.ts';
import { type Ownership, requireSigner, whyNot } from '../../internal/vault/resolve.ts';

/** The options of `ownership keygen`. */
export interface KeygenOptions {
  kid: string;
  privateKeyToFd?: number;
}

/** The options of `ownership sign`. */
export interface SignOptions {
  subject?: string;
  dryRun?: boolean;
}

/** How long the question of `sign` waits. */
const questionTimeoutMs = 300_000;

/** Makes a key. Nothing is asked of the platform, and no configuration is needed yet. */
export async function runKeygen(context: CommandContext, options: KeygenOptions): Promise<CommandResult> {
  const { kid, privateKeyToFd } = options;
  if (!/^[\w.-]{1,64}$/.test(kid)) {
    throw new AppError('usage', `${quote(kid)} cannot be a key's name`, {
      hint: 'letters, digits, ".", "_" and "-", at most 64, such as 2026-11',
    });
  }
  const { publicKey, privateKey } = await newOwnershipKey(kid);
  await keepOwnershipKey(context, kid, privateKey, privateKeyToFd);
  const { kty, crv, x } = publicKey;
  return { text: `- { kty: ${kty}, crv: ${crv}, kid: "${kid}", x: ${x} }`, json: publicKey };
}

/** Signs one vault, after a yes or for exactly the named subject. */
export async function runSign(context: CommandContext, id: string, options: SignOptions): Promise<CommandResult> {
  const { dryRun = false, subject } = options;
  const { platform, ownership } = await openOwnership(context);
  const judged = await readVaultToSign(platform, ownership, id);
  const { owner, credentialCount } = judged;
  if (judged.signature.kind === 'valid') return showSigned(judged, 'unchanged');
  if (subject !== undefined && subject !== owner.subject) {
    throw new AppError(
      'ownership_unproven',
      `${quote(id)} says that it is of ${quote(owner.subject)}, not of ${quote(subject)}`,
      { hint: 'nothing was signed' },
    );
  }
  if (dryRun) {
    await requireSigner(ownership, owner.subject, id);
    return showSigned(judged, 'would be signed');
  }
  if (subject === undefined) {
    if (!context.interactive) {
      throw new AppError('usage', `nobody is here to say that ${quote(id)} is of ${quote(owner.subject)}`, {
        hint: 'name whose it has to be: --subject <subject>',
      });
    }
    const held = credentialCount === 0 ? 'it is empty' : `it holds ${credentialCount} connections already`;
    const question = `${quote(id)}, made ${quote(judged.createdAt)}, says that it is of ${owner.kind} ${quote(owner.issuer)} ${quote(owner.subject)}; ${held}. Is it theirs?`;
    if (!(await confirm(context, question, questionTimeoutMs))) {
      throw new AppError('ownership_unproven', `${quote(id)} was not signed: not confirmed`);
    }
  }
  await signJudgedVault(platform, ownership, judged);
  return showSigned(judged, 'signed');
}

/** Shows what owner records are worth. Ends with `ownership_unproven` when one does not count. */
export async function runVerify(context: CommandContext, id: string | undefined): Promise<CommandResult> {
  const { platform, ownership } = await openOwnership(context);
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
  const rows = found.map(({ id: vault, owner, signature }) => [
    visible(vault),
    visible(owner.subject),
    visible(owner.issuer),
    signature.kind === 'valid' ? visible(signature.kid) : '-',
  ]);
  return {
    text:
      rows.length === 0 ? 'no vault has an owner record' : [{ heading: ['vault', 'subject', 'issuer', 'key'], rows }],
    json: { vaults: found.map(vaultJson) },
  };
}

async function openOwnership(context: CommandContext): Promise<{ platform: Platform; ownership: Ownership }> {
  const configuration = await loadProject(context);
  const ownership = ownershipOf(context, configuration);
  if (ownership === undefined) {
    throw new AppError('usage', 'the configuration names no ownership keys', {
      hint: 'make one with: service-connection ownership keygen --kid <name>, and list it in ownership.keys of config/interface.yaml',
    });
  }
  return { platform: await platformFromEnvironment(context, configuration.interface.platform), ownership };
}

function showSigned(judged: JudgedVault, change: 'signed' | 'unchanged' | 'would be signed'): CommandResult {
  const { id, owner } = judged;
  const what = { signed: 'is signed now', unchanged: 'was signed already', 'would be signed': 'would be signed' }[
    change
  ];
  return {
    text: `${visible(id)} of ${visible(owner.subject)} ${what}`,
    json: { ...vaultJson(judged), change },
  };
}

function vaultJson({ id, createdAt, owner, signature }: JudgedVault) {
  return { vault_id: id, created_at: createdAt, owner, signature: signature.kind };
}
