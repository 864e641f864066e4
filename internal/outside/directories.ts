import envPaths from 'env-paths';

/**
 * Where this product keeps what it may forget (`cache`), what a killed run leaves for the next one (`state`), and where
 * a person's own settings are looked for (`config`).
 */
export interface Directories {
  cache: string;
  config: string;
  state: string;
}

/** The directories of this machine: XDG on Linux, the platform's convention on macOS and Windows. */
export function directories(): Directories {
  const { cache, config, data, log } = envPaths('managed-agents-interface', { suffix: '' });
  // Only XDG has a folder for state, and the library calls it the one for logs.
  return { cache, config, state: process.platform === 'linux' ? log : data };
}
