/** `setup-session environments adopt`: a file stands for an environment of the platform from now on. */

import { adoptEnvironment, planEnvironmentAdoption } from '../../internal/agent/adopt-environment.ts';
import { readAgentsLock } from '../../internal/agent/lock.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { clock } from '../../internal/clock/clock.ts';
import { platformFromEnvironment } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { showAdoptedEnvironment } from './agents-output.ts';

/** The options of `environments adopt`. */
export interface AdoptEnvironmentOptions {
  dryRun?: boolean;
  name?: string;
}

/** Adopts one environment and shows how its file stands to it; nothing on the platform is changed. */
export async function runAdoptEnvironment(
  context: CommandContext,
  id: string,
  { dryRun = false, name }: AdoptEnvironmentOptions,
): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const lock = await readAgentsLock(configuration);
  const platform = await platformFromEnvironment(context, configuration.interface.platform);
  const adopt = dryRun ? planEnvironmentAdoption : adoptEnvironment;
  const adopted = await adopt({ platform, configuration, lock, id, name, now: clock.now() });
  return showAdoptedEnvironment(adopted, dryRun);
}
