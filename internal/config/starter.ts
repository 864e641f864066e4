import { dirname, join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { createText, fileSize } from '../outside/files.ts';
import { quote } from '../text/quote.ts';
import { unexposed } from './folder.ts';
import { schemaFiles } from './json-schema.ts';
import presets from './service-presets.json' with { type: 'json' };
import { agentText, environmentText, gitAttributesText, interfaceText, promptText } from './starter-texts.ts';

/** The files of well-known services: those of our own `config/services`, in one file because the executables are bundled. */
const servicePresets: Readonly<Record<string, string>> = presets;

/** The files of a configuration to start from, by their path below the configuration folder. */
export function starterFiles(): Map<string, string> {
  return new Map([
    ['.gitattributes', gitAttributesText],
    ['interface.yaml', interfaceText],
    ['services/notion.yaml', servicePresets['notion'] ?? ''],
    ['agents/assistant.yaml', agentText],
    ['agents/assistant.md', promptText],
    ['environments/default.yaml', environmentText],
    ...schemaFiles(),
  ]);
}

/** The files of well-known services, by their path below the configuration folder. Throws `usage` for a name that is none. */
export function presetFiles(names: readonly string[]): Map<string, string> {
  return new Map(
    names.map((name) => {
      const text = Object.hasOwn(servicePresets, name) ? servicePresets[name] : undefined;
      if (text !== undefined) return [`services/${name}.yaml`, text];
      throw new AppError('usage', `there is no ready file for the service ${quote(name)}`, {
        hint: `there is one for ${Object.keys(servicePresets).join(', ')}; for any other: service-connection add <url>`,
      });
    }),
  );
}

/** The files of the starter that were written, or would be, and those that were there already and are kept as they are. */
export interface StarterOutcome {
  written: string[];
  kept: string[];
}

/** What {@link writeStarter} would do. Throws as it does. */
export async function planStarter(
  folder: string,
  files: ReadonlyMap<string, string> = starterFiles(),
): Promise<StarterOutcome> {
  await requireUnexposed(folder, files);
  const outcome: StarterOutcome = { written: [], kept: [] };
  for (const path of files.keys()) {
    const isThere = (await fileSize(join(folder, path))) !== undefined;
    (isThere ? outcome.kept : outcome.written).push(path);
  }
  return outcome;
}

/**
 * Writes files into a configuration folder. A file that is there already is kept as it is. Throws `config_exposed`, and
 * writes nothing, where somebody else could change what is in the folder or where it leads.
 */
export async function writeStarter(
  folder: string,
  files: ReadonlyMap<string, string> = starterFiles(),
): Promise<StarterOutcome> {
  await requireUnexposed(folder, files);
  const outcome: StarterOutcome = { written: [], kept: [] };
  for (const [path, text] of files) {
    const created = await createText(join(folder, path), text);
    (created ? outcome.written : outcome.kept).push(path);
  }
  return outcome;
}

async function requireUnexposed(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const real = await unexposed(folder);
  if (real === undefined) return;
  const below = new Set([...files.keys()].map(dirname));
  await Promise.all([...below].map((kind) => unexposed(kind, real)));
}
