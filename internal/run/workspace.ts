/** The workspace that a run acts in, as far as environment and configuration say which it is. */
import type { Configuration } from '../config/definitions.ts';
import type { Workspace } from '../stores/kept-text.ts';
import type { Ports } from './ports.ts';

/** Where the platform is unless the environment says otherwise. */
export const usualAddress = 'https://api.anthropic.com';

/** Of two runs that act in one workspace it is the same. */
export function workspaceOf(
  { environment }: Pick<Ports, 'environment'>,
  configuration: Pick<Configuration, 'interface'>,
): Workspace {
  return {
    address: environment.ANTHROPIC_BASE_URL ?? usualAddress,
    id: configuration.interface.platform.workspace_id,
  };
}
