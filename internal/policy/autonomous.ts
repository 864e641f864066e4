/** Agents that act for themselves: who one is, and who may have it act or look after what is its own. Pure. */
import type { Agent, Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Principal, withMissingGroups } from '../identity/principal.ts';
import { quote } from '../text/quote.ts';
import { isOperator, whatNames } from './verdict.ts';

/** Whose word it is that there is such an agent: the reviewed files. No issuer of tokens is called so. */
const agentIssuer = 'config/agents';

/** Somebody proven who has an agent act, and the entry of the configuration that lets them. */
export interface ActingAgent {
  principal: Principal;
  /** In words: a file and a key. */
  rule: string;
}

/**
 * The agent, for whoever starts a session as the agent itself. Throws `not_allowed` unless the agent's file names them: being
 * an operator is not enough.
 */
export function agentRunBy(runner: Principal, agent: Agent): ActingAgent {
  const principal = agentPrincipal(runner, agent);
  const { run_by: runBy } = agent.autonomous ?? { run_by: { groups: [], principals: [] } };
  const named = whatNames(runner, runBy);
  const place = `config/agents/${agent.name}.yaml: autonomous.run_by`;
  if (named !== undefined) return { principal, rule: `${place}.${named}` };
  throw new AppError('not_allowed', `${quote(runner.label)} may not run ${quote(agent.name)} as the agent itself`, {
    hint: withMissingGroups(runner, `ask whoever reviews ${place}; as yourself: leave out --as-agent`),
  });
}

/**
 * Whether somebody may have an agent act that acts for itself. They can have told it what to ask for, so they are not another
 * person who says yes to it (P4).
 */
export function mayRunAgent(runner: Principal, agent: Agent | undefined): boolean {
  return agent?.autonomous !== undefined && whatNames(runner, agent.autonomous.run_by) !== undefined;
}

/** The agent, for an operator who looks after its vault. Throws `not_allowed` for anybody else. */
export function agentKeptBy(operator: Principal, agent: Agent, configuration: Configuration): ActingAgent {
  const principal = agentPrincipal(operator, agent);
  if (isOperator(operator, configuration)) {
    return { principal, rule: `people.operators, for the vault of ${agent.name} (config/agents/${agent.name}.yaml)` };
  }
  throw new AppError('not_allowed', `${quote(operator.label)} may not look after the vault of ${quote(agent.name)}`, {
    hint: withMissingGroups(operator, 'ask whoever reviews people.operators in config/interface.yaml'),
  });
}

/** What the agent's file says of it as one that acts for itself. Throws `not_allowed` where it says nothing. */
export function requireAutonomous({ name, autonomous }: Agent): NonNullable<Agent['autonomous']> {
  if (autonomous !== undefined) return autonomous;
  throw new AppError('not_allowed', `the agent ${quote(name)} does not act for itself, and has no vault of its own`, {
    hint: `ask whoever reviews config/agents/${name}.yaml: it would need autonomous (docs/agents.md)`,
  });
}

function agentPrincipal(runner: Principal, agent: Agent): Principal {
  const { sponsor, groups } = requireAutonomous(agent);
  const { assurance } = runner;
  return {
    kind: 'agent',
    issuer: agentIssuer,
    subject: agent.name,
    groups,
    label: `agent ${agent.name}`,
    // How whoever has it act had signed in; of a job nothing.
    ...(assurance !== undefined && { assurance }),
    autonomous: { runner, sponsor },
  };
}

/** The agents that a person answers for, by name. */
export function sponsoredBy(subject: string, { agents }: Pick<Configuration, 'agents'>): string[] {
  return [...agents.values()].filter(({ autonomous }) => autonomous?.sponsor === subject).map(({ name }) => name);
}
