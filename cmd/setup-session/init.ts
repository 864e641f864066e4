import type { CommandResult } from '../../internal/cli/program.ts';
import { projectAbove } from '../../internal/cli/project.ts';
import { writeStarter } from '../../internal/config/starter.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/**
 * Writes the starter configuration; files that are there stay as they are. Without a folder it is `config` here, unless there
 * is a configuration above: whoever stands inside a project has one.
 */
export async function runInit(named: string | undefined): Promise<CommandResult> {
  const above = named === undefined ? await projectAbove() : undefined;
  if (above !== undefined) {
    throw new AppError('config_exists', `there is a configuration above: ${quote(above)}, and it is used here`, {
      hint: 'nothing was written; for another one name its folder: setup-session init <folder>',
    });
  }
  const folder = named ?? 'config';
  const { written, kept } = await writeStarter(folder);
  if (written.length === 0) {
    throw new AppError('config_exists', `${quote(folder)} has every file of the starter configuration already`, {
      hint: 'nothing was changed; name another folder, or remove the files that should be written again',
    });
  }
  const lines = [...written.map((path) => `wrote ${visible(path)}`), ...kept.map((path) => `kept ${visible(path)}`)];
  return { text: lines.join('\n'), json: { written, kept } };
}
