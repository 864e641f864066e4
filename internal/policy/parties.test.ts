/** Every party alone and all together: the narrowest counts, and the rule that is named is the one that decided (P5). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Agent, AgentService, Configuration, Permission, Service, Verdict, When } from '../config/definitions.ts';
import { verdictIn } from '../config/verdicts.ts';
import type { Principal } from '../identity/principal.ts';
import { effective, isNarrower, narrowest, type Party, type Statement, towardsWider } from './effective.ts';
import { compileTooling, permissionLines } from './toolset.ts';
import { agentTools, type Evidence, judgeTools, type PinSource, type ToolVerdict } from './verdict.ts';

const verdicts = ['off', 'ask', 'auto', 'on'] as const;
const rank = (verdict: Verdict) => verdicts.indexOf(verdict);
const someVerdict = fc.constantFrom(...verdicts);
const tools = ['look', 'add', 'drop'] as const;

const service: Service = {
  name: 'notes',
  mcp_server_url: 'https://notes.example/mcp',
  authorization: {
    issuers: ['https://notes.example'],
    registration: 'dynamic',
    token_endpoint_auth_method: 'none',
    scopes: { default: ['reading', 'writing'], tools: { reading: ['look'], writing: ['add', 'drop'] } },
    redirect: { host: '127.0.0.1', path: '/callback' },
    resource_parameter: true,
    token_response: 'standard',
  },
  tools: { read: ['look'], write: ['add'], destructive: ['drop'] },
};

const ada: Principal = {
  kind: 'sso',
  issuer: 'https://idp.example',
  subject: 'user-1',
  groups: ['g1', 'g2'],
  label: 'Ada',
};

interface World {
  settings: AgentService;
  groups: Record<string, Permission>;
  evidence: Evidence;
  builtin?: Agent['builtin_tools'];
}

function agentOf({ settings, builtin = {} }: Pick<World, 'settings' | 'builtin'>): Agent {
  return {
    name: 'support',
    model: 'm',
    system: undefined,
    services: { notes: settings },
    builtin_tools: builtin,
    skills: [],
    environment: 'default',
    allowed: { groups: [], principals: [] },
  };
}

function configurationOf(groups: World['groups'], more: Service[] = []): Configuration {
  const entries = Object.entries(groups).map(([name, permission]) => [name, { notes: permission, wiki: permission }]);
  return {
    folder: '/config',
    interface: {
      identity: { mode: 'os' },
      people: { groups: Object.fromEntries(entries), principals: {} },
      platform: {},
    },
    services: new Map([service, ...more].map((each) => [each.name, each])),
    agents: new Map(),
    rules: new Map(),
    environments: new Map(),
  };
}

function judged(world: World): Map<string, ToolVerdict> {
  const found = judgeTools(agentOf(world), ada, configurationOf(world.groups), world.evidence);
  return new Map(found.map((each) => [each.tool, each]));
}

/** Pins that say `off` for these tools and `as-reviewed` for all others. */
function pins(off: readonly string[], annotations: Record<string, unknown> = {}): PinSource {
  return {
    pinVerdict: (_service, tool) => ({
      verdict: off.includes(tool) ? 'off' : 'on',
      reason: off.includes(tool) ? 'changed' : 'as-reviewed',
      annotations,
    }),
  };
}

const everything: AgentService = { read: 'on', write: 'on', tools: { drop: 'on' } };
const all: World = { settings: everything, groups: { g1: { read: 'on', write: 'on' } }, evidence: {} };

const conditions: fc.Arbitrary<When> = fc.constantFrom<When>(
  {},
  { groups: ['g1'] },
  { groups: ['nobody'] },
  { environments: ['other'] },
);
const setting = fc.oneof(someVerdict, fc.record({ verdict: someVerdict, when: conditions }));
const entries = fc.dictionary(fc.constantFrom(...tools), setting);

