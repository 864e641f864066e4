import { z } from 'zod';
import { chosenError, conflict, notFound } from './api-error.ts';
import { choices } from './choices.ts';
import { archiveCredential, type CredentialRecord } from './credential.ts';
import { type ShownAuth, splitAuth, updatedAuth } from './credential-auth.ts';
import { authCreateSchema, authUpdateSchema } from './credential-schema.ts';
import { newId } from './identifier.ts';
import { normalizeServerUrl } from './mcp-url.ts';
import { checkedMetadata, metadataPatchSchema, metadataSchema, patchedMetadata } from './metadata.ts';
import { pageQuery, readPage } from './page.ts';
import { type Call, route } from './route.ts';
import { queryFlag, text } from './schema.ts';
import { validateCredential } from './validation.ts';
import { findVault, type VaultRecord } from './vault.ts';

/** Documented: a vault holds at most 20 credentials. */
const credentialLimit = 20;

const createBody = z.strictObject({
  auth: authCreateSchema,
  display_name: text(1, 255).nullish(),
  metadata: metadataSchema,
});

const updateBody = z.strictObject({
  auth: authUpdateSchema.optional(),
  display_name: text(1, 255).nullish(),
  metadata: metadataPatchSchema,
});

/** Routes of the credentials of a vault. */
export const credentialRoutes = [
  route('POST /v1/vaults/:vault/credentials', { body: createBody }, (call) => {
    const vault = openVault(call);
    const { auth, display_name, metadata } = call.body;
    if (vault.credentials.size >= credentialLimit) {
      throw chosenError(choices.tooManyCredentials, `a vault holds at most ${credentialLimit} credentials`);
    }
    const { shown, secrets } = splitAuth(auth, call.workspace.clock.now());
    checkUnique(vault, shown);
    const now = call.workspace.clock.timestamp();
    const id = newId('vcrd');
    const credential: CredentialRecord = {
      id,
      secrets,
      shown: {
        id,
        type: 'vault_credential',
        vault_id: vault.id,
        display_name: display_name ?? null,
        metadata: checkedMetadata(metadata),
        auth: shown,
        created_at: now,
        updated_at: now,
        archived_at: null,
      },
    };
    return vault.credentials.add(credential).shown;
  }),

  route(
    'GET /v1/vaults/:vault/credentials',
    { query: z.strictObject({ ...pageQuery(20, 100), include_archived: queryFlag.default(false) }) },
    ({ workspace, query, param }) => {
      const vault = findVault(workspace, param('vault'));
      return readPage(vault.credentials, {
        list: `credentials of ${vault.id}`,
        query,
        order: 'desc',
        where: ({ shown }) => query.include_archived || shown.archived_at === null,
        view: ({ shown }) => shown,
      });
    },
  ),

  route('GET /v1/vaults/:vault/credentials/:credential', {}, (call) => findCredential(call).shown),

  route('POST /v1/vaults/:vault/credentials/:credential', { body: updateBody }, (call) => {
    const credential = openCredential(call);
    const { auth, display_name, metadata } = call.body;
    const { shown, secrets } = credential;
    const split = { shown: shown.auth, secrets };
    const next = auth === undefined ? split : updatedAuth(split, auth, call.workspace.clock.now());
    const nextMetadata = checkedMetadata(patchedMetadata(shown.metadata, metadata));
    credential.secrets = next.secrets;
    credential.shown = {
      ...shown,
      auth: next.shown,
      metadata: nextMetadata,
      display_name: display_name === undefined ? (shown.display_name ?? null) : display_name,
      updated_at: call.workspace.clock.timestamp(),
    };
    return credential.shown;
  }),

  route('POST /v1/vaults/:vault/credentials/:credential/archive', {}, (call) => {
    const credential = findCredential(call);
    if (credential.shown.archived_at !== null) {
      throw chosenError(choices.archiveTwice, `credential ${credential.id} is archived already`);
    }
    archiveCredential(credential, call.workspace.clock.timestamp());
    return credential.shown;
  }),

  route('DELETE /v1/vaults/:vault/credentials/:credential', {}, (call) => {
    const { id } = findCredential(call);
    findVault(call.workspace, call.param('vault')).credentials.delete(id);
    return { id, type: 'vault_credential_deleted' };
  }),

  route('POST /v1/vaults/:vault/credentials/:credential/mcp_oauth_validate', {}, (call) => {
    const credential = findCredential(call);
    const { auth, archived_at } = credential.shown;
    if (auth.type !== 'mcp_oauth' || archived_at !== null) {
      throw chosenError(choices.validateOtherTypes, 'only an active mcp_oauth credential can be validated');
    }
    return validateCredential(credential, call.workspace.clock);
  }),
];

function findCredential({ workspace, param }: Call<unknown, unknown>): CredentialRecord {
  const credential = findVault(workspace, param('vault')).credentials.find(param('credential'));
  if (credential === undefined) throw notFound('credential', param('credential'));
  return credential;
}

function openVault(call: Call<unknown, unknown>): VaultRecord {
  const vault = findVault(call.workspace, call.param('vault'));
  if (vault.shown.archived_at !== null) throw chosenError(choices.changeArchived, `vault ${vault.id} is archived`);
  return vault;
}

function openCredential(call: Call<unknown, unknown>): CredentialRecord {
  openVault(call);
  const credential = findCredential(call);
  if (credential.shown.archived_at !== null) {
    throw chosenError(choices.changeArchived, `credential ${credential.id} is archived`);
  }
  return credential;
}

/** Documented: among the active credentials of a vault a server URL, over both MCP types, or a name occurs once. */
function checkUnique(vault: VaultRecord, auth: ShownAuth): void {
  const key = uniqueKey(auth);
  for (const { shown } of vault.credentials) {
    if (shown.archived_at !== null || uniqueKey(shown.auth) !== key) continue;
    const subject = auth.type === 'environment_variable' ? 'secret name' : 'MCP server URL';
    throw conflict(`a credential already exists for this ${subject}`);
  }
}

/** choices.uniqueUrl */
function uniqueKey(auth: ShownAuth): string {
  return auth.type === 'environment_variable' ? auth.secret_name : normalizeServerUrl(auth.mcp_server_url);
}
