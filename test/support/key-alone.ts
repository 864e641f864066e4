import { fileURLToPath } from 'node:url';

/** A configuration by which the key alone is enough to change skills: without one, that of this repository would be found. */
export const keyAlone: string = fileURLToPath(new URL('key-alone', import.meta.url));
