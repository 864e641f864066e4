import type { BetaEnvironment } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { ApiError } from './api-error.ts';
import type { Workspace } from './workspace.ts';

/** A stored environment. Documented: it has no versions; a change reaches later sessions only. */
export interface EnvironmentRecord {
  readonly id: string;
  shown: BetaEnvironment;
}

/** Finds an environment of the workspace, or throws the documented error. */
export function findEnvironment(workspace: Workspace, id: string): EnvironmentRecord {
  const environment = workspace.environments.find(id);
  if (environment === undefined) throw new ApiError(404, `environment ${id} not found`, 'environment_not_found');
  return environment;
}
