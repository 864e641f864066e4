/**
 * Answers that vary: one thing at a time is changed in what the platform answers, as other implementations, proxies and the
 * next version of the platform do. `as loose as documented` is what the documents allow; everything else they do not.
 */
import type { PlatformControl } from './control.ts';

/** One thing that is changed in every answer that has it. */
export interface Variation {
  /** Such as `vault.metadata left out`. */
  name: string;
  /** What it is about, such as `vault`. */
  thing: Thing;
  /** Whether it decides what a session is, so that one that lacks it cannot be handed over. */
  decides: boolean;
  /** Changes a JSON answer in place or returns another one. `seen` is called where there is something to change. */
  change(json: unknown, seen: () => void): unknown;
}

type Fields = Record<string, unknown>;
type Thing = keyof typeof members | 'list';

/** The members of each thing that are varied, with a value of another type than the documented one. */
const members = {
  vault: { display_name: 7, metadata: 'none', created_at: null, archived_at: 7, type: null },
  vault_credential: {
    auth: 'secret',
    metadata: ['none'],
    created_at: 7,
    archived_at: 7,
    display_name: 7,
    vault_id: null,
  },
  vault_credential_validation: { status: 7, validated_at: 7, mcp_probe: 'initialize', refresh: 'yes' },
  agent: {
    version: '1',
    name: 7,
    model: 7,
    system: 7,
    description: 7,
    tools: { bash: true },
    mcp_servers: 'all',
    skills: 'all',
    multiagent: null,
    execution_identity: 'me',
    metadata: 'none',
    created_at: 7,
    archived_at: 7,
  },
  environment: { name: 7, config: 'cloud', metadata: 'none', description: 7, created_at: 7, archived_at: 7 },
  session: {
    agent: 'agent_1',
    vault_ids: 'vlt_1',
    environment_id: 7,
    status: 7,
    metadata: 'none',
    resources: 'none',
    title: 7,
    created_at: 7,
    archived_at: 7,
    stats: 7,
    usage: 7,
  },
  'session.agent': {
    id: 7,
    version: '1',
    name: 7,
    model: 7,
    system: 7,
    description: 7,
    tools: { bash: true },
    mcp_servers: 'all',
    skills: 'all',
    multiagent: null,
    execution_identity: 'me',
  },
  skill: { latest_version_id: 7, created_at: 7, display_name: 7, source: 7 },
  skill_version: { name: 7, created_at: 7, description: 7, skill_id: 7 },
  'tools[]': { type: 7, mcp_server_name: 7, default_config: 'off', configs: 'all' },
  'tools[].default_config': { enabled: 'no', permission_policy: 'ask' },
  'tools[].configs[]': { name: 7, enabled: 'yes', permission_policy: 'ask' },
} as const satisfies Record<string, Fields>;

/**
 * Without these, or with another type, nobody knows whose a session is, where it runs or what it may do: it is archived, and
 * only its own answer can show it.
 */
const deciding: Readonly<Record<string, readonly string[]>> = {
  session: ['agent', 'vault_ids', 'environment_id', 'metadata', 'resources'],
  'session.agent': [
    'id',
    'version',
    'tools',
    'mcp_servers',
    'skills',
    'execution_identity',
    'system',
    'name',
    'model',
    'description',
  ],
};

/** Every object of a kind in an answer. */
function each(json: unknown, thing: Thing, act: (found: Fields) => void): void {
  if (Array.isArray(json)) for (const item of json) each(item, thing, act);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  const fields = json as Fields;
  const { type } = fields;
  const inSession = type === 'session' ? (fields['agent'] as Fields | undefined) : undefined;
  const agent = type === 'agent' ? fields : inSession;
  const toolsets = (Array.isArray(agent?.['tools']) ? agent['tools'] : []) as Fields[];
  const found: readonly unknown[] =
    thing === 'session.agent'
      ? [inSession]
      : thing === 'tools[]'
        ? toolsets
        : thing === 'tools[].default_config'
          ? toolsets.map((toolset) => toolset['default_config'])
          : thing === 'tools[].configs[]'
            ? toolsets.flatMap((toolset) => toolset['configs'])
            : type === thing
              ? [fields]
              : [];
  for (const one of found) if (typeof one === 'object' && one !== null) act(one as Fields);
  if (Array.isArray(fields['data'])) each(fields['data'], thing, act);
}

