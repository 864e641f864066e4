import envPaths from 'env-paths';

/** Where this product keeps what it may forget (`cache`) and where a person's own settings are looked for (`config`). */
export interface Directories {
  cache: string;
  config: string;
}

/** The directories of this machine: XDG on Linux, the platform's convention on macOS and Windows. */
export function directories(): Directories {
  const { cache, config } = envPaths('managed-agents-interface', { suffix: '' });
  return { cache, config };
}
