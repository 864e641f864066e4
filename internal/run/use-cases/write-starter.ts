import { planStarter, presetFiles, type StarterOutcome, writeStarter as writeFiles } from '../../config/starter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote, visible } from '../../text/quote.ts';
import { projectAbove } from '../place.ts';
import type { StarterRequest, WrittenStarter } from '../values/setup.ts';

/**
 * Writes the starter configuration; files that are there stay as they are. Without a folder it is `config` here, unless there
 * is a configuration above: whoever stands inside a project has one.
 */
export async function writeStarter(request: StarterRequest): Promise<WrittenStarter> {
  const { folder: named, services, dryRun } = request;
  if (services !== undefined) return await writeServices(services, request);
  const above = named === undefined ? await projectAbove() : undefined;
  if (above !== undefined) {
    throw new AppError('config_exists', `there is a configuration above: ${quote(above)}, and it is used here`, {
      hint: 'nothing was written; for another one name its folder: setup-session init <folder>',
    });
  }
  const folder = named ?? 'config';
  const outcome = await (dryRun ? planStarter : writeFiles)(folder);
  requireWritten(outcome, folder, 'every file of the starter configuration');
  return outcomeValue(outcome, dryRun);
}

/** Writes the ready files of services, and nothing else: into the configuration that is used here, where there is one. */
async function writeServices(
  services: readonly string[],
  { folder: named, dryRun }: StarterRequest,
): Promise<WrittenStarter> {
  const files = presetFiles([...new Set(services)]);
  const above = named === undefined ? await projectAbove() : undefined;
  const folder = named ?? above ?? 'config';
  const outcome = await (dryRun ? planStarter : writeFiles)(folder, files);
  requireWritten(outcome, folder, [...files.keys()].join(', '));
  return outcomeValue(outcome, dryRun, [
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

function outcomeValue({ written, kept }: StarterOutcome, dryRun: boolean, next: string[] = []): WrittenStarter {
  const beside = { next };
  return dryRun ? { would_write: written, would_keep: kept, beside } : { written, kept, beside };
}