const anyWorld: fc.Arbitrary<World> = fc.record({
  settings: fc.record(
    { read: someVerdict, write: fc.constantFrom('off', 'ask', 'on'), tools: entries, when: conditions },
    { requiredKeys: ['read', 'write'] },
  ) as fc.Arbitrary<AgentService>,
  groups: fc.dictionary(
    fc.constantFrom('g1', 'g2'),
    fc.record({ read: someVerdict, write: someVerdict, tools: entries, when: conditions }, { requiredKeys: [] }),
  ) as fc.Arbitrary<World['groups']>,
  evidence: fc.record(
    {
      grantedScopes: fc.subarray(['reading', 'writing']).map((scopes) => new Map([['notes', scopes]])),
      pins: fc
        .tuple(
          fc.subarray([...tools]),
          fc.record({ readOnlyHint: fc.constantFrom(true, false, 'no'), destructiveHint: fc.constantFrom(true, 1) }),
        )
        .map(([off, annotations]) => pins(off, annotations)),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Evidence>,
});

const statement: fc.Arbitrary<Statement> = fc.record({
  party: fc.constantFrom<Party>('agent', 'person', 'scopes', 'pin'),
  verdict: someVerdict,
  because: fc.string(),
});

describe('of any statements', () => {
  test('the rule that decides is one of them and really the narrowest, and the first such', () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1 }), (statements) => {
        const rule = effective(statements);
        expect(rule.verdict).toBe(narrowest(...statements.map(({ verdict }) => verdict)));
        expect(statements.find(({ verdict }) => verdict === rule.verdict)).toBe(rule);
      }),
    );
  });

  test('their order does not matter for the verdict', () => {
    const shuffled = fc
      .array(statement)
      .chain((statements) =>
        fc.tuple(fc.constant(statements), fc.shuffledSubarray(statements, { minLength: statements.length })),
      );
    fc.assert(
      fc.property(shuffled, ([statements, others]) => {
        expect(effective(others).verdict).toBe(effective(statements).verdict);
      }),
    );
  });

  test('one more never widens', () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1 }), statement, (statements, more) => {
        expect(isNarrower(effective(statements).verdict, effective([...statements, more]).verdict)).toBe(false);
      }),
    );
  });

  test('what has to change for a wider verdict is enough for it, and nothing of it can be left out', () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1 }), (statements) => {
        const { changes, wider } = towardsWider(statements);
        const changing = (changed: readonly Statement[]) =>
          effective(statements.map((each) => (changed.includes(each) ? { ...each, verdict: 'on' as const } : each)));
        if (changes.length === 0) expect(effective(statements).verdict).toBe('on');
        else expect(changing(changes).verdict).toBe(wider);
        for (const kept of changes) {
          expect(changing(changes.filter((each) => each !== kept)).verdict).toBe(effective(statements).verdict);
        }
      }),
    );
  });

  test('none at all are off', () => {
    expect([effective([]).verdict, towardsWider([])]).toEqual(['off', { changes: [], wider: 'off' }]);
  });
});

describe('in any world', () => {
  test('a verdict is never wider than any of the agent, the person, the scopes and the pin [P5]', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        for (const { agent, person, scopes = 'on', pin = 'on', verdict } of judged(world).values()) {
          expect(rank(verdict)).toBe(Math.min(rank(agent), rank(person), rank(scopes), rank(pin)));
        }
      }),
    );
  });

  test('the rule that decides is the narrowest of all that was said [P5]', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        for (const { rule, verdict, says } of judged(world).values()) {
          expect(rule.verdict).toBe(verdict);
          expect(says).toContain(rule);
          expect(says.filter((each) => isNarrower(each.verdict, rule.verdict))).toEqual([]);
        }
      }),
    );
  });

  test('a condition, a scope that is missing, a pin or a claim of the server never widens [P5]', () => {
    fc.assert(
      fc.property(anyWorld, ({ settings, groups, evidence }) => {
        const plain = (tools: AgentService['tools']) =>
          Object.fromEntries(Object.entries(tools ?? {}).map(([tool, each]) => [tool, verdictIn(each)]));
        const without = judged({
          settings: { read: settings.read, write: settings.write, tools: plain(settings.tools) },
          groups: Object.fromEntries(
            Object.entries(groups).map(([name, { when: _, tools: own, ...each }]) => [
              name,
              { ...each, tools: plain(own) },
            ]),
          ),
          evidence: {},
        });
        for (const [tool, { verdict }] of judged({ settings, groups, evidence })) {
          expect(rank(verdict), tool).toBeLessThanOrEqual(rank(without.get(tool)?.verdict ?? 'off'));
        }
      }),
    );
  });

  test('the order of tools, groups and entries does not matter [P5]', () => {
    const reversed = <Value>(record: Record<string, Value>) => Object.fromEntries(Object.entries(record).reverse());
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { settings, groups, evidence } = world;
        const other = judgeTools(
          agentOf({ settings: { ...settings, ...(settings.tools && { tools: reversed(settings.tools) }) } }),
          { ...ada, groups: ada.groups.toReversed() },
          configurationOf(reversed(groups)),
          evidence,
        );
        expect(other.map(({ tool, verdict }) => [tool, verdict])).toEqual(
          [...judged(world).values()].map(({ tool, verdict }) => [tool, verdict]),
        );
      }),
    );
  });

  test('a session is never wider than the agent on the platform [P5]', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const configuration = configurationOf(world.groups);
        const agent = agentOf(world);
        const widest = new Map(agentTools(agent, configuration).map(({ tool, verdict }) => [tool, verdict]));
        for (const { tool, verdict } of judgeTools(agent, ada, configuration, world.evidence)) {
          expect(rank(verdict), tool).toBeLessThanOrEqual(rank(widest.get(tool) ?? 'off'));
        }
      }),
    );
  });
});

