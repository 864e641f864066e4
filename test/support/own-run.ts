/** Each file of tests has secrets of its own, as each run of a command has: files of one worker share everything else that is loaded. */
import { aroundAll } from 'vitest';
import { beginSecrets } from '../../internal/secret/secret.ts';

aroundAll(async (runFile) => await beginSecrets()(runFile));
