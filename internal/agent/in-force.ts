/**
 * Whether an agent and its environment are on the platform as their files say. A session needs that and never brings it
 * about: what a person has in front of them, on whatever branch, changes nothing for everybody else. Pure.
 */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { differenceLines, type SkillNames } from './difference-lines.ts';
import type { AgentState } from './ensure.ts';
import type { EnvironmentState } from './environment.ts';
import type { LockedAgent, LockedEnvironment } from './lock.ts';

/** An agent and its environment as they were judged. */
export interface JudgedAgent {
  agent: { name: string; state: AgentState; locked: LockedAgent | undefined };
  environment: { name: string; state: EnvironmentState; locked: LockedEnvironment | undefined; sha256: string };
  skillNames: SkillNames;
}

/** What a session may be created with. */
export interface InForce {
  agent: { id: string; version: number };
  environmentId: string;
  /** What the lock does not say of it, although it is what the files say. */
  remarks: readonly string[];
}

/**
 * The ids of what is in force. Throws `agent_retired`, `drift` for what was changed or archived outside, and
 * `not_in_force` for what a file says and nobody has applied.
 */
export function requireInForce(judged: JudgedAgent): InForce {
  const { agent, environment } = judged;
  if (agent.state.act === 'retired') {
    throw new AppError('agent_retired', `the agent ${quote(agent.name)} (${quote(agent.state.id)}) was retired`);
  }
  const drifted = [...driftLines(judged)];
  if (drifted.length > 0) {
    throw new AppError('drift', drifted.join('\n'), {
      hint: `if your files are older than what is in force, update them; else an operator decides: setup-session agents apply ${agent.name} with --adopt or --overwrite`,
    });
  }
  const [{ state: one }, { state: other }] = [agent, environment];
  if (one.act === 'none' && other.act === 'none') {
    return { agent: { id: one.id, version: one.version }, environmentId: other.id, remarks: remarksOn(judged) };
  }
  throw new AppError('not_in_force', pendingLines(judged).join('\n'), {
    hint: `an operator puts what was reviewed in force, for everybody: setup-session agents apply ${agent.name}`,
  });
}

/** Somebody applied it elsewhere, or made it what the file says: harmless, and not what was reviewed with the lock. */
function remarksOn({ agent: { name, state, locked }, environment }: JudgedAgent): string[] {
  const remarks: string[] = [];
  const bring = 'it is what its file says; setup-session agents apply brings the lock up to date';
  if (state.act === 'none' && locked?.version !== state.version) {
    const known = locked === undefined ? 'does not know it' : `knows version ${locked.version}`;
    remarks.push(`the agent ${quote(name)} is at version ${state.version}, and agents.lock.json ${known}: ${bring}`);
  }
  const { locked: kept, sha256 } = environment;
  if (kept?.sha256 !== sha256) {
    const known = kept === undefined ? 'does not know it' : 'does not have its digest';
    remarks.push(`the environment ${quote(environment.name)} is there, and agents.lock.json ${known}: ${bring}`);
  }
  return remarks;
}

function driftLines({ agent, environment, skillNames }: JudgedAgent): string[] {
  const changed = (what: string, state: AgentState | EnvironmentState) => [
    ...(state.act === 'archived' ? [`the ${what} (${quote(state.id)}) was archived on the platform`] : []),
    ...(state.act === 'drifted'
      ? [
          `the ${what} was changed outside its file:`,
          ...state.differences.flatMap((difference) => differenceLines(difference, skillNames)),
        ]
      : []),
  ];
  return [
    ...changed(`environment ${quote(environment.name)}`, environment.state),
    ...changed(`agent ${quote(agent.name)}`, agent.state),
  ];
}

function pendingLines({ agent, environment, skillNames }: JudgedAgent): string[] {
  const pending = (what: string, state: AgentState | EnvironmentState) => [
    ...(state.act === 'create' ? [`the ${what} is not on the platform yet`] : []),
    ...(state.act === 'update'
      ? [
          `the ${what} on the platform is not what its file says:`,
          ...state.differences.flatMap((difference) => differenceLines(difference, skillNames)),
        ]
      : []),
  ];
  return [
    ...pending(`environment ${quote(environment.name)}`, environment.state),
    ...pending(`agent ${quote(agent.name)}`, agent.state),
  ];
}
