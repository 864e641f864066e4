/** Where every setting of a run comes from that decides who somebody is and whom we ask. */
import { join } from 'node:path';
import type { CommandContext } from '../cli/program.ts';
import type { Configuration, Identity } from '../config/definitions.ts';
import { readDocument } from '../config/document.ts';
import { keepOf, readPersonalSettings } from '../config/personal-settings.ts';
import { readText } from '../outside/files.ts';
import type { ProjectPlace } from './trusted-configuration.ts';

/** One setting, its value as text, and who said so. */
export interface Setting {
  setting: string;
  value: string;
  source: ProjectPlace['source'] | 'default';
  /** The flag, the variable, or the file and its key; undefined for a default. */
  key: string | undefined;
}

/** Every setting of `identity` and of the environment, with its source. Nothing of it is secret. */
export async function explainSettings(
  context: CommandContext,
  configuration: Configuration,
  place: ProjectPlace,
): Promise<Setting[]> {
  const { options, environment } = context;
  const from: Partial<Record<ProjectPlace['source'], string>> = {
    flag: '--config',
    environment: place.found ? 'MAI_CONFIG, from where you stand, and confirmed' : 'MAI_CONFIG',
    'project config': 'found here or above, and confirmed',
  };
  const file = join(place.folder, 'interface.yaml');
  const written = await writtenKeys(file);
  // A folder that a flag or variable names is a project's own; what is in it is said by the file.
  const fileSource = place.source === 'user config' ? 'user config' : 'project config';
  const inFile = (setting: string, value: unknown): Setting => {
    const said = written.has(setting);
    return {
      setting,
      value: typeof value === 'string' ? value : JSON.stringify(value),
      source: said ? fileSource : 'default',
      key: said ? `${file} ${setting}` : undefined,
    };
  };
  const variable = (setting: keyof typeof environment, unset: string): Setting => {
    const value = environment[setting];
    return { setting, value: value ?? unset, source: value === undefined ? 'default' : 'environment', key: undefined };
  };
  const { public_client_secret: _, ...identity } = configuration.interface.identity as Record<string, unknown>;
  const mine = await ownKeep(context, configuration.interface.identity);
  if (mine !== undefined) delete identity['keep'];
  const workspace = configuration.interface.platform.workspace_id;
  return [
    { setting: 'configuration', value: place.folder, source: place.source, key: from[place.source] },
    ...(mine === undefined ? [] : [mine]),
    ...Object.entries(identity).flatMap(([key, value]) =>
      value === undefined ? [] : [inFile(`identity.${key}`, value)],
    ),
    ...(workspace === undefined ? [] : [inFile('platform.workspace_id', workspace)]),
    variable('ANTHROPIC_BASE_URL', 'https://api.anthropic.com'),
    variable('MAI_KEYCHAIN', 'used'),
    variable('MAI_ALLOW_LOOPBACK_HTTP', 'off'),
    ...(options.color === false
      ? [{ setting: 'color', value: 'off', source: 'flag' as const, key: '--no-color' }]
      : [variable('NO_COLOR', 'not set')]),
  ];
}

/** Where a sign-in is kept, where the configuration does not say it or a person keeps nothing. */
async function ownKeep(context: CommandContext, identity: Identity): Promise<Setting | undefined> {
  if (identity.mode !== 'sso') return undefined;
  const settings = await readPersonalSettings((await context.directories()).config);
  const { keep, source } = keepOf(identity.keep, settings.keep);
  if (source === 'project') return undefined;
  const own = source === 'personal';
  return {
    setting: 'identity.keep',
    value: typeof keep === 'string' ? keep : JSON.stringify(keep),
    source: own ? 'user config' : 'default',
    key: own ? `${settings.path} identity.keep` : undefined,
  };
}

/** The keys that a file itself says, two levels deep, as `identity.issuer`. */
async function writtenKeys(file: string): Promise<Set<string>> {
  const document = readDocument((await readText(file)) ?? '');
  const data = 'data' in document ? document.data : undefined;
  const pairs = (value: unknown) => Object.entries(typeof value === 'object' && value !== null ? value : {});
  return new Set(pairs(data).flatMap(([outer, value]) => pairs(value).map(([inner]) => `${outer}.${inner}`)));
}
