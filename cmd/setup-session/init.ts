import type { CommandResult } from '../../internal/cli/program.ts';
import { planStarter, presetFiles, type StarterOutcome, writeStarter } from '../../internal/config/starter.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { projectAbove } from '../../internal/run/place.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** The options of `setup-session init`. */
export interface InitOptions {
  /** Names with commas between them. */
  service?: string;
  dryRun?: boolean;
}

/**
 * Writes the starter configuration; files that are there stay as they are. Without a folder it is `config` here, unless there
 * is a configuration above: whoever stands inside a project has one.
 */
export async function runInit(
  named: string | undefined,
  { service, dryRun = false }: InitOptions,
): Promise<CommandResult> {
  if (service !== undefined) return await writeServices(named, service, dryRun);
  const above = named === undefined ? await projectAbove() : undefined;
  if (above !== undefined) {
    throw new AppError('config_exists', `there is a configuration above: ${quote(above)}, and it is used here`, {
      hint: 'nothing was written; for another one name its folder: setup-session init <folder>',
    });
  }
  const folder = named ?? 'config';
  const outcome = await (dryRun ? planStarter : writeStarter)(folder);
  requireWritten(outcome, folder, 'every file of the starter configuration');
  return shown(outcome, dryRun);
}

/** Writes the ready files of services, and nothing else: into the configuration that is used here, where there is one. */
async function writeServices(named: string | undefined, list: string, dryRun: boolean): Promise<CommandResult> {
  const names = list.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw new AppError('usage', `${quote(list)} is not a list of services`, {
      hint: 'write it as --service slack,github',
    });
  }
  const files = presetFiles([...new Set(names)]);
  const above = named === undefined ? await projectAbove() : undefined;
  const folder = named ?? above ?? 'config';
  const outcome = await (dryRun ? planStarter : writeStarter)(folder, files);
  requireWritten(outcome, folder, [...files.keys()].join(', '));
  return shown(outcome, dryRun, [
    ...(above === undefined ? [] : [`in the configuration ${visible(above)}, which is used here`]),
    'To do: fill in what is marked with <-, look at what is uncertain, review the tools, and grant them in interface.yaml.',
  ]);
}

function requireWritten({ written }: StarterOutcome, folder: string, what: string): void {
  if (written.length > 0) return;
  throw new AppError('config_exists', `${quote(folder)} has ${what} already`, {
    hint: 'nothing was changed; name another folder, or remove the files that should be written again',
  });
}

function shown({ written, kept }: StarterOutcome, dryRun: boolean, next: readonly string[] = []): CommandResult {
  const [write, keep] = dryRun ? ['would write', 'would keep'] : ['wrote', 'kept'];
  const lines = [
    ...written.map((path) => `${write} ${visible(path)}`),
    ...kept.map((path) => `${keep} ${visible(path)}`),
    ...next,
  ];
  return { text: lines.join('\n'), json: dryRun ? { would_write: written, would_keep: kept } : { written, kept } };
}
