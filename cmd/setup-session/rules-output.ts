import type { CommandResult } from '../../internal/cli/program.ts';
import type { GuardedCalls, TestedRules } from '../../internal/run/values/rules.ts';
import { counted } from '../../internal/text/counted.ts';
import { visible } from '../../internal/text/quote.ts';

/** How a guard ended; each call was told when it was answered. */
export function showGuarded(guarded: GuardedCalls): CommandResult {
  const { allowed, denied, left, elsewhere } = guarded;
  return {
    text: `${allowed} allowed, ${denied} denied, ${left} left to people, ${elsewhere} answered elsewhere`,
    json: guarded,
  };
}

/** What a file of rules would change. */
export function showTested(tested: TestedRules): CommandResult {
  const { judged, without_arguments: without, changes } = tested;
  const rows = changes.map(({ call, at, service, tool, before, after }) => [
    visible(at ?? ''),
    visible(call ?? ''),
    visible(`${service} ${tool}`),
    `${before.outcome} -> ${after.outcome}`,
    visible(after.rule ?? after.because),
  ]);
  const table = rows.length === 0 ? [] : [{ heading: ['at', 'call', 'tool', 'change', 'because'], rows }];
  const unknown = without === 0 ? [] : [`${counted(without, 'call')} in the record without arguments`];
  return { text: [`${changes.length} of ${judged} calls would end otherwise`, ...table, ...unknown], json: tested };
}
