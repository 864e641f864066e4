/**
 * What the platform answers that this version knows: one table, taken from the types of the SDK. Members are added every few
 * weeks. One that is null says nothing. One that is new where tools are set up decides what they may do, so nothing is begun
 * with it; anywhere else it is told, and is no difference. `setup-session doctor` compares.
 */
import { visible } from '../text/quote.ts';
import { type Fields, fieldsOf, listOf, type Reading } from './reading.ts';

/** The version of `@anthropic-ai/sdk` that the table was taken from. */
export const knownFrom = '1.14.0';

/** The version that is in this build. */
export async function sdkInBuild(): Promise<string> {
  return (await import('./sdk.ts')).sdkVersion;
}

const agent = [
  'id',
  'type',
  'version',
  'name',
  'description',
  'model',
  'system',
  'tools',
  'mcp_servers',
  'skills',
  'multiagent',
  'execution_identity',
];
const dates = ['created_at', 'updated_at', 'archived_at'];

/** The members of each thing. A dot leads into a member, and into each entry of a list. */
export const knownMembers = {
  vault: ['id', 'type', 'display_name', 'metadata', ...dates],
  credential: ['id', 'type', 'vault_id', 'display_name', 'metadata', 'auth', ...dates],
  agent: [...agent, 'metadata', ...dates],
  'agent.model': ['id', 'effort', 'speed', 'inference_geo'],
  'agent.mcp_servers': ['type', 'name', 'url'],
  'agent.skills': ['type', 'skill_id', 'version'],
  'agent.execution_identity': ['type', 'role_arn'],
  environment: ['id', 'type', 'name', 'description', 'config', 'scope', 'metadata', ...dates],
  'environment.config': ['type', 'networking', 'packages'],
  'environment.config.networking': ['type', 'allowed_hosts', 'allow_mcp_servers', 'allow_package_managers'],
  session: [
    'id',
    'type',
    'agent',
    'environment_id',
    'vault_ids',
    'title',
    'metadata',
    'status',
    'resources',
    'budget',
    'stats',
    'usage',
    'outcome_evaluations',
    'deployment_id',
    ...dates,
  ],
  'session.agent': agent,
  skill: ['id', 'type', 'display_name', 'latest_version_id', 'source', 'created_at', 'updated_at'],
  skill_version: ['id', 'type', 'skill_id', 'name', 'description', 'created_at'],
} as const satisfies Record<string, readonly string[]>;

/** A thing of the table. */
export type Known = keyof typeof knownMembers;

/** The members of toolsets, their defaults, their tools and the permission of each: all of them decide what a tool may do. */
export const decidingMembers = {
  'tools.': ['type', 'mcp_server_name', 'default_config', 'configs'],
  'tools.default_config.': ['enabled', 'permission_policy'],
  'tools.configs.': [
    'type',
    'name',
    'enabled',
    'permission_policy',
    'allowed_domains',
    'blocked_domains',
    'max_content_tokens',
    'url_sources',
    'user_location',
  ],
  'tools.permission_policy.': ['type'],
} as const satisfies Record<string, readonly string[]>;

/** How a member that this version does not know is told. */
export function unknownMemberWords(member: string): string {
  return `the platform answers with a member that this version does not know: ${member}`;
}

/**
 * The names of what a thing has beyond the table, such as `vault.region`, and what was accepted left out. Harmless in a
 * terminal. An agent is not named: its members are those of a file.
 */
export function unknownIn(thing: Known, value: unknown, { accepted }: Pick<Reading, 'accepted'>): string[] {
  const known: readonly string[] = knownMembers[thing];
  const prefix =
    thing.startsWith('agent') || thing === 'session.agent' ? thing.replace(/^(agent|session\.agent)\.?/, '') : thing;
  const found = (Array.isArray(value) ? listOf(value) : [value]).flatMap((each) =>
    Object.entries(fieldsOf(each) ?? {}).flatMap(([key, says]) =>
      known.includes(key) || says === null || says === undefined ? [] : [prefix === '' ? key : `${prefix}.${key}`],
    ),
  );
  return [...new Set(found)].filter((name) => !accepted.has(name)).map(visible);
}

/** Tells what a thing has beyond the table. */
export function tellUnknown(thing: Known, value: unknown, reading: Reading): void {
  for (const member of unknownIn(thing, value, reading)) reading.unknown(member);
}

/** The members of something that decides, without null and what this version does not know; that is added to `unknown`. */
export function knownOf(place: keyof typeof decidingMembers, value: Fields, unknown: Set<string>): Fields {
  const known: readonly string[] = decidingMembers[place];
  return Object.fromEntries(
    Object.entries(value).filter(([key, says]) => {
      if (says === null || says === undefined) return false;
      if (known.includes(key)) return true;
      unknown.add(`${place}${key}`);
      return false;
    }),
  );
}