describe('the granted scopes', () => {
  const granted = (...scopes: string[]): Evidence => ({ grantedScopes: new Map([['notes', scopes]]) });

  test('turn off what needs a scope that is missing, and the rule names it', () => {
    const { look, add } = Object.fromEntries(judged({ ...all, evidence: granted('reading') }));
    expect([look?.verdict, look?.scopes]).toEqual(['on', 'on']);
    expect([add?.verdict, add?.scopes, add?.rule]).toEqual([
      'off',
      'off',
      { party: 'scopes', verdict: 'off', because: 'the scope writing was not granted' },
    ]);
  });

  test('have no say where nobody knows them, nor about a tool that needs none', () => {
    expect(judged(all).get('add')).toMatchObject({ verdict: 'on', scopes: undefined });
    expect(judged({ ...all, evidence: { grantedScopes: new Map() } }).get('add')?.verdict).toBe('on');
  });

  test('have all to be there for a tool that needs several', () => {
    const needing = (order: string[]): Service => ({
      ...service,
      authorization: {
        ...service.authorization,
        scopes: { default: order, tools: Object.fromEntries(order.map((scope) => [scope, ['look']])) },
      },
    });
    for (const order of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      const configuration = configurationOf(all.groups);
      const changed = { ...configuration, services: new Map([['notes', needing(order)]]) };
      const [look] = judgeTools(agentOf(all), ada, changed, granted('a'));
      expect([look?.verdict, look?.rule.because]).toEqual(['off', 'the scope b was not granted']);
    }
  });
});

describe('the pin', () => {
  test('turns off what is not as it was reviewed, and the rule says why', () => {
    const { look, add } = Object.fromEntries(judged({ ...all, evidence: { pins: pins(['add']) } }));
    expect([look?.verdict, look?.pin]).toEqual(['on', 'on']);
    expect([add?.verdict, add?.pin, add?.rule.because]).toEqual(['off', 'off', 'tools.lock.json: changed']);
  });

  test('has no say about a service that was never pinned', () => {
    const unpinned: PinSource = {
      pinVerdict: () => ({ verdict: 'on', reason: 'not-pinned', annotations: undefined }),
    };
    expect(judged({ ...all, evidence: { pins: unpinned } }).get('look')).toMatchObject({
      verdict: 'on',
      pin: undefined,
    });
  });

  test('raises a class by what the server claims, and that never widens', () => {
    const writes = pins([], { readOnlyHint: false });
    const switched = (read: Verdict, write: 'off' | 'on') =>
      judged({ ...all, settings: { read, write }, evidence: { pins: writes } }).get('look');
    expect(switched('on', 'off')).toMatchObject({ class: 'write', verdict: 'off' });
    expect(switched('off', 'on')).toMatchObject({ class: 'write', verdict: 'off' });
    const claims = pins([], { readOnlyHint: 'false', destructiveHint: 1 });
    expect(judged({ ...all, evidence: { pins: claims } }).get('look')).toMatchObject({ class: 'read', verdict: 'on' });
  });
});

