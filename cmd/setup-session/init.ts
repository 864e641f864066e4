import type { CommandResult } from '../../internal/cli/program.ts';
import { writeStarter } from '../../internal/config/starter.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** Writes the starter configuration; files that are there stay as they are. */
export async function runInit(folder: string): Promise<CommandResult> {
  const { written, kept } = await writeStarter(folder);
  if (written.length === 0) {
    throw new AppError('config_exists', `${quote(folder)} has every file of the starter configuration already`, {
      hint: 'nothing was changed; name another folder, or remove the files that should be written again',
    });
  }
  const lines = [...written.map((path) => `wrote ${visible(path)}`), ...kept.map((path) => `kept ${visible(path)}`)];
  return { text: lines.join('\n'), json: { written, kept } };
}
