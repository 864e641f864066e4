/**
 * `.claude-plugin/marketplace.json` as a list of skills (code.claude.com/docs, plugin marketplaces): each plugin has a
 * `source`, and its skills are the folders that `skills` names, or else all of `skills/`. Only what lies beside the list is
 * read: plugins that are fetched from elsewhere are reviewed there.
 */

import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { readText } from '../outside/files.ts';
import { quote, visible } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';

/** Where the list stands below the folder of a marketplace. */
export const marketplaceFile = join('.claude-plugin', 'marketplace.json');

/** What a list names. */
export interface Listed {
  /** Folders of skills, or single skills. `named`: the list says so itself, so it has to be there. */
  places: { path: string; named: boolean }[];
  /** Plugins that are not beside the list. */
  elsewhere: string[];
}

/** Reads the list of a marketplace; undefined where there is none. Throws `config_invalid`. */
export async function readMarketplace(file: string): Promise<Listed | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const listed = listedIn(text, join(file, '..', '..'));
  if (typeof listed !== 'string') return listed;
  throw new AppError('config_invalid', `${visible(file)}: ${listed}`, {
    hint: 'put it right (claude plugin validate says more), or name the folders of skills themselves',
  });
}

/** What the text of a list names below `root`, or what is wrong with it. Pure. */
function listedIn(text: string, root: string): Listed | string {
  let whole: unknown;
  try {
    whole = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return 'it is not JSON';
  }
  const plugins = isRecord(whole) ? whole['plugins'] : undefined;
  if (!isRecord(whole) || !Array.isArray(plugins)) return 'it has no list of plugins';
  const metadata = whole['metadata'];
  const pluginRoot = isRecord(metadata) ? metadata['pluginRoot'] : undefined;
  const places = new Map<string, boolean>();
  const elsewhere: string[] = [];
  for (const [index, plugin] of plugins.entries()) {
    if (!isRecord(plugin)) return `plugins[${index}] is not an object`;
    const { name, source, skills } = plugin;
    if (isRecord(source)) {
      elsewhere.push(typeof name === 'string' ? name : `plugins[${index}]`);
      continue;
    }
    if (typeof source !== 'string') return `plugins[${index}].source is neither a path nor an object`;
    // A bare name lies below the folder that metadata.pluginRoot names.
    const bare = !source.startsWith('.') && typeof pluginRoot === 'string';
    const folder = join(root, bare ? pluginRoot : '', source);
    const named = skills === undefined || skills === null ? ['skills'] : typeof skills === 'string' ? [skills] : skills;
    if (!Array.isArray(named)) return `plugins[${index}].skills is neither a path nor a list of paths`;
    for (const path of named) {
      if (typeof path !== 'string') return `plugins[${index}].skills holds something that is not a path`;
      const place = join(folder, path);
      if (!isBelow(root, folder) || !isBelow(root, place)) {
        return `plugins[${index}] leads out of the marketplace: ${quote(join(source, path))}`;
      }
      places.set(place, places.get(place) === true || named === skills || skills === path);
    }
  }
  return { places: [...places].map(([path, isNamed]) => ({ path, named: isNamed })), elsewhere };
}

function isBelow(root: string, path: string): boolean {
  const inside = relative(resolve(root), resolve(path));
  return !isAbsolute(inside) && inside.split(sep)[0] !== '..';
}
