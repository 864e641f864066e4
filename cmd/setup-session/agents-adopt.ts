/** `setup-session agents adopt`: an agent of the platform becomes a file. */

import { adoptAgent, planAdoption } from '../../internal/agent/adopt.ts';
import { surveyFleet } from '../../internal/agent/fleet.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { piecesOf } from '../../internal/cli/result-text.ts';
import { clock } from '../../internal/clock/clock.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import { openFleet } from './agents.ts';
import { showFleet } from './agents-output.ts';

/** The options of `agents adopt`. */
export interface AdoptOptions {
  dryRun?: boolean;
  name?: string;
  environment?: string;
  group?: string[];
}

/** Adopts one agent and shows what apply would change about it; nothing on the platform is changed. */
export async function runAdopt(context: CommandContext, id: string, options: AdoptOptions): Promise<CommandResult> {
  const { name, environment, group: groups = [], dryRun = false } = options;
  const change = { what: 'adopt agents', command: `setup-session agents adopt ${quote(id)}` };
  const request = await openFleet(context, [], dryRun ? undefined : change);
  const adopted = await (dryRun ? planAdoption : adoptAgent)({
    ...request,
    id,
    name,
    environment,
    groups,
    now: clock.now(),
  });
  const { allows, warnings } = adopted.expressed;
  for (const warning of warnings) context.progress.warn(warning);
  const { configuration, lock } = adopted;
  const plan = showFleet(await surveyFleet({ ...request, configuration, lock, names: [adopted.name] }));
  return {
    text: [
      `${dryRun ? 'would write' : 'wrote'} ${visible(adopted.path)}; on the platform the agent allows:`,
      ...(allows.length === 0 ? ['  nothing'] : allows.map((line) => `  ${line}`)),
      '',
      ...piecesOf(plan.text),
    ],
    json: { agent: adopted.name, id, path: adopted.path, written: !dryRun, allows, warnings, plan: plan.json },
  };
}
