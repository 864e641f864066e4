/** How long it takes to judge every tool of the largest agent that we think of. */
import type { Agent, Configuration, Permission, Service } from '../../internal/config/definitions.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { judgeTools, type PinSource } from '../../internal/policy/verdict.ts';
import { median } from './measure.ts';

/** How large it is. */
export interface VerdictSize {
  services: number;
  /** Of each service; a third each reads, writes and destroys. */
  tools: number;
  runs: number;
}

/** The median of some runs in milliseconds, with groups, scopes, conditions and pins that all have a say. */
export function measureVerdicts({ services: count, tools, runs }: VerdictSize): number {
  const names = Array.from({ length: count }, (_, index) => `service-${index}`);
  const services = names.map((name) => serviceOf(name, tools));
  const permission = (tool: string): Permission => ({
    read: 'on',
    write: 'ask',
    tools: { [tool]: 'off' },
    when: { groups: ['g1', 'g2'] },
  });
  const group = (tool: string) => Object.fromEntries(names.map((name) => [name, permission(tool)]));
  const configuration: Configuration = {
    folder: '/config',
    interface: {
      identity: { mode: 'os' },
      people: { groups: { g1: group('tool-1'), g2: group('tool-2') }, principals: {} },
      platform: {},
    },
    services: new Map(services.map((service) => [service.name, service])),
    agents: new Map(),
    rules: new Map(),
    environments: new Map(),
  };
  const hours = [{ days: ['mon' as const], from: '08:00', to: '18:00', time_zone: 'Europe/Berlin' }];
  const agent: Agent = {
    name: 'largest',
    model: 'm',
    system: undefined,
    services: Object.fromEntries(
      names.map((name) => [
        name,
        { read: 'on', write: 'ask', tools: { 'tool-3': 'off' }, when: { hours, environments: ['default'] } },
      ]),
    ),
    builtin_tools: {},
    skills: [],
    environment: 'default',
    allowed: { groups: ['g1'], principals: [] },
  };
  const person: Principal = { kind: 'sso', issuer: '', subject: 'u', groups: ['g1', 'g2'], label: '' };
  const pins: PinSource = {
    pinVerdict: () => ({ verdict: 'on', reason: 'as-reviewed', annotations: { readOnlyHint: true } }),
  };
  const evidence = {
    grantedScopes: new Map(names.map((name) => [name, ['reading']])),
    pins,
    now: new Date('2026-01-12T12:00:00Z'),
  };
  const times = Array.from({ length: runs }, () => {
    const started = performance.now();
    const { length } = judgeTools(agent, person, configuration, evidence);
    const took = performance.now() - started;
    if (length < count * tools) throw new Error(`only ${length} tools were judged`);
    return took;
  });
  return median(times);
}

function serviceOf(name: string, count: number): Service {
  const tools = Array.from({ length: count }, (_, index) => `tool-${index}`);
  const third = Math.ceil(count / 3);
  return {
    name,
    mcp_server_url: `https://${name}.example/mcp`,
    authorization: {
      issuers: [`https://${name}.example`],
      token_endpoint_auth_method: 'none',
      scopes: { default: ['reading', 'writing'], tools: { reading: tools, writing: tools.slice(third) } },
      redirect: { host: '127.0.0.1', path: '/callback' },
      resource_parameter: true,
      token_response: 'standard',
    },
    tools: { read: tools.slice(0, third), write: tools.slice(third, 2 * third), destructive: tools.slice(2 * third) },
  };
}
