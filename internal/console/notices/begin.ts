/** Notices of a console, from what it was started with. */
import { dirname } from 'node:path';
import type { Configuration } from '../../config/definitions.ts';
import { inEachWorkspace } from '../../config/workspace.ts';
import { guardedFetch } from '../../outside/http.ts';
import type { Platform } from '../../platform/client.ts';
import type { RecordLog } from '../../record/record-log.ts';
import { platformForReading } from '../../run/platform.ts';
import type { Ports } from '../../run/ports.ts';
import { signInsAtStart } from '../../run/sign-in-at-start.ts';
import { proxiesOf } from '../../run/way-out.ts';
import { usualAddress, workspaceOf } from '../../run/workspace.ts';
import type { Stores } from '../../stores/kept-text.ts';
import type { CurrentConfiguration } from '../current-configuration.ts';
import type { Figures } from '../figures.ts';
import type { Journal } from '../journal.ts';
import { beginNotices, type Notices } from './notices.ts';
import { readSigningKeys } from './signing-key.ts';

/** What a console has for it. */
export interface ConsoleNotices {
  /** The run of the console itself: its environment and folders. */
  here: Ports;
  /** The folder of the configuration. */
  folder: string;
  origin: string;
  /** The one workspace that it is for; all that the configuration names where undefined. */
  workspace: string | undefined;
  stores: Pick<Stores, 'notices'>;
  record: RecordLog;
  configuration: CurrentConfiguration;
  journal: Journal;
  noticed: Figures['noticed'];
  /** How often it is looked, and how long a receiver may take; usual where undefined. */
  pace: { everyMs: number; patienceMs: number } | undefined;
}

const usualPace = { everyMs: 30_000, patienceMs: 10_000 };

/** Begins. Throws as {@link readSigningKeys} does where the configuration of now has notices that cannot be signed. */
export async function beginConsoleNotices(console: ConsoleNotices): Promise<Notices> {
  const { here, configuration, pace: { everyMs, patienceMs } = usualPace } = console;
  const { environment, signal } = here;
  // A program of the configuration is started where the project is.
  const folder = dirname(console.folder);
  const { configuration: first } = await configuration.current();
  const { notices } = first.interface;
  if (notices !== undefined) await readSigningKeys(notices.signing_key, { environment, folder, signal });
  const opened = new WeakMap<Configuration, Promise<Platform>>();
  const perWorkspace = new WeakMap<Configuration, ReturnType<typeof placesOf>>();
  return beginNotices({
    ...console,
    everyMs,
    address: environment.ANTHROPIC_BASE_URL ?? usualAddress,
    environment,
    folder,
    notices: console.stores.notices,
    workspaces(read) {
      const places = perWorkspace.get(read) ?? placesOf(read, console);
      perWorkspace.set(read, places);
      return places;
    },
    async platformOf(read, ended) {
      const platform = opened.get(read) ?? platformForReading({ ...here, signal: ended }, read.interface.platform);
      opened.set(read, platform);
      // One that could not be opened is tried anew.
      return await platform.catch((error: unknown) => {
        opened.delete(read);
        throw error;
      });
    },
    fetchTo: (host, ended) =>
      guardedFetch({
        allowLoopbackHttp: environment.MAI_ALLOW_LOOPBACK_HTTP === '1',
        // The configuration names it: a relay is often inside the organization's own network.
        reviewedHosts: new Set([host]),
        proxies: proxiesOf(here),
        timeoutMs: patienceMs,
        signal: ended,
      }),
  });
}

function placesOf(read: Configuration, { here, workspace: only, record }: ConsoleNotices) {
  return inEachWorkspace(read, only).map((configuration) => {
    const workspace = workspaceOf(here, configuration);
    return {
      configuration,
      workspace,
      signInOf: signInsAtStart({ record: async () => record }, workspace, configuration),
    };
  });
}
