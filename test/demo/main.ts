/** `npm run demo`: the main job for two people with the built executables, on a sandbox, and what is refused. */
import { Chalk } from 'chalk';
import { built } from './executables.ts';
import { tell } from './tell.ts';

// The executables are interrupted with us; their line then fails, and the sandbox is put away like after any other.
process.once('SIGINT', () => {
  process.exitCode = 130;
});
// Chalk looks for a terminal and FORCE_COLOR by itself, but does not know NO_COLOR.
// biome-ignore lint/style/noProcessEnv: see above
const plain = Boolean(process.env['NO_COLOR']);
const asTold = await tell({
  locate: built,
  paint: plain ? new Chalk({ level: 0 }) : new Chalk(),
  write: (text) => void process.stdout.write(text),
});
process.exitCode ??= asTold ? 0 : 1;