describe('a condition that does not hold', () => {
  const never: When = { groups: ['nobody'] };
  const why = 'does not hold: groups: in none of "nobody"';

  test.each<[string, Partial<World>, string]>([
    ['of a service', { settings: { ...everything, when: never } }, `agents/support.yaml: services.notes.when ${why}`],
    [
      'of a tool',
      { settings: { ...everything, tools: { look: { verdict: 'on', when: never } } } },
      `agents/support.yaml: services.notes.tools.look.when ${why}`,
    ],
    [
      'of an entry of a person',
      { groups: { g1: { read: 'on', write: 'on', when: never } } },
      `interface.yaml: people.groups.g1.notes.when ${why}`,
    ],
    [
      'of a tool of a person',
      { groups: { g1: { read: 'on', tools: { look: { verdict: 'on', when: never } } } } },
      `interface.yaml: people.groups.g1.notes.tools.look.when ${why}`,
    ],
  ])('%s makes it off, and is the rule that decided', (_case, change, because) => {
    expect(judged({ ...all, ...change }).get('look')).toMatchObject({ verdict: 'off', rule: { because } });
  });

  test('takes nothing away that another group gives', () => {
    const groups: World['groups'] = { g1: { read: 'on', when: never }, g2: { read: 'ask' } };
    expect(judged({ ...all, groups }).get('look')?.verdict).toBe('ask');
  });

  test('leaves the agent on the platform as wide as it may ever be', () => {
    const agent = agentOf({ settings: { ...everything, when: never } });
    expect(agentTools(agent, configurationOf({})).find(({ tool }) => tool === 'look')?.verdict).toBe('on');
  });
});

test('one name at two services is two tools with a verdict each', () => {
  const wiki: Service = { ...service, name: 'wiki', mcp_server_url: 'https://wiki.example/mcp' };
  const agent = { ...agentOf(all), services: { notes: everything, wiki: { read: 'ask', write: 'off' } as const } };
  const found = judgeTools(agent, ada, configurationOf(all.groups, [wiki])).filter(({ tool }) => tool === 'look');
  expect(found.map(({ service: name, verdict }) => [name, verdict])).toEqual([
    ['notes', 'on'],
    ['wiki', 'ask'],
  ]);
});

describe('the built-in tools', () => {
  const builtin = (settings: Agent['builtin_tools']) => {
    const found = judgeTools(agentOf({ settings: everything, builtin: settings }), ada, configurationOf({}));
    return new Map(found.filter((each) => each.service === 'builtin').map((each) => [each.tool, each]));
  };

  test('are off unless the agent lists them [P4]', () => {
    const found = builtin({ read: 'on', bash: 'ask' });
    expect([...found].map(([tool, { verdict }]) => [tool, verdict])).toEqual([
      ['bash', 'ask'],
      ['read', 'on'],
      ['write', 'off'],
      ['edit', 'off'],
      ['glob', 'off'],
      ['grep', 'off'],
      ['web_fetch', 'off'],
      ['web_search', 'off'],
    ]);
    expect(found.get('edit')?.rule.because).toBe('agents/support.yaml: builtin_tools.edit is not there');
  });

  test('that reach the web are off without domains, however the file was made [P4]', () => {
    expect(builtin({ web_fetch: 'on' }).get('web_fetch')).toMatchObject({
      verdict: 'off',
      rule: { because: 'agents/support.yaml: builtin_tools.web_fetch names no domains' },
    });
  });

  test('that reach the web carry their domains to the platform, or none where that was said', () => {
    const lines = (domains: string[] | 'open') => {
      const agent = agentOf({
        settings: { read: 'off', write: 'off' },
        builtin: { web_fetch: { verdict: 'on', domains } },
      });
      return permissionLines(compileTooling(judgeTools(agent, ada, configurationOf({})), configurationOf({})).tools);
    };
    expect(lines(['b.example', 'a.example'])).toEqual([
      'builtin default off',
      'builtin/web_fetch always_allow [["allowed_domains",["a.example","b.example"]]]',
    ]);
    expect(lines('open')).toEqual(['builtin default off', 'builtin/web_fetch always_allow']);
  });
});
