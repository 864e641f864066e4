import type { Writable } from 'node:stream';
import type { Environment } from '../run/environment.ts';

/** Colors for the two words that begin an error and its hint; meaning never depends on them. */
export interface Paint {
  error(text: string): string;
  hint(text: string): string;
}

const plain: Paint = { error: (text) => text, hint: (text) => text };

/** Whether an output gets color: `--no-color` and `NO_COLOR` say no, `FORCE_COLOR` says yes, else a terminal does. */
export function wantsColor(output: Writable & { isTTY?: boolean }, environment: Environment, flag: boolean): boolean {
  if (!flag || environment.NO_COLOR !== undefined) return false;
  if (environment.FORCE_COLOR !== undefined) return environment.FORCE_COLOR !== '0';
  return output.isTTY === true && environment.CI === undefined;
}

/** The colors of one output. The library is loaded only where there is color. */
export async function paintFor(
  output: Writable & { isTTY?: boolean },
  environment: Environment,
  flag: boolean,
): Promise<Paint> {
  if (!wantsColor(output, environment, flag)) return plain;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { error: (text) => chalk.red(text), hint: (text) => chalk.cyan(text) };
}
