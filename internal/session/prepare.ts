/**
 * From a proven principal to a session intent: everything is looked at first, all at once where order does not
 * matter, and nothing is changed here. With a remembered vault and a lock this is one round trip.
 */

import { randomUUID } from 'node:crypto';
import { defineAgent, type MeantAgent, type SkillPins } from '../agent/definition.ts';
import { findAgent, findEnvironment, judgeAgent } from '../agent/ensure.ts';
import { environmentDigest, judgeEnvironment, withoutDeadApply } from '../agent/environment.ts';
import { type InForce, requireInForce } from '../agent/in-force.ts';
import type { AgentsLock } from '../agent/lock.ts';
import { requireDecided } from '../agent/undecided.ts';
import { clock } from '../clock/clock.ts';
import type { Agent, Configuration, Environment, Requirement, Service } from '../config/definitions.ts';
import { judgeStatus } from '../connection/check/status.ts';
import { type Connection, connectionOf, readConnections } from '../connection/credentials.ts';
import { grantedByService } from '../connection/scopes.ts';
import { AppError } from '../errors/app-error.ts';
import { allOf, requireAssurance } from '../identity/assurance.ts';
import { forAgentOption, type Principal, withMissingGroups } from '../identity/principal.ts';
import type { Grounds } from '../platform/change.ts';
import { unknownMemberWords } from '../platform/known-members.ts';
import { isNarrower, type Statement } from '../policy/effective.ts';
import { compileTooling, type DecidedTool, type Tooling } from '../policy/toolset.ts';
import { judgeTools, type PinSource, type ToolVerdict, whatLetsStart } from '../policy/verdict.ts';
import type { ServedBy } from '../session-token/identity.ts';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { findVault, type OwnedVault, type VaultDirectory } from '../vault/resolve.ts';

/** Renews what the platform cannot, of the connections of some services; says what there is then. */
export type RenewConnections = (
  vault: OwnedVault,
  connections: readonly Connection[],
  services: readonly Service[],
) => Promise<readonly Connection[]>;

/** What a session is prepared from. */
export interface SessionRequest extends VaultDirectory {
  renew: RenewConnections;
  configuration: Configuration;
  agent: Agent;
  principal: Principal;
  lock: AgentsLock;
  pins: SkillPins;
  /** What was reviewed of the tools. */
  toolPins: PinSource;
  /** Services of the agent that this session does without: neither server nor tools. */
  without: readonly string[];
  /** What the session may do that begins this one: this one never may more. Undefined where none does. */
  parentTools?: readonly DecidedTool[] | undefined;
}

/** Everything that is known before the first change. */
export interface PreparedSession {
  vault: OwnedVault;
  connections: readonly { service: string; connection: Connection }[];
  /** The servers that take tokens of the session's own. */
  identityServers: readonly ServedBy[];
  definition: MeantAgent;
  inForce: InForce;
  /** What the session's network has to be. */
  environment: Environment;
  /** When the looking began, by the clock that nobody sets back. */
  lookedAt: number;
  verdicts: readonly ToolVerdict[];
  tooling: Tooling;
  attempt: string;
  /** What the record says of why it may be. */
  grounds: Grounds;
}

/**
 * Looks at everything a session needs, and has renewed what only another exchange renews. Throws `usage`, `not_allowed`, `connection_needed`, `not_in_force`, `drift`,
 * `agent_retired`, `unknown_member` or an ownership error.
 */
