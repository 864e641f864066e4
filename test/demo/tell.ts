import { inspect } from 'node:util';
import type { ChalkInstance } from 'chalk';
import type { Locate, Outcome } from './executables.ts';
import { openStage } from './stage.ts';
import { type Taken, take } from './step.ts';
import { story } from './story.ts';

/** How the story is told. */
export interface Telling {
  readonly locate: Locate;
  readonly paint: ChalkInstance;
  write(text: string): void;
}

/** The width of the column that says what is done. */
const column = 50;

/** Lets the story happen on a sandbox of its own and tells each line as it comes true. False when one did not. */
export async function tell({ locate, paint, write }: Telling): Promise<boolean> {
  const started = performance.now();
  const stage = await openStage({ locate });
  let lines = 0;
  let runs = 0;
  try {
    for (const { title, steps } of story) {
      write(`\n${paint.bold(title)}\n`);
      for await (const taken of take(steps, stage)) {
        lines += 1;
        write(lineOf(taken, paint));
        if (!taken.asTold) {
          write(explanationOf(taken, stage.outcomes.slice(runs), paint));
          return false;
        }
        runs = stage.outcomes.length;
      }
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    write(`\n${paint.green(`${lines} of ${lines} lines are as told`)} ${paint.dim(`(${seconds} s)`)}\n`);
    return true;
  } finally {
    await stage.close();
  }
}

function lineOf({ step, asTold }: Taken, paint: ChalkInstance): string {
  const mark = asTold ? paint.green('✓') : paint.red('✗');
  return `  ${mark} ${step.told.padEnd(column)} ${paint.dim(asTold ? step.proof : 'is not as told')}\n`;
}

function explanationOf({ step, seen }: Taken, runs: readonly Outcome[], paint: ChalkInstance): string {
  const shown = (value: unknown) =>
    value instanceof Error ? String(value) : inspect(value, { depth: null, breakLength: 100 });
  const parts = [
    `expected: ${shown(step.expected)}`,
    `seen:     ${shown(seen)}`,
    ...runs.map(({ command, stdout, stderr }) => paint.dim(`$ ${command}\n${stdout}${stderr}`.trimEnd())),
  ];
  return `${parts.join('\n').replace(/^/gm, '      ')}\n`;
}
