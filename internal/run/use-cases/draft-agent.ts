/** What somebody may use, and a new agent as a change to be reviewed: its file, a patch of it, and what it would come to. */
import { surveyFleet } from '../../agent/fleet.ts';
import { requireNewName, withAgent } from '../../agent/write-file.ts';
import { agentText } from '../../config/agent-text.ts';
import type { Agent, Configuration } from '../../config/definitions.ts';
import { reviewedHosts } from '../../config/hosts.ts';
import { serviceNamed } from '../../config/lookup.ts';
import type { Principal } from '../../identity/principal.ts';
import { type Evidence, judgeTools, mayUseAgent } from '../../policy/verdict.ts';
import { readSkillPins } from '../../skills/skill-pins.ts';
import { readPins } from '../../tool-review/pin.ts';
import { browserVisit } from '../browser-visit.ts';
import { openFleet, planValue } from '../fleet.ts';
import type { Ports } from '../ports.ts';
import { beginOperatorProof, loadProject } from '../project.ts';
import type { Nothing } from '../values/common.ts';
import type { AgentChoices, DraftAgentRequest, DraftedAgent, UsableAgents } from '../values/drafts.ts';

const usualModel = 'claude-sonnet-5-5';

/** The agents of the configuration, and how much of each is for whoever asks: without scopes, which only connections say. */
export async function listUsableAgents(_: Nothing, ports: Ports): Promise<UsableAgents> {
  const configuration = await loadProject(ports);
  const visit = browserVisit(ports, 'setup-session explain', reviewedHosts(configuration));
  const proof = await beginOperatorProof(ports, configuration, visit);
  const [pins, { principal }] = await Promise.all([readPins(configuration), proof.prove({})]);
  const agents = [...configuration.agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    agents: agents.map((agent) => ({
      name: agent.name,
      description: agent.description ?? null,
      may_start: mayUseAgent(principal, agent),
      groups: [...agent.allowed.groups],
      skills: [...agent.skills],
      services: countsOf(agent, principal, configuration, { pins }),
    })),
  };
}

/** How many tools of each service have which verdict. */
function countsOf(agent: Agent, principal: Principal, configuration: Configuration, evidence: Evidence) {
  const counts = new Map<string, { service: string; off: number; ask: number; auto: number; on: number }>();
  for (const { service, verdict } of judgeTools(agent, principal, configuration, evidence)) {
    const count = counts.get(service) ?? { service, off: 0, ask: 0, auto: 0, on: 0 };
    count[verdict] += 1;
    counts.set(service, count);
  }
  return [...counts.values()];
}

/** What a new agent can be made of. */
export async function listAgentChoices(_: Nothing, ports: Ports): Promise<AgentChoices> {
  const configuration = await loadProject(ports);
  const skills = await readSkillPins(configuration, ports.signal);
  const { agents, environments, services, interface: file } = configuration;
  const ofAgents = [...agents.values()].flatMap(({ allowed }) => allowed.groups);
  return {
    model: [...agents.values()][0]?.model ?? usualModel,
    environments: [...environments.keys()],
    groups: [...new Set([...Object.keys(file.people.groups), ...ofAgents])].sort(),
    skills: [...skills.keys()].sort(),
    services: [...services.values()].map(({ name, title, tools }) => ({
      name,
      title: title ?? name,
      read: [...tools.read],
      write: [...tools.write],
      destructive: [...tools.destructive],
    })),
  };
}

/**
 * Drafts an agent: nothing is written and nothing on the platform is changed. Throws `usage`, `config_exists`, `config_invalid`
 * for what would be no agent, and what looking at the platform throws.
 */
export async function draftAgent(request: DraftAgentRequest, ports: Ports): Promise<DraftedAgent> {
  const fleet = await openFleet(ports, []);
  const { configuration } = fleet;
  const { name, preview } = request;
  requireNewName(name, configuration);
  for (const service of Object.keys(request.services)) serviceNamed(configuration, service);
  const text = agentText(
    {
      description: request.description || undefined,
      model: request.model,
      system: request.system || undefined,
      services: Object.fromEntries(
        Object.entries(request.services).map(([service, write]) => [service, { read: 'on' as const, write }]),
      ),
      // Skills are read with it.
      builtin_tools: request.skills.length > 0 ? { read: 'on' } : {},
      skills: request.skills,
      environment: request.environment,
      allowed: { groups: request.groups, principals: request.principals },
    },
    [`Start a session with: setup-session --agent ${name}`],
  );
  const planned = withAgent(configuration, name, text);
  const agent = planned.agents.get(name) as Agent;
  const [survey, pins] = await Promise.all([
    surveyFleet({ ...fleet, configuration: planned, names: [name] }),
    readPins(configuration),
  ]);
  const { beside, ...plan } = planValue(survey);
  const person = preview === undefined ? undefined : personOf(preview, configuration);
  return {
    agent: name,
    path: `config/agents/${name}.yaml`,
    text,
    patch: newFilePatch(`config/agents/${name}.yaml`, text),
    plan,
    preview:
      person === undefined
        ? null
        : {
            may_start: mayUseAgent(person, agent),
            tools: judgeTools(agent, person, planned, { pins }).map(
              ({ service, tool, class: kind, verdict, rule }) => ({
                service,
                tool,
                class: kind,
                verdict,
                because: rule.because,
              }),
            ),
          },
    beside,
  };
}

/** Somebody as the reviewed files know them: nothing is connected, and no sign-in is shown. */
function personOf(
  { subject, groups }: NonNullable<DraftAgentRequest['preview']>,
  { interface: { identity } }: Configuration,
): Principal {
  const issuer = identity.mode === 'sso' ? identity.issuer : '';
  return { kind: 'sso', issuer, subject, groups, label: subject };
}

/** A patch that adds one file, as `git apply` takes it. */
export function newFilePatch(path: string, text: string): string {
  const lines = text.replace(/\n$/, '').split('\n');
  return [
    `diff --git a/${path} b/${path}`,
    'new file mode 100644',
    '--- /dev/null',
    `+++ b/${path}`,
    `@@ -0,0 +1${lines.length === 1 ? '' : `,${lines.length}`} @@`,
    ...lines.map((line) => `+${line}`),
    '',
  ].join('\n');
}
