import { describe, expect, test } from 'vitest';
import type { Agent, Configuration, Permission, Service, Verdict } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { narrowest, widest } from './effective.ts';
import { compileTooling, permissionLines } from './toolset.ts';
import { agentTools, isOperator, judgeTools, mayUseAgent, mayUseService, type ToolVerdict } from './verdict.ts';

const verdicts = ['off', 'ask', 'auto', 'on'] as const;
const writeControls = ['off', 'ask', 'on'] as const;
const rank = (verdict: Verdict) => verdicts.indexOf(verdict);

/** A small seeded generator (mulberry32): a failing world can be made again from its number. */
function generator(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const maybe = (chance = 0.5) => next() < chance;
  const verdict = (): Verdict => verdicts[Math.floor(next() * verdicts.length)] ?? 'off';
  const some = <Item>(items: readonly Item[]) => items.filter(() => maybe());
  return { maybe, verdict, some };
}

interface World {
  agent: Agent;
  principal: Principal;
  configuration: Configuration;
}

/** Any agent, person and configuration of three services with six tools each. */
function anyWorld(seed: number): World {
  const { maybe, verdict, some } = generator(seed);
  const names = ['notion', 'slack', 'linear'];
  const toolsOf = (service: string) => Array.from({ length: 6 }, (_, index) => `${service}-${index}`);
  const record = <Value>(keys: readonly string[], value: (key: string) => Value) =>
    Object.fromEntries(keys.map((key) => [key, value(key)]));
  const permissions = () =>
    record(
      some(names),
      (service): Permission => ({
        ...(maybe() && { read: verdict() }),
        ...(maybe() && { write: verdict() }),
        ...(maybe() && { tools: record(some(toolsOf(service)), verdict) }),
      }),
    );
  const services = names.map((name): [string, Service] => {
    const [a, b, c, ...rest] = toolsOf(name);
    const tools = { read: [a ?? '', ...rest], write: [b ?? ''], destructive: [c ?? ''] };
    return [name, serviceWith(name, tools)];
  });
  return {
    agent: agentWith(
      record(some(names), (service) => ({
        read: verdict(),
        write: writeControls[rank(verdict()) % 3] ?? 'off',
        ...(maybe() && { tools: record(some(toolsOf(service)), verdict) }),
      })),
      { builtin_tools: record(some(['read', 'bash', 'grep']), verdict) },
    ),
    principal: person({ groups: some(['g1', 'g2', 'nobody-listed']) }),
    configuration: configurationOf(new Map(services), {
      groups: { g1: permissions(), g2: permissions() },
      principals: maybe(0.3) ? { 'user-1': permissions() } : {},
    }),
  };
}

function serviceWith(name: string, tools: Service['tools']): Service {
  return {
    name,
    mcp_server_url: `https://${name}.example/mcp`,
    authorization: {
      issuers: [`https://${name}.example`],
      registration: 'dynamic',
      token_endpoint_auth_method: 'none',
      redirect: { host: '127.0.0.1', path: '/callback' },
      resource_parameter: true,
      token_response: 'standard',
    },
    tools,
  };
}

function agentWith(services: Agent['services'], changes: Partial<Agent> = {}): Agent {
  return {
    name: 'support',
    model: 'claude-sonnet-5-5',
    system: undefined,
    services,
    builtin_tools: {},
    skills: [],
    environment: 'default',
    allowed: { groups: [], principals: [] },
    ...changes,
  };
}

function person(changes: Partial<Principal> = {}): Principal {
  return { kind: 'sso', issuer: 'https://idp.example', subject: 'user-1', groups: ['g1'], label: 'Ada', ...changes };
}

function configurationOf(services: Map<string, Service>, people: Configuration['interface']['people']): Configuration {
  return {
    folder: '/config',
    interface: { identity: { mode: 'os' }, people, platform: {} },
    services,
    agents: new Map(),
    rules: new Map(),
    environments: new Map(),
  };
}

/** The tools of the platform itself, which are judged in every world. */
const builtinTools = 8;

const worlds = Array.from({ length: 200 }, (_, seed) => seed);
const everything = { read: 'on', write: 'on' } as const;
const notion = serviceWith('notion', { read: ['look'], write: ['add'], destructive: ['drop'] });

const ofServices = (found: ToolVerdict[]) => found.filter(({ service }) => service !== 'builtin');

/** The verdicts on look, add and drop for a person of the group g1 who may do `permission`. */
function judged(agentService: Agent['services'][string], permission: Permission, principal = person()) {
  const configuration = configurationOf(new Map([['notion', notion]]), {
    groups: { g1: { notion: permission } },
    principals: {},
  });
  const found = judgeTools(agentWith({ notion: agentService }), principal, configuration);
  return Object.fromEntries(ofServices(found).map(({ tool, verdict }) => [tool, verdict]));
}

