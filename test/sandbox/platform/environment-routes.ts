import type { BetaEnvironment } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { z } from 'zod';
import { conflict, invalidRequest } from './api-error.ts';
import { findEnvironment } from './environment.ts';
import { configSchema, resolvedConfig } from './environment-config.ts';
import { newId } from './identifier.ts';
import { type Metadata, metadataProblem, metadataSchema, patchedMetadata } from './metadata.ts';
import { pageQuery, readPage } from './page.ts';
import { route } from './route.ts';
import { queryFlag, text } from './schema.ts';
import type { Workspace } from './workspace.ts';

// Documented: organizations of the API have no other scope.
const scope = z.literal('organization').nullish();

const createBody = z.strictObject({
  name: text(1, 255),
  config: configSchema,
  description: z.string().nullish(),
  metadata: metadataSchema,
  scope,
});

const updateBody = z.strictObject({
  name: text(1, 255).nullish(),
  config: configSchema,
  description: z.string().nullish(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  scope,
});

/** Routes of the environments. */
export const environmentRoutes = [
  route('POST /v1/environments', { body: createBody }, ({ workspace, body }) => {
    checkName(workspace, body.name);
    const id = newId('env');
    const now = workspace.clock.timestamp();
    const shown: BetaEnvironment = {
      id,
      type: 'environment',
      name: body.name,
      description: body.description ?? null,
      config: resolvedConfig(body.config, undefined),
      metadata: checkedEnvironmentMetadata(body.metadata),
      scope: 'organization',
      created_at: now,
      updated_at: now,
      archived_at: null,
    };
    return workspace.environments.add({ id, shown }).shown;
  }),

  route(
    'GET /v1/environments',
    // choices.undocumentedPageSize
    { query: z.strictObject({ ...pageQuery(20, 100), include_archived: queryFlag.default(false) }) },
    ({ workspace, query }) =>
      readPage(workspace.environments, {
        list: 'environments',
        query,
        order: 'asc', // choices.undocumentedOrder
        where: ({ shown }) => query.include_archived || shown.archived_at === null,
        view: ({ shown }) => shown,
      }),
  ),

  route('GET /v1/environments/:environment', {}, ({ workspace, param }) => {
    return findEnvironment(workspace, param('environment')).shown;
  }),

  route('POST /v1/environments/:environment', { body: updateBody }, ({ workspace, body, param }) => {
    const environment = findEnvironment(workspace, param('environment'));
    const { shown } = environment;
    if (shown.archived_at !== null) {
      throw invalidRequest(`environment ${environment.id} is archived`, 'environment_archived');
    }
    if (body.name != null && body.name !== shown.name) checkName(workspace, body.name);
    environment.shown = {
      ...shown,
      name: body.name ?? shown.name,
      // Documented: null clears, an empty text is stored as such.
      description: body.description === undefined ? shown.description : body.description,
      config: body.config == null ? shown.config : resolvedConfig(body.config, shown.config),
      metadata: checkedEnvironmentMetadata(withoutEmpty(patchedMetadata(shown.metadata, body.metadata), body.metadata)),
      updated_at: workspace.clock.timestamp(),
    };
    return environment.shown;
  }),

  // Documented: archiving again does nothing new.
  route('POST /v1/environments/:environment/archive', {}, ({ workspace, param }) => {
    const environment = findEnvironment(workspace, param('environment'));
    const now = workspace.clock.timestamp();
    if (environment.shown.archived_at === null) {
      environment.shown = { ...environment.shown, archived_at: now, updated_at: now };
    }
    return environment.shown;
  }),

  route('DELETE /v1/environments/:environment', {}, ({ workspace, param }) => {
    const { id } = findEnvironment(workspace, param('environment'));
    for (const { session } of workspace.sessions) {
      if (session.environmentId === id) throw conflict(`environment ${id} is referred to by sessions`);
    }
    workspace.environments.delete(id);
    return { id, type: 'environment_deleted' };
  }),
];

/** choices.environmentName */
function checkName(workspace: Workspace, name: string): void {
  for (const { shown } of workspace.environments) {
    if (shown.archived_at === null && shown.name === name)
      throw conflict(`an environment named ${name} exists already`);
  }
}

/** Documented: an empty text deletes a key as null does. */
function withoutEmpty(metadata: Metadata, patch: Record<string, string | null> | undefined): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => patch?.[key] !== ''));
}

/** Documented: broken limits and reserved keys have an error code here; which keys: choices.metadataLimits. */
function checkedEnvironmentMetadata(metadata: Metadata): Metadata {
  const reserved = Object.keys(metadata).find((key) => key.startsWith('anthropic'));
  const problem = reserved === undefined ? metadataProblem(metadata) : `metadata.${reserved}: reserved key`;
  if (problem !== undefined) throw invalidRequest(problem, 'invalid_metadata');
  return metadata;
}
