/** `setup-session agents plan | apply | list | show`: the files of agents and environments against the platform. */
import { adoptDrift, planAdoptDrift } from '../../internal/agent/adopt-drift.ts';
import { applyFleet, type FleetRequest, readAgents, refuseDrift, surveyFleet } from '../../internal/agent/fleet.ts';
import { readAgentsLock } from '../../internal/agent/lock.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { agentNamed } from '../../internal/config/lookup.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { openForChange, type SharedChange } from '../../internal/run/open-for-change.ts';
import { platformForReading } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { readSkillPins } from '../../internal/skills/skill-pins.ts';
import { showAdoptedDrift, showAgent, showApplied, showApplyPlan, showFleet, showList } from './agents-output.ts';

/** The options of `agents apply`. */
export interface ApplyOptions {
  dryRun?: boolean;
  overwrite?: boolean;
  adopt?: boolean;
}

/** Shows what {@link runApply} would do. Exit 7 when something is pending; drift is an error. */
export async function runPlan(context: CommandContext, names: readonly string[]): Promise<CommandResult> {
  const request = await openFleet(context, names);
  const fleet = await looking(context, surveyFleet(request));
  refuseDrift(fleet, false);
  return showFleet(fleet);
}

/** Creates and updates what its file says; drift stops everything before the first change, unless it is overwritten. */
export async function runApply(
  context: CommandContext,
  names: readonly string[],
  options: ApplyOptions,
): Promise<CommandResult> {
  const { adopt = false, overwrite = false, dryRun = false } = options;
  if (adopt && overwrite) {
    throw new AppError('usage', '--adopt and --overwrite are opposites', {
      hint: 'one takes the platform into the files, the other puts the files in force',
    });
  }
  const command = 'setup-session agents apply';
  const request = await openFleet(context, names, dryRun ? undefined : { what: 'change agents', command });
  const fleet = await looking(context, surveyFleet(request));
  refuseDrift(fleet, adopt || overwrite);
  if (adopt) {
    const { paths, warnings } = await (dryRun ? planAdoptDrift : adoptDrift)(request, fleet);
    for (const warning of warnings) context.progress.warn(warning);
    return showAdoptedDrift(paths, warnings, dryRun);
  }
  if (dryRun) return showApplyPlan(fleet);
  const lock = await applyFleet(
    request,
    fleet,
    (what, name, act) => {
      context.progress.note(`${act === 'create' ? 'created' : 'updated'} the ${what} ${name}`);
    },
    context.progress.note,
  );
  return showApplied(fleet, lock);
}

/** Lists agents by file, and those of the workspace that have none. */
export async function runList(context: CommandContext): Promise<CommandResult> {
  const request = await openFleet(context, []);
  const [fleet, listed] = await looking(
    context,
    Promise.all([surveyFleet(request), readAgents(request.platform)] as const),
  );
  return showList(fleet, listed);
}

/** Shows one agent. */
export async function runShow(context: CommandContext, name: string): Promise<CommandResult> {
  const request = await openFleet(context, [name]);
  const agent = agentNamed(request.configuration, name);
  const fleet = await looking(context, surveyFleet(request));
  return showAgent(agent, fleet);
}

/** What every command of this file starts from. Who only looks need not be anybody. */
export async function openFleet(
  context: CommandContext,
  names: readonly string[],
  change?: SharedChange,
): Promise<FleetRequest> {
  const configuration = await loadProject(context);
  for (const name of names) agentNamed(configuration, name);
  const [lock, pins] = await Promise.all([readAgentsLock(configuration), readSkillPins(configuration, context.signal)]);
  const platform =
    change === undefined
      ? await platformForReading(context, configuration.interface.platform)
      : await openForChange(context, configuration, change);
  return { platform, configuration, lock, pins, signal: context.signal, names };
}

async function looking<Result>(context: CommandContext, work: Promise<Result>): Promise<Result> {
  const waiting = context.progress.wait('comparing the files with the platform');
  return await work.finally(() => waiting.done());
}
