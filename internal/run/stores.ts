/** Where a run keeps what the next one is to know. */
import type { Configuration } from '../config/definitions.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import type { Stores, Workspace } from '../stores/kept-text.ts';
import type { Ports } from './ports.ts';

/** The stores of this machine. */
export async function storesOf(ports: Pick<Ports, 'directories'>): Promise<Stores> {
  return fileStores(await ports.directories());
}

/** The workspace that a run acts in, as far as environment and configuration say which it is. */
export function workspaceOf(
  { environment }: Pick<Ports, 'environment'>,
  configuration: Pick<Configuration, 'interface'>,
): Workspace {
  return {
    address: environment.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com',
    id: configuration.interface.platform.workspace_id,
  };
}
