import type { CommandResult } from '../../internal/cli/program.ts';
import type { ExaminedSetup, WrittenStarter } from '../../internal/run/values/setup.ts';
import { visible } from '../../internal/text/quote.ts';

/** The files that were written, or would be, and what comes next. */
export function showStarter(result: WrittenStarter): CommandResult {
  const [write, written, keep, kept] =
    'written' in result
      ? (['wrote', result.written, 'kept', result.kept] as const)
      : (['would write', result.would_write, 'would keep', result.would_keep] as const);
  const lines = [
    ...written.map((path) => `${write} ${visible(path)}`),
    ...kept.map((path) => `${keep} ${visible(path)}`),
    ...result.beside.next,
  ];
  return { text: lines.join('\n'), json: result };
}

/** What was looked at, and what the platform answers. */
export function showSetup(result: ExaminedSetup): CommandResult {
  const { checks, beside } = result;
  return {
    text: [
      {
        heading: ['check', 'state', 'found', 'next'],
        rows: checks.map(({ check, state, found, next }) => [check, state, visible(found), visible(next ?? '-')]),
      },
      '',
      ...beside.lines,
    ],
    json: result,
  };
}
