/** Skills that may not be pushed, as the one error that a run ends in. One of them hides neither the others nor the rest. */
import { AppError } from '../errors/app-error.ts';
import { visible } from '../text/quote.ts';
import { changeWord, isPending, type SkillOutcome } from './report/report.ts';

/** What is said beside the refusals. */
interface Said {
  /** Lines below them. */
  further?: readonly string[];
  /** Instead of the hint of the first. */
  hint?: string;
}

/** Throws where something was refused: with the code of the first refusal, and the lines of all. */
export function refuse(refusals: readonly AppError[], said: Said = {}): void {
  const [first, ...others] = refusals;
  if (first !== undefined) throw together([first, ...others], said);
}

/** The error to throw where a run that has refused something fails: the refusals first, unless somebody interrupted it. */
export function beside(refusals: readonly AppError[], error: unknown, signal: AbortSignal): unknown {
  const [first, ...others] = refusals;
  return first === undefined || signal.aborted || !(error instanceof AppError)
    ? error
    : together([first, ...others, error], {});
}

function together(refusals: readonly [AppError, ...AppError[]], { further = [], hint }: Said): AppError {
  const [{ code, hint: usual }] = refusals;
  const next = hint ?? usual;
  const lines = [...refusals.map(({ message }) => message), ...further];
  return new AppError(code, lines.join('\n'), next === undefined ? {} : { hint: next });
}

/** How many skills are named before the rest is counted. */
const mostNamed = 50;

/** What would become of the skills that nothing is wrong with, where some would be pushed. */
export function heldBackLines(
  skills: readonly SkillOutcome[],
  { refused, advise }: { refused: ReadonlySet<string>; advise: boolean },
): string[] {
  const held = skills.filter((skill) => isPending(skill) && !isRefused(skill) && !refused.has(skill.name));
  const advice = advise ? '; --keep-going pushes them' : '';
  return held.length === 0 ? [] : [`nothing is wrong with: ${named(held)}${advice}`];
}

/** Which skills a run pushed beside what it refused, and which it did not. */
export function keptGoingLines(skills: readonly SkillOutcome[]): string[] {
  const made = skills.filter(({ applied }) => applied);
  const left = skills.filter(isPending);
  return [
    ...(made.length === 0 ? [] : [`pushed all the same: ${named(made)}`]),
    ...(left.length === 0 ? [] : [`not pushed: ${named(left)}`]),
  ];
}

function isRefused({ change }: SkillOutcome): boolean {
  return change === 'blocked' || change === 'invalid';
}

function named(skills: readonly SkillOutcome[]): string {
  const more = skills.length - mostNamed;
  const names = skills.slice(0, mostNamed).map((skill) => `${visible(skill.name)} (${changeWord(skill)})`);
  return [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
