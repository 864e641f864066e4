/** What every command of a person starts from: the configuration, who is operating, and the platform. */
import { join, resolve } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { loadConfiguration } from '../config/load.ts';
import { type Journals, journalsIn } from '../connection/journal-file.ts';
import type { Principal } from '../identity/principal.ts';
import { provePrincipal } from '../identity/prove.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { listFolder } from '../outside/files.ts';
import type { Platform } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import { vaultMemory } from '../vault/memory.ts';
import type { Ownership, VaultMemory } from '../vault/resolve.ts';
import { type BrowserOptions, browserVisit } from './browser-visit.ts';
import { ownershipOf } from './ownership.ts';
import { platformFromEnvironment } from './platform.ts';
import type { CommandContext } from './program.ts';

/** A command's run after the person is known. */
export interface OperatorRun {
  configuration: Configuration;
  principal: Principal;
  platform: Platform;
  memory: VaultMemory;
  ownership: Ownership | undefined;
  warn(text: string): void;
  journals: Journals;
  visit: BrowserVisit;
}

/** The configuration of a run: `--config`, else `MAI_CONFIG`, else `./config`, else the user's own. */
export async function loadProject(context: CommandContext): Promise<Configuration> {
  const { config } = await context.directories();
  const named = context.options.config ?? context.environment.MAI_CONFIG;
  if (named !== undefined) return await loadConfiguration(resolve(named));
  const project = resolve('config');
  if ((await listFolder(project)) !== undefined) return await loadConfiguration(project);
  const user = join(config, 'config');
  return await loadConfiguration((await listFolder(user)) === undefined ? project : user);
}

/**
 * Proves who is operating and opens the platform. Call it when the command line and configuration are known to be right.
 *
 * @param returnTo where the browser goes after the sign-in, instead of a page that only says how it ended
 */
export async function openOperatorRun(
  context: CommandContext,
  configuration: Configuration,
  options: BrowserOptions,
  command: string,
  returnTo?: URL,
): Promise<OperatorRun> {
  const visit = browserVisit(context, options, command, reviewedHosts(configuration));
  const { identity, platform: settings } = configuration.interface;
  // Before anybody is sent to a browser: without a key nothing could be done afterwards.
  const platform = await platformFromEnvironment(context, settings.workspace_id);
  const principal = await provePrincipal(identity, context.environment.SUDO_UID, { ...visit, returnTo });
  context.progress.detail(
    `operating as ${quote(principal.label)}: ${principal.kind} ${quote(principal.issuer)} ${quote(principal.subject)}`,
  );
  const { cache, state } = await context.directories();
  const platformAddress = context.environment.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com';
  const memory = vaultMemory(cache, state, platformAddress);
  const ownership = ownershipOf(context, configuration);
  const journals = journalsIn({
    stateFolder: state,
    platformAddress,
    signal: context.signal,
    warn: context.progress.warn,
  });
  const { warn } = context.progress;
  return { configuration, principal, platform, memory, ownership, journals, visit, warn };
}
