/** What is on the platform already becomes what a file stands for. Nothing on the platform is changed. */
import { adoptAgent as adoptFoundAgent, planAdoption } from '../../agent/adopt.ts';
import { adoptEnvironment as adoptFoundEnvironment, planEnvironmentAdoption } from '../../agent/adopt-environment.ts';
import { differenceLines } from '../../agent/difference-lines.ts';
import { surveyFleet } from '../../agent/fleet.ts';
import { clock } from '../../clock/clock.ts';
import { quote } from '../../text/quote.ts';
import { openAgents, openFleet, planValue } from '../fleet.ts';
import type { Ports } from '../ports.ts';
import type { AdoptAgentRequest, AdoptEnvironmentRequest, AdoptedAgent, AdoptedEnvironment } from '../values/agents.ts';

/** Adopts one agent and says what apply would change about it. */
export async function adoptAgent(request: AdoptAgentRequest, ports: Ports): Promise<AdoptedAgent> {
  const { id, name, environment, groups, dryRun } = request;
  const change = { what: 'adopt agents', command: `setup-session agents adopt ${quote(id)}` };
  const fleet = await openFleet(ports, [], dryRun ? undefined : change);
  const adopt = dryRun ? planAdoption : adoptFoundAgent;
  const adopted = await adopt({ ...fleet, id, name, environment, groups, now: clock.now() });
  const { allows, warnings } = adopted.expressed;
  for (const warning of warnings) ports.tell.warn(warning);
  const { configuration, lock, path } = adopted;
  const survey = await surveyFleet({ ...fleet, configuration, lock, names: [adopted.name] });
  const { beside, ...plan } = planValue(survey);
  return { agent: adopted.name, id, path, written: !dryRun, allows, warnings, plan, beside };
}

/** Adopts one environment and says how its file stands to it. */
export async function adoptEnvironment(request: AdoptEnvironmentRequest, ports: Ports): Promise<AdoptedEnvironment> {
  const { id, name, dryRun } = request;
  const change = { what: 'adopt environments', command: `setup-session environments adopt ${quote(id)}` };
  const place = await openAgents(ports, dryRun ? undefined : change);
  const adopt = dryRun ? planEnvironmentAdoption : adoptFoundEnvironment;
  const { meant, path, text, entry, state } = await adopt({ ...place, id, name, now: clock.now() });
  const { differences } = state.act === 'create' ? { differences: [] } : state;
  return {
    environment: meant.name,
    id: entry.id,
    path,
    written: text !== undefined && !dryRun,
    state: state.act,
    differences: differences.map((difference) => ({ ...difference })),
    beside: {
      stays: text === undefined,
      changes: differences.flatMap((difference) => differenceLines(difference, new Map())),
    },
  };
}
