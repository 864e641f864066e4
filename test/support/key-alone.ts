import { fileURLToPath } from 'node:url';

/** A configuration by which the key alone is enough to change skills; its agents pin two. Without one, that of this repository would be found. */
export const keyAlone: string = fileURLToPath(new URL('key-alone', import.meta.url));
