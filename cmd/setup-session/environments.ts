/** `setup-session environments adopt`: a file stands for an environment of the platform from now on. */

import { adoptEnvironment, planEnvironmentAdoption } from '../../internal/agent/adopt-environment.ts';
import { readAgentsLock } from '../../internal/agent/lock.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { clock } from '../../internal/clock/clock.ts';
import { openForChange } from '../../internal/run/open-for-change.ts';
import { platformForReading } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { quote } from '../../internal/text/quote.ts';
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
  const change = { what: 'adopt environments', command: `setup-session environments adopt ${quote(id)}` };
  const platform = dryRun
    ? await platformForReading(context, configuration.interface.platform)
    : await openForChange(context, configuration, change);
  const adopt = dryRun ? planEnvironmentAdoption : adoptEnvironment;
  const adopted = await adopt({ platform, configuration, lock, id, name, now: clock.now() });
  return showAdoptedEnvironment(adopted, dryRun);
}