export async function prepareSession(request: SessionRequest): Promise<PreparedSession> {
  const { platform, configuration, agent, principal, lock } = request;
  const allowedBy = whatLetsStart(principal, agent);
  if (allowedBy === undefined) {
    throw new AppError('not_allowed', `${quote(principal.label)} may not use the agent ${quote(agent.name)}`, {
      hint: withMissingGroups(
        principal,
        `allowed are ${listed(agent)}; ask whoever reviews config/agents/${agent.name}.yaml`,
      ),
    });
  }
  requireOwnServices(request);
  requireAssurance(principal, requirementOf(agent, configuration));
  const definition = defineAgent(agent, configuration, request.pins, lock.agents[agent.name]?.effort);
  const meantEnvironment = configuration.environments.get(agent.environment);
  if (meantEnvironment === undefined)
    throw new AppError('config_invalid', `no environment ${quote(agent.environment)}`);

  const lookedAt = clock.monotonic();
  const [{ vault, connections }, foundAgent, answeredEnvironment] = await Promise.all([
    findVaultWithConnections(request),
    findAgent(platform, agent.name, lock.agents[agent.name]),
    findEnvironment(platform, meantEnvironment.name, lock.environments[meantEnvironment.name]),
  ]);
  requireDecided(foundAgent);
  const verdicts = judgeSessionTools(request, connections);
  const tooling = compileTooling(verdicts, configuration);
  const connected = requireConnections(request, tooling, connections);
  const identityServers = requireNothingConnected(request, tooling, connections);
  const now = new Date(clock.now().getTime() + platform.aheadMs());
  const { environment: foundEnvironment, diedAfter } =
    answeredEnvironment === undefined ? {} : withoutDeadApply(answeredEnvironment, now);
  const dead =
    diedAfter === undefined
      ? []
      : [
          `an apply of the environment ${quote(meantEnvironment.name)} began at ${diedAfter} and never ended; setup-session agents apply tidies up after it`,
        ];
  const [lockedAgent, lockedEnvironment] = [lock.agents[agent.name], lock.environments[meantEnvironment.name]];
  const inForce = requireInForce({
    agent: { name: agent.name, state: judgeAgent(definition, foundAgent, lockedAgent), locked: lockedAgent },
    environment: {
      name: meantEnvironment.name,
      state: judgeEnvironment(meantEnvironment, foundEnvironment, lockedEnvironment),
      locked: lockedEnvironment,
      sha256: environmentDigest(meantEnvironment),
    },
    skillNames: new Map([...request.pins].map(([name, { skillId }]) => [skillId, name])),
  });
  // What takes tokens of sessions reads in them which tools may be called, by name.
  const unpinned = unpinnedServices(verdicts, request.toolPins)
    .filter((name) => configuration.services.get(name)?.auth === undefined)
    .map(
      (name) =>
        `the tools of ${name} are not pinned: what it says of them may change any night; pin them with setup-session tools refresh ${name}`,
    );
  const unknown = (foundAgent?.unknown ?? []).map(unknownMemberWords);
  for (const remark of [...inForce.remarks, ...dead, ...unknown, ...unpinned]) request.warn(remark);
  const attempt = randomUUID();
  return {
    vault,
    connections: connected,
    identityServers,
    definition: { ...definition, model: foundAgent?.model ?? definition.model },
    inForce,
    environment: meantEnvironment,
    // Should that apply still live, what was seen before the create is good for no time.
    lookedAt: diedAfter === undefined ? lookedAt : Number.NEGATIVE_INFINITY,
    verdicts,
    tooling,
    attempt,
    grounds: {
      delegation: { verdict: 'allow', rule: `config/agents/${agent.name}.yaml: ${allowedBy}` },
      agent: { id: inForce.agent.id, version: String(inForce.agent.version), name: agent.name },
      tools: verdicts.flatMap(({ service, tool, verdict, rule }) =>
        verdict === 'off' ? [] : [{ service, tool, verdict, rule: `${rule.party}: ${rule.because}` }],
      ),
      mark: attempt,
    },
  };
}

/** What a sign-in has to show for an agent: what the agent asks for, and what each of its services does. */
export function requirementOf(agent: Agent, { services }: Configuration): Requirement {
  return allOf([agent.require, ...Object.keys(agent.services).map((name) => services.get(name)?.require)]);
}

/** The services that this session uses and whose tools nobody has pinned: the catalogue has no say about them (P4). */
function unpinnedServices(verdicts: readonly ToolVerdict[], pins: PinSource): string[] {
  const open = verdicts.filter(
    ({ service, tool, verdict }) =>
      service !== 'builtin' && verdict !== 'off' && pins.pinVerdict(service, tool).reason === 'not-pinned',
  );
  return [...new Set(open.map(({ service }) => service))];
}

/** The vault and what is in it. A remembered vault is asked for both at once; only a verified one's answer counts. */
async function findVaultWithConnections(
  request: SessionRequest,
): Promise<{ vault: OwnedVault; connections: readonly Connection[] }> {
  const { platform, principal, memory } = request;
  const recalled = await memory.recall(principal);
  // A failure here is no news: the same question is asked again below if its answer is needed.
  const early = recalled === undefined ? undefined : readConnections(platform, recalled).catch(() => undefined);
  const vault = await findVault(request, principal);
  if (vault === undefined) {
    throw new AppError('connection_needed', `${quote(principal.label)} has no vault in this workspace yet`, {
      hint: `connect a service first: ${connecting('<service>', principal)}`,
    });
  }
  const found = (vault.id === recalled ? await early : undefined) ?? (await readConnections(platform, vault.id));
  return { vault, connections: await request.renew(vault, found, servicesOf(request)) };
}

/** The services that the session will use. */
function servicesOf({ agent, configuration, without }: SessionRequest): Service[] {
  return Object.keys(agent.services).flatMap((name) => {
    const service = without.includes(name) ? undefined : configuration.services.get(name);
    return service === undefined || service.auth !== undefined ? [] : [service];
  });
}

/** The command that connects a service; nobody can allow access for a CI job. */
function connecting(service: string, principal: Principal): string {
  return `service-connection ${service}${principal.kind === 'workload' ? ' --token-stdin' : ''}${forAgentOption(principal)}`;
}