function ofThing(thing: Thing, name: string, act: (found: Fields) => void, decides = false): Variation {
  return {
    name: `${thing}${name}`,
    thing,
    decides,
    change(json, seen) {
      each(json, thing, (found) => {
        seen();
        act(found);
      });
      return json;
    },
  };
}

/** Sets a member. */
function set(member: string, value: unknown): (found: Fields) => void {
  return (found) => {
    found[member] = value;
  };
}

/** Leaves a member out of one object, and has it null in the next. */
function missing(member: string): (found: Fields) => void {
  let count = 0;
  return (found) => {
    count += 1;
    if (count % 2 === 0) found[member] = null;
    else delete found[member];
  };
}

function isList(json: unknown): json is { data: unknown[]; next_page: unknown } {
  return typeof json === 'object' && json !== null && 'data' in json && 'next_page' in json;
}

function ofLists(name: string, change: (list: { data: unknown[]; next_page: unknown }) => unknown): Variation {
  return {
    name: `list${name}`,
    thing: 'list',
    decides: false,
    change(json, seen) {
      if (!isList(json)) return json;
      seen();
      return change(json);
    },
  };
}

function ofBodies(what: string, body: unknown): Variation[] {
  const things = ['vault', 'vault_credential', 'agent', 'environment', 'session', 'skill', 'skill_version'] as const;
  return things.map((thing) => ({
    name: `${thing}: the answer is ${what}`,
    thing,
    decides: false,
    change(json, seen) {
      if ((json as Fields | null)?.['type'] !== thing) return json;
      seen();
      return body;
    },
  }));
}

const things = Object.keys(members) as (keyof typeof members)[];

/** All of them. A member is missing or of another type; one is added; a list or an answer is something else. */
export const variations: readonly Variation[] = [
  ...things.flatMap((thing) =>
    Object.entries(members[thing]).flatMap(([member, other]) => {
      const decides = deciding[thing]?.includes(member) === true || (thing.startsWith('tools') && thing !== 'tools[]');
      return [
        ofThing(thing, `.${member} missing`, missing(member), decides),
        ofThing(thing, `.${member} of another type`, set(member, other), decides),
      ];
    }),
  ),
  ...things.map((thing) => ofThing(thing, ' with a new member', set('added_tomorrow', true))),
  ...things.map((thing) => ofThing(thing, ' with a new null', set('added_tomorrow', null))),
  ofLists('.data null', (list) => ({ ...list, data: null })),
  ofLists('.data left out', ({ next_page }) => ({ next_page })),
  ofLists(' is null', () => null),
  ofLists(' is an array', ({ data }) => data),
  ofLists('.next_page left out', ({ data }) => ({ data })),
  ofLists('.next_page empty', (list) => ({ ...list, next_page: '' })),
  ofLists('.next_page a number', (list) => ({ ...list, next_page: 7 })),
  ofLists(' in another order', (list) => ({ ...list, data: list.data.toReversed() })),
  ...ofBodies('null', null),
  ...ofBodies('an array', []),
  ...ofBodies('a text', 'done'),
];

/** Lists that no document gives an order. */
const anyOrder = /^\/v1\/(agents(\/[^/]+\/versions)?|environments|skills(\/[^/]+\/versions)?)$/;

/**
 * Has the platform be as loose as the documents allow: lists without a documented order come in any, what was made less than
 * `lagMs` ago is in no list yet, and an event need not say what was permitted.
 */
export function loosen({ tamper, clock }: PlatformControl, lagMs = 400): void {
  let answers = 0;
  tamper('GET /v1/**', (json, { path }) => {
    if (!isList(json)) return json;
    const made = (item: unknown) => {
      const { created_at, processed_at } = item as Fields;
      return Date.parse(String(created_at ?? processed_at));
    };
    const data = json.data.filter((item) => !(clock.now() - made(item) < lagMs));
    answers += 1;
    return { ...json, data: anyOrder.test(path) && answers % 2 === 0 ? data.toReversed() : data };
  });
  tamper('GET /v1/sessions/**', (json) => {
    for (const event of isList(json) ? json.data : [json]) delete (event as Fields)['evaluated_permission'];
    return json;
  });
}

/** Has the platform change one thing in every answer, until the returned function is called. `seen` counts the answers. */
export function vary({ tamper }: PlatformControl, variation: Variation): { undo: () => void; seen: () => number } {
  let count = 0;
  const undo = tamper('* /v1/**', (json) =>
    variation.change(json, () => {
      count += 1;
    }),
  );
  return { undo, seen: () => count };
}