describe('the verdict', () => {
  test.each<[Verdict, Verdict, Verdict]>(
    verdicts.flatMap((a) => verdicts.map((b): [Verdict, Verdict, Verdict] => [a, b, rank(a) < rank(b) ? a : b])),
  )('of an agent that says %s and a person who may %s is %s', (agent, permitted, expected) => {
    expect(judged({ read: agent, write: 'off' }, { read: permitted })['look']).toBe(expected);
    expect(narrowest(agent, permitted)).toBe(expected);
  });

  test('of nobody is off', () => {
    expect([narrowest(), widest([])]).toEqual(['off', 'off']);
  });

  test('follows the write control for what writes, whatever the person may do [P4]', () => {
    expect(judged({ read: 'on', write: 'off' }, everything)).toEqual({ look: 'on', add: 'off', drop: 'off' });
    expect(judged({ read: 'on', write: 'ask' }, everything)).toEqual({ look: 'on', add: 'ask', drop: 'ask' });
    expect(judged({ read: 'on', write: 'on' }, everything)).toEqual({ look: 'on', add: 'on', drop: 'ask' });
  });

  test('is not widened beyond the write control by naming a tool', () => {
    expect(judged({ read: 'on', write: 'off', tools: { add: 'on', drop: 'on' } }, everything)).toEqual({
      look: 'on',
      add: 'off',
      drop: 'off',
    });
    expect(judged({ read: 'on', write: 'on', tools: { add: 'off', drop: 'on' } }, everything)).toEqual({
      look: 'on',
      add: 'off',
      drop: 'on',
    });
  });

  test('is off for whoever is not listed [P4]', () => {
    const none = { look: 'off', add: 'off', drop: 'off' };
    expect(judged({ read: 'on', write: 'on' }, everything, person({ groups: [] }))).toEqual(none);
    expect(judged({ read: 'on', write: 'on' }, everything, person({ groups: ['constructor', '__proto__'] }))).toEqual(
      none,
    );
    expect(judged({ read: 'on', write: 'on' }, {})).toEqual(none);
  });

  test('of a tool that nobody reviewed does not exist [P4]', () => {
    expect(
      judged({ read: 'on', write: 'on', tools: { surprise: 'on' } }, { ...everything, tools: { surprise: 'on' } }),
    ).toEqual({
      look: 'on',
      add: 'on',
      drop: 'ask',
    });
  });

  test('takes the widest of a person’s groups and own entry [P5]', () => {
    const configuration = configurationOf(new Map([['notion', notion]]), {
      groups: { g1: { notion: { read: 'ask' } }, g2: { notion: { read: 'auto', tools: { add: 'ask' } } } },
      principals: { 'user-1': { notion: { tools: { look: 'on' } } } },
    });
    const verdictsFor = (principal: Principal) =>
      ofServices(judgeTools(agentWith({ notion: { read: 'on', write: 'on' } }), principal, configuration)).map(
        ({ verdict }) => verdict,
      );
    expect(verdictsFor(person({ groups: ['g1', 'g2'] }))).toEqual(['on', 'ask', 'off']);
    expect(verdictsFor(person({ groups: ['g1', 'g2'], subject: 'user-2' }))).toEqual(['auto', 'ask', 'off']);
    expect(verdictsFor(person({ groups: ['g1'], subject: 'USER-1' }))).toEqual(['ask', 'off', 'off']);
  });
});

describe('in any world', () => {
  test('a verdict is never wider than the agent, the person or the review [P5]', () => {
    for (const seed of worlds) {
      const { agent, principal, configuration } = anyWorld(seed);
      for (const { service, tool, class: kind, agent: ofAgent, person: ofPerson, verdict } of judgeTools(
        agent,
        principal,
        configuration,
      )) {
        expect(rank(verdict), `world ${seed}`).toBeLessThanOrEqual(Math.min(rank(ofAgent), rank(ofPerson)));
        if (service === 'builtin') continue;
        const settings = agent.services[service];
        expect(rank(verdict), `world ${seed}`).toBeLessThanOrEqual(
          rank((kind === 'read' ? settings?.read : settings?.write) ?? 'off'),
        );
        const { tools } = configuration.services.get(service) ?? notion;
        expect([...tools.read, ...tools.write, ...tools.destructive], `world ${seed}`).toContain(tool);
      }
    }
  });

  test('a deny added anywhere never widens anything [P5]', () => {
    for (const seed of worlds) {
      const world = anyWorld(seed);
      const before = byTool(world);
      for (const denied of denials(world)) {
        for (const [tool, verdict] of byTool(denied)) {
          expect(rank(verdict), `world ${seed}, ${tool}`).toBeLessThanOrEqual(rank(before.get(tool) ?? 'off'));
        }
      }
    }
  });

  test('what is compiled for the platform permits the verdicts, no more and no less [P5]', () => {
    const policies: Record<Verdict, string> = { off: '', ask: 'always_ask', auto: 'auto', on: 'always_allow' };
    for (const seed of worlds) {
      const { agent, principal, configuration } = anyWorld(seed);
      const found = judgeTools(agent, principal, configuration);
      const { tools, mcp_servers: servers } = compileTooling(found, configuration);
      const open = found.filter(({ verdict }) => verdict !== 'off');
      const expected = [
        ...new Set(open.map(({ service }) => `${service} default off`)),
        ...open.map(({ service, tool, verdict }) => `${service}/${tool} ${policies[verdict]}`),
      ];
      expect(permissionLines(tools), `world ${seed}`).toEqual(expected.sort());
      expect(servers.map(({ name }) => name)).toEqual(
        [...new Set(open.map(({ service }) => service))].filter((name) => name !== 'builtin').sort(),
      );
    }
  });

  test('who may use nothing of a service may not connect it [P4]', () => {
    for (const seed of worlds) {
      const { principal, configuration } = anyWorld(seed);
      for (const service of configuration.services.values()) {
        const widestAgent = agentWith({
          [service.name]: {
            read: 'on',
            write: 'on',
            tools: Object.fromEntries(service.tools.destructive.map((tool) => [tool, 'on'])),
          },
        });
        const open = judgeTools(widestAgent, principal, configuration).some(({ verdict }) => verdict !== 'off');
        expect(mayUseService(principal, configuration, service), `world ${seed}`).toBe(open);
      }
    }
  });
});