/** What is left out has to be there: a misspelt `--without` must not pass for one that was obeyed. */
function requireOwnServices({ agent, without }: SessionRequest): void {
  const services = Object.keys(agent.services);
  const foreign = without.find((name) => !services.includes(name));
  if (foreign === undefined) return;
  throw new AppError('usage', `the agent ${quote(agent.name)} has no service ${quote(foreign)} to do without`, {
    hint: nearestHint(foreign, services),
  });
}

/** The verdict on each tool with what this person was granted, and off for services that are left out (P5). */
function judgeSessionTools(request: SessionRequest, connections: readonly Connection[]): ToolVerdict[] {
  const { agent, principal, configuration, toolPins: pins, without, parentTools } = request;
  const grantedScopes = grantedByService(connections, configuration.services.values());
  const leftOut: Statement = { party: 'person', verdict: 'off', because: '--without' };
  // The server of a service goes with its last tool.
  return judgeTools(agent, principal, configuration, { grantedScopes, pins })
    .map((each) => (without.includes(each.service) ? withStatement(each, leftOut) : each))
    .map((each) => (parentTools === undefined ? each : withStatement(each, parentSays(each, parentTools))));
}

/** What the session that begins this one may do with a tool: nothing that it does not name. */
function parentSays({ service, tool }: ToolVerdict, parentTools: readonly DecidedTool[]): Statement {
  const verdict = parentTools.find((each) => each.service === service && each.tool === tool)?.verdict ?? 'off';
  return { party: 'parent', verdict, because: 'what the session may do that begins this one' };
}

function withStatement(each: ToolVerdict, statement: Statement): ToolVerdict {
  const says = [...each.says, statement];
  const rule = isNarrower(statement.verdict, each.verdict) ? statement : each.rule;
  return { ...each, verdict: rule.verdict, rule, says };
}

/**
 * The servers that take tokens of the session's own. A credential of the person's for one of them would count as soon as the
 * session's own is taken back, since the platform looks into one vault after the other. Throws `connection_needed`.
 */
function requireNothingConnected(
  { configuration: { services }, principal }: SessionRequest,
  tooling: Tooling,
  connections: readonly Connection[],
): ServedBy[] {
  return tooling.mcp_servers.flatMap(({ name, url }) => {
    const service = services.get(name);
    if (service?.auth === undefined) return [];
    if (connectionOf(connections, service) !== undefined) {
      throw new AppError(
        'connection_needed',
        `${quote(name)} takes tokens of sessions, and the vault of ${quote(principal.label)} holds a credential for it`,
        {
          hint: `take it out: service-connection disconnect ${name}${forAgentOption(principal)}`,
        },
      );
    }
    return [{ service: name, url }];
  });
}

/** States that cannot work, whatever the service says: the platform would call it unauthenticated or be refused. */
const unusable: readonly string[] = ['not-connected', 'expired', 'needs-reconnect'];

/** A declared server without a credential would be called unauthenticated, so a missing connection stops everything. */
function requireConnections(
  { agent, configuration, principal }: SessionRequest,
  tooling: Tooling,
  connections: readonly Connection[],
) {
  const now = clock.now();
  const wanted = tooling.mcp_servers.flatMap(({ name }) => {
    const service = configuration.services.get(name);
    if (service === undefined || service.auth !== undefined) return [];
    const connection = connectionOf(connections, service);
    return [
      {
        service: name,
        connection,
        ...judgeStatus({ service, connection, verifiedEmail: principal.verifiedEmail, trial: undefined, now }),
      },
    ];
  });
  const missing = wanted.filter(
    ({ status, next }) => unusable.includes(status) || (status === 'wrong-account' && next !== undefined),
  );
  if (missing.length > 0) {
    const names = missing.map(
      ({ service, status }) => `${quote(service)}${status === 'not-connected' ? '' : ` (${status})`}`,
    );
    const connect = missing.map(({ service }) => connecting(service, principal)).join(' && ');
    const without = missing.map(({ service }) => `--without ${service}`).join(' ');
    throw new AppError('connection_needed', `not connected: ${names.join(', ')}`, {
      hint: `run: ${connect}; or leave it out: setup-session --agent ${agent.name}${principal.kind === 'agent' ? ' --as-agent' : ''} ${without}`,
    });
  }
  return wanted.flatMap(({ service, connection }) => (connection === undefined ? [] : [{ service, connection }]));
}

function listed({ allowed }: Agent): string {
  const groups = allowed.groups.map((group) => `group ${quote(group)}`);
  const principals = allowed.principals.length > 0 ? [`${allowed.principals.length} named people`] : [];
  return [...groups, ...principals].join(', ') || 'nobody';
}
