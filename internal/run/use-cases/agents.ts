/** The files of agents and environments against the platform: planned, put in force, listed, shown. */
import { adoptDrift, planAdoptDrift } from '../../agent/adopt-drift.ts';
import { applyFleet, readAgents, refuseDrift, surveyFleet } from '../../agent/fleet.ts';
import type { AgentsLock } from '../../agent/lock.ts';
import { agentNamed } from '../../config/lookup.ts';
import { AppError } from '../../errors/app-error.ts';
import { permissionLines } from '../../policy/toolset.ts';
import { agentValue, changeLines, fleetValue, openFleet, planValue } from '../fleet.ts';
import type { Ports, Tell } from '../ports.ts';
import type {
  ApplyRequest,
  ApplyResult,
  FleetPlan,
  FleetValue,
  ListedAgents,
  PlanRequest,
  ShowAgentRequest,
  ShownAgent,
} from '../values/agents.ts';
import type { Nothing } from '../values/common.ts';

/** What {@link applyAgents} would do. Drift is an error. */
export async function planAgents({ names }: PlanRequest, ports: Ports): Promise<FleetPlan> {
  const fleet = await looking(ports.tell, surveyFleet(await openFleet(ports, names)));
  refuseDrift(fleet, false);
  return planValue(fleet);
}

/** Creates and updates what its file says; drift stops everything before the first change, unless it is overwritten. */
export async function applyAgents(
  { names, overwrite, adopt, dryRun }: ApplyRequest,
  ports: Ports,
): Promise<ApplyResult> {
  if (adopt && overwrite) {
    throw new AppError('usage', '--adopt and --overwrite are opposites', {
      hint: 'one takes the platform into the files, the other puts the files in force',
    });
  }
  const { tell } = ports;
  const command = 'setup-session agents apply';
  const request = await openFleet(ports, names, dryRun ? undefined : { what: 'change agents', command });
  const fleet = await looking(tell, surveyFleet(request));
  refuseDrift(fleet, adopt || overwrite);
  if (adopt) {
    const { paths, warnings } = await (dryRun ? planAdoptDrift : adoptDrift)(request, fleet);
    for (const warning of warnings) tell.warn(warning);
    return dryRun && paths.length > 0 ? { would_change: paths, warnings } : { changed: paths, warnings };
  }
  const value = fleetValue(fleet);
  if (dryRun) return value;
  const onChange = (what: string, name: string, act: 'create' | 'update') =>
    tell.note(`${act === 'create' ? 'created' : 'updated'} the ${what} ${name}`);
  return inForce(value, await applyFleet(request, fleet, onChange, tell.note));
}

/** Lists agents by file, and those of the workspace that have none. */
export async function listAgents(_: Nothing, ports: Ports): Promise<ListedAgents> {
  const request = await openFleet(ports, []);
  const [fleet, listed] = await looking(
    ports.tell,
    Promise.all([surveyFleet(request), readAgents(request.platform)] as const),
  );
  const { agents, environments } = fleetValue(fleet);
  const ofFiles = new Set(agents.map(({ id }) => id));
  const others = listed.filter(({ id }) => !ofFiles.has(id));
  return { agents, environments, without_file: others.map(({ id, name, version }) => ({ id, name, version })) };
}

/** One agent as a whole: what its file allows, who may use it, and how it stands to the platform. */
export async function showAgent({ name }: ShowAgentRequest, ports: Ports): Promise<ShownAgent> {
  const request = await openFleet(ports, [name]);
  const { description = null, model, environment, allowed } = agentNamed(request.configuration, name);
  const fleet = await looking(ports.tell, surveyFleet(request));
  const [planned] = fleet.agents;
  if (planned === undefined) throw new Error('one agent was asked for');
  const { mcp_servers, tools } = planned.definition;
  return {
    ...agentValue(planned),
    description,
    model,
    environment,
    allowed,
    mcp_servers: mcp_servers.map(({ name: server, url }) => ({ name: server, url })),
    tools: permissionLines(tools),
    beside: { changes: changeLines(planned, fleet.skillNames) },
  };
}

/** What was put in force, by the ids and versions that the lock has now. */
function inForce({ environments, agents, strays, beside }: FleetValue, lock: AgentsLock): FleetValue {
  return {
    environments: environments.map((each) => ({ ...each, id: lock.environments[each.name]?.id ?? null })),
    agents: agents.map((each) => {
      const { id = null, version = null } = lock.agents[each.name] ?? {};
      return { ...each, id, version };
    }),
    strays,
    beside,
  };
}

async function looking<Result>({ wait }: Tell, work: Promise<Result>): Promise<Result> {
  const waiting = wait('comparing the files with the platform');
  return await work.finally(() => waiting.done());
}
