import { join } from 'node:path';
import { createText } from '../outside/files.ts';
import { schemaFiles } from './json-schema.ts';
import { agentText, environmentText, interfaceText, notionText, promptText } from './starter-texts.ts';

/** The files of a configuration to start from, by their path below the configuration folder. */
export function starterFiles(): Map<string, string> {
  return new Map([
    ['interface.yaml', interfaceText],
    ['services/notion.yaml', notionText],
    ['agents/assistant.yaml', agentText],
    ['agents/assistant.md', promptText],
    ['environments/default.yaml', environmentText],
    ...schemaFiles(),
  ]);
}

/** Writes the starter into a configuration folder. A file that is there already is kept as it is. */
export async function writeStarter(folder: string): Promise<{ written: string[]; kept: string[] }> {
  const outcome: { written: string[]; kept: string[] } = { written: [], kept: [] };
  for (const [path, text] of starterFiles()) {
    const created = await createText(join(folder, path), text);
    (created ? outcome.written : outcome.kept).push(path);
  }
  return outcome;
}
