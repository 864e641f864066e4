import { isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/**
 * Where this product keeps what it may forget (`cache`), what a killed run leaves for the next one (`state`), and where
 * a person's own settings are looked for (`config`).
 */
export interface Directories {
  cache: string;
  config: string;
  state: string;
}

/**
 * The directories of this machine: below one folder where somebody named one, else XDG on Linux and the platform's convention
 * on macOS and Windows. Throws `usage` for a folder that depends on where one stands.
 */
export function directories(home?: string): Directories {
  if (home !== undefined) {
    if (!isAbsolute(home)) {
      throw new AppError('usage', `MAI_HOME is not an absolute path: ${quote(home)}`, {
        hint: 'name the folder from the root of the disk on, or leave MAI_HOME out',
      });
    }
    return { cache: join(home, 'cache'), config: join(home, 'config'), state: join(home, 'state') };
  }
  const { cache, config, data, log } = envPaths('managed-agents-interface', { suffix: '' });
  // Only XDG has a folder for state, and the library calls it the one for logs.
  return { cache, config, state: process.platform === 'linux' ? log : data };
}
