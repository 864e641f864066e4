/** Where every setting of a run comes from that decides who somebody is and whom we ask. */
import { join } from 'node:path';
import type { Configuration, Identity } from '../config/definitions.ts';
import { readDocument } from '../config/document.ts';
import { keepOf, readPersonalSettings } from '../config/personal-settings.ts';
import { readText } from '../outside/files.ts';
import type { Ports } from './ports.ts';
import type { ProjectPlace } from './trusted-configuration.ts';
import type { Setting } from './values/sign-in.ts';

/** Every setting of `identity` and of the environment, with its source. Nothing of it is secret. */
export async function explainSettings(
  ports: Ports,
  configuration: Configuration,
  place: ProjectPlace,
): Promise<Setting[]> {
  const { environment } = ports;
  const from: Partial<Record<ProjectPlace['source'], string>> = {
    flag: '--config',
    environment: place.found ? 'MAI_CONFIG, from where you stand, and confirmed' : 'MAI_CONFIG',
    'project config': 'found here or above, and confirmed',
  };
  const named = from[place.source];
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
      ...(said && { key: `${file} ${setting}` }),
    };
  };
  const variable = (setting: keyof typeof environment, unset: string): Setting => {
    const value = environment[setting];
    return { setting, value: value ?? unset, source: value === undefined ? 'default' : 'environment' };
  };
  const { public_client_secret: _, ...identity } = configuration.interface.identity as Record<string, unknown>;
  const mine = await ownKeep(ports, configuration.interface.identity);
  if (mine !== undefined) delete identity['keep'];
  const workspace = configuration.interface.platform.workspace_id;
  return [
    { setting: 'configuration', value: place.folder, source: place.source, ...(named !== undefined && { key: named }) },
    ...(mine === undefined ? [] : [mine]),
    ...Object.entries(identity).flatMap(([key, value]) =>
      value === undefined ? [] : [inFile(`identity.${key}`, value)],
    ),
    ...(workspace === undefined ? [] : [inFile('platform.workspace_id', workspace)]),
    variable('ANTHROPIC_BASE_URL', 'https://api.anthropic.com'),
    variable('MAI_KEYCHAIN', 'used'),
    variable('MAI_ALLOW_LOOPBACK_HTTP', 'off'),
  ];
}

/** Where a sign-in is kept, where the configuration does not say it or a person keeps nothing. */
async function ownKeep(ports: Ports, identity: Identity): Promise<Setting | undefined> {
  if (identity.mode !== 'sso') return undefined;
  const settings = await readPersonalSettings((await ports.directories()).config);
  const { keep, source } = keepOf(identity.keep, settings.keep);
  if (source === 'project') return undefined;
  const own = source === 'personal';
  return {
    setting: 'identity.keep',
    value: typeof keep === 'string' ? keep : JSON.stringify(keep),
    source: own ? 'user config' : 'default',
    ...(own && { key: `${settings.path} identity.keep` }),
  };
}

/** The keys that a file itself says, two levels deep, as `identity.issuer`. */
async function writtenKeys(file: string): Promise<Set<string>> {
  const document = readDocument((await readText(file)) ?? '');
  const data = 'data' in document ? document.data : undefined;
  const pairs = (value: unknown) => Object.entries(typeof value === 'object' && value !== null ? value : {});
  return new Set(pairs(data).flatMap(([outer, value]) => pairs(value).map(([inner]) => `${outer}.${inner}`)));
}
