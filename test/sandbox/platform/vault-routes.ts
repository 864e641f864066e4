import { z } from 'zod';
import { chosenError } from './api-error.ts';
import { choices } from './choices.ts';
import { archiveCredential } from './credential.ts';
import { checkedMetadata, metadataPatchSchema, metadataSchema, patchedMetadata } from './metadata.ts';
import { pageQuery, readPage } from './page.ts';
import { route } from './route.ts';
import { queryFlag, text } from './schema.ts';
import { addVault, findVault } from './vault.ts';

const displayName = text(1, 255);
const createBody = z.strictObject({ display_name: displayName, metadata: metadataSchema });
// choices.nullDisplayName
const updateBody = z.strictObject({ display_name: displayName.optional(), metadata: metadataPatchSchema });

/** Routes of the vaults. */
export const vaultRoutes = [
  route('POST /v1/vaults', { body: createBody }, ({ workspace, body }) => {
    return addVault(workspace, body.display_name, checkedMetadata(body.metadata)).shown;
  }),

  route(
    'GET /v1/vaults',
    { query: z.strictObject({ ...pageQuery(20, 100), include_archived: queryFlag.default(false) }) },
    ({ workspace, query }) =>
      readPage(workspace.vaults, {
        list: 'vaults',
        query,
        order: 'desc',
        where: ({ shown }) => query.include_archived || shown.archived_at === null,
        view: ({ shown }) => shown,
      }),
  ),

  route('GET /v1/vaults/:vault', {}, ({ workspace, param }) => findVault(workspace, param('vault')).shown),

  route('POST /v1/vaults/:vault', { body: updateBody }, ({ workspace, body, param }) => {
    const vault = findVault(workspace, param('vault'));
    const { shown } = vault;
    if (shown.archived_at !== null) throw chosenError(choices.changeArchived, `vault ${vault.id} is archived`);
    vault.shown = {
      ...shown,
      display_name: body.display_name ?? shown.display_name,
      metadata: checkedMetadata(patchedMetadata(shown.metadata, body.metadata)),
      updated_at: workspace.clock.timestamp(),
    };
    return vault.shown;
  }),

  // Documented: archives the credentials with it, purges their secrets, keeps the records, and cannot be undone.
  route('POST /v1/vaults/:vault/archive', {}, ({ workspace, param }) => {
    const vault = findVault(workspace, param('vault'));
    if (vault.shown.archived_at !== null) {
      throw chosenError(choices.archiveTwice, `vault ${vault.id} is archived already`);
    }
    const now = workspace.clock.timestamp();
    for (const credential of vault.credentials) {
      if (credential.shown.archived_at === null) archiveCredential(credential, now);
    }
    vault.shown = { ...vault.shown, archived_at: now, updated_at: now };
    return vault.shown;
  }),

  // choices.deleteUsedVault
  route('DELETE /v1/vaults/:vault', {}, ({ workspace, param }) => {
    const { id } = findVault(workspace, param('vault'));
    workspace.vaults.delete(id);
    return { id, type: 'vault_deleted' };
  }),
];