function byTool({ agent, principal, configuration }: World): Map<string, Verdict> {
  return new Map(
    judgeTools(agent, principal, configuration).map(({ service, tool, verdict }) => [`${service} ${tool}`, verdict]),
  );
}

/** The same world with one more `off` in the agent's file, per service and tool. */
function denials(world: World): World[] {
  const { agent } = world;
  return Object.entries(agent.services).flatMap(([name, settings]) => {
    const denied = [
      { ...settings, read: 'off' as const },
      { ...settings, write: 'off' as const },
      ...Array.from({ length: 6 }, (_, index) => ({
        ...settings,
        tools: { ...settings.tools, [`${name}-${index}`]: 'off' as const },
      })),
    ];
    return denied.map((service) => ({
      ...world,
      agent: { ...agent, services: { ...agent.services, [name]: service } },
    }));
  });
}

describe('an agent', () => {
  test('of which a service is not named has nothing there', () => {
    expect(
      agentTools(agentWith({}), configurationOf(new Map([['notion', notion]]), { groups: {}, principals: {} })).filter(
        ({ verdict }) => verdict !== 'off',
      ),
    ).toEqual([]);
  });

  test('may be used by those who are listed, byte for byte, and by nobody else [P4]', () => {
    const agent = agentWith({}, { allowed: { groups: ['support'], principals: ['user-1'] } });
    expect(mayUseAgent(person({ groups: [] }), agent)).toBe(true);
    expect(mayUseAgent(person({ groups: ['support'], subject: 'x' }), agent)).toBe(true);
    for (const principal of [
      person({ groups: [], subject: 'User-1' }),
      person({ groups: ['Support', 'support '], subject: 'x' }),
      person({ groups: [], subject: 'x', label: 'user-1' }),
    ]) {
      expect(mayUseAgent(principal, agent)).toBe(false);
    }
    expect(mayUseAgent(person(), agentWith({}))).toBe(false);
  });
});

test('20 services with 256 tools are judged in a moment', () => {
  const services = Array.from({ length: 20 }, (_, index) => `s${index}`).map((name): [string, Service] => [
    name,
    serviceWith(name, { read: Array.from({ length: 256 }, (_, tool) => `t${tool}`), write: [], destructive: [] }),
  ]);
  const permission = Object.fromEntries(services.map(([name]) => [name, everything]));
  const configuration = configurationOf(new Map(services), { groups: { g1: permission }, principals: {} });
  const agent = agentWith(
    Object.fromEntries(services.map(([name]) => [name, { read: 'on' as const, write: 'off' as const }])),
  );
  const started = performance.now();
  expect(judgeTools(agent, person(), configuration)).toHaveLength(5120 + builtinTools);
  expect(performance.now() - started).toBeLessThan(500);
});

describe('a CI job whose subject is that of a listed person', () => {
  const people = {
    groups: { ci: { notion: { read: 'on' as const } } },
    principals: { 'user-1': { notion: everything } },
    operators: { groups: [], principals: ['user-1'] },
  };
  const configuration = configurationOf(new Map([['notion', notion]]), people);
  const agent = { ...agentWith({ notion: everything }), allowed: { groups: [], principals: ['user-1'] } };
  const job = person({ kind: 'workload', groups: ['ci'] });
  const may = (principal: Principal) => ({
    tools: judgeTools(agent, principal, configuration)
      .filter(({ service, person: own }) => service !== 'builtin' && own !== 'off')
      .map(({ tool }) => tool),
    agent: mayUseAgent(principal, agent),
    operate: isOperator(principal, configuration),
  });

  test('may do what its groups may, and nothing of what that person may', () => {
    expect(may(person())).toEqual({ tools: ['look', 'add', 'drop'], agent: true, operate: true });
    expect(may(job)).toEqual({ tools: ['look'], agent: false, operate: false });
  });
});
