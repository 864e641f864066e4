/** Where the configuration of a run is: looked for, and not read. */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { fileSize } from '../outside/files.ts';
import { nearestWith } from '../outside/upwards.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';
import type { ProjectPlace } from './trusted-configuration.ts';

/** The file that makes a folder a configuration: many projects have a `config` folder. */
const interfaceName = 'interface.yaml';
const interfaceFile = join('config', interfaceName);

/**
 * The configuration folder of a run: `--config`, else `MAI_CONFIG`, else the nearest `config/interface.yaml` from the current
 * folder upwards, else the user's own. A relative `MAI_CONFIG` is another one wherever somebody stands, and names none.
 * Throws `config_missing`.
 */
export async function locateProject(ports: Ports): Promise<ProjectPlace> {
  const { project: given, environment } = ports;
  const named = given.config ?? environment.MAI_CONFIG;
  if (named !== undefined) {
    const folder = resolve(named);
    if (!(await isThere(join(folder, interfaceName)))) {
      const relative =
        given.config === undefined && !isAbsolute(named) ? `, which is MAI_CONFIG ${quote(named)} here` : '';
      throw new AppError('config_missing', `there is no configuration in ${quote(folder)}${relative}`, {
        hint: await wayOut(ports, folder),
      });
    }
    return given.config === undefined
      ? { folder, source: 'environment', found: !isAbsolute(named) }
      : { folder, source: 'flag', found: false };
  }
  const { config } = await ports.directories();
  const project = await nearestWith(interfaceFile);
  if (project !== undefined) return { folder: join(project, 'config'), source: 'project config', found: true };
  if (await isThere(join(config, interfaceFile))) {
    return { folder: join(config, 'config'), source: 'user config', found: false };
  }
  throw new AppError('config_missing', 'there is no config/interface.yaml here or above, and none of your own', {
    hint: `go to your project, or ${await wayOut(ports, undefined)}`,
  });
}

/**
 * What to do where no configuration is. Whoever has one named a wrong folder or stands in one: another starter configuration
 * would be the last thing to help.
 */
async function wayOut(ports: Ports, named: string | undefined): Promise<string> {
  const near = named === undefined ? [] : [join(named, 'config'), dirname(named)];
  const project = await nearestWith(interfaceFile);
  const { confirmationsIn } = await import('../config/confirmations.ts');
  const used = await confirmationsIn((await ports.stores()).confirmations).folders();
  for (const folder of [...near, ...(project === undefined ? [] : [join(project, 'config')]), ...used]) {
    if (await isThere(join(folder, interfaceName))) return `name the one that is there: --config ${quote(folder)}`;
  }
  return named === undefined
    ? 'name its configuration: --config <folder>; to begin one here: setup-session init'
    : `name another one: --config <folder>; to begin one there: setup-session init ${quote(named)}`;
}

async function isThere(path: string): Promise<boolean> {
  return (await fileSize(path)) !== undefined;
}

/** The configuration that is used here and lies in a folder above; undefined where there is none, or one right here. */
export async function projectAbove(): Promise<string | undefined> {
  const project = await nearestWith(interfaceFile);
  return project === undefined || project === resolve('') ? undefined : join(project, 'config');
}
