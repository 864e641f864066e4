/** Which of several workspaces a run is about. What a lock says is true in one of them, so each has locks of its own. */
import { AppError } from '../errors/app-error.ts';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import type { Configuration } from './definitions.ts';

/** A workspace that somebody named, and where: `--workspace` or `MAI_WORKSPACE`. */
export interface NamedWorkspace {
  name: string;
  said: string;
}

/**
 * The configuration as it is in one workspace: `platform.workspace_id` and `workspace` say which. Nothing is guessed of
 * several. Throws `usage` where none is named, or one that is not there.
 */
export function inWorkspace(configuration: Configuration, named: NamedWorkspace | undefined): Configuration {
  const { workspaces } = configuration.interface.platform;
  if (workspaces === undefined) {
    if (named === undefined) return configuration;
    throw new AppError('usage', `${named.said} names ${quote(named.name)}, and the configuration names no workspaces`, {
      hint: 'list them in platform.workspaces of config/interface.yaml, or leave it out',
    });
  }
  const names = Object.keys(workspaces);
  const [first = '', ...others] = names;
  if (named === undefined && others.length > 0) {
    throw new AppError(
      'usage',
      `the configuration names the workspaces ${names.join(', ')}, and none of them is chosen`,
      {
        hint: `choose one: --workspace ${first}, or MAI_WORKSPACE=${first}`,
      },
    );
  }
  const name = named?.name ?? first;
  if (!Object.hasOwn(workspaces, name)) {
    throw new AppError('usage', `the configuration names no workspace ${quote(name)}`, {
      hint: nearestHint(name, names),
    });
  }
  return {
    ...configuration,
    workspace: name,
    interface: {
      ...configuration.interface,
      platform: { ...configuration.interface.platform, workspace_id: workspaces[name] },
    },
  };
}

/** The configuration as it is in each of its workspaces, or in the one that is named. Throws as {@link inWorkspace}. */
export function inEachWorkspace(configuration: Configuration, only: string | undefined): Configuration[] {
  if (only !== undefined) return [inWorkspace(configuration, { name: only, said: '--workspace' })];
  const names = Object.keys(configuration.interface.platform.workspaces ?? {});
  return names.length === 0 ? [configuration] : names.map((name) => inWorkspace(configuration, { name, said: '' }));
}

/** What the lock file of a kind is called: `skills.lock.json`, or `skills.dev.lock.json` for a workspace with a name. */
export function lockName(kind: 'agents' | 'skills', workspace: string | undefined): string {
  return workspace === undefined ? `${kind}.lock.json` : `${kind}.${workspace}.lock.json`;
}

/** `config_invalid`: a lock without the name of a workspace lies where every workspace has a lock of its own. */
export function nobodysLock(path: string, kind: 'agents' | 'skills', workspace: string): AppError {
  return new AppError(
    'config_invalid',
    `${quote(path)} says of no workspace whose it is, and the configuration names several`,
    {
      hint: `rename it after the one it is of, such as ${lockName(kind, workspace)}, or remove it`,
    },
  );
}
