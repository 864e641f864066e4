/** Turns the run of somebody proven into that of an agent that acts for itself. */
import type { Agent } from '../config/definitions.ts';
import { agentNamed } from '../config/lookup.ts';
import { agentKeptBy, agentRunBy, requireAutonomous } from '../policy/autonomous.ts';
import { requireNoneLeft } from '../vault/standing.ts';
import { type OperatorRun, openOperatorRun } from './project.ts';

/**
 * The run of the agent itself, for whoever its file names. Throws `not_allowed`, `offboarded` for somebody who was off-boarded,
 * and `sponsor_needed` where nobody answers for the agent any more.
 */
export async function runAsAgent(run: OperatorRun, agent: Agent): Promise<OperatorRun> {
  const { principal, rule } = agentRunBy(run.principal, agent);
  const sponsor = principal.autonomous?.sponsor ?? '';
  await requireNoneLeft(run, run.principal, { agent: agent.name, sponsor, issuer: issuerOfPeople(run) });
  return run.as(principal, { verdict: 'allow', rule });
}

/**
 * Opens a run that looks after the vault of an agent, for operators; without a name one's own run. Throws `unknown_agent` and
 * `not_allowed`, and `offboarded` for an operator who was off-boarded.
 */
export async function openRunFor(
  name: string | undefined,
  ...[ports, configuration, command, needs]: Parameters<typeof openOperatorRun>
): Promise<OperatorRun> {
  const agent = name === undefined ? undefined : agentNamed(configuration, name);
  // Before anybody is sent to sign in: what the file does not say is known now.
  if (agent !== undefined) requireAutonomous(agent);
  const run = await openOperatorRun(ports, configuration, command, needs);
  if (agent === undefined) return run;
  const { principal, rule } = agentKeptBy(run.principal, agent, configuration);
  await requireNoneLeft(run, run.principal, undefined);
  return run.as(principal, { verdict: 'allow', rule });
}

/** Who says which subject a person has; undefined where the configuration does not name exactly one. */
function issuerOfPeople({
  configuration: {
    interface: { identity },
  },
}: OperatorRun): string | undefined {
  return identity.mode === 'sso' ? identity.issuer : undefined;
}
