/** What a run says, for whoever reads it in the console itself. */
import { AppError } from '../errors/app-error.ts';
import { BetterSignInNeeded } from './better-sign-in.ts';
import type { Said, WireError } from './protocol.ts';
import type { Run } from './run.ts';

/** Something that the person is asked, in words. */
export type Question = Extract<Said, { kind: 'yes' | 'line' | 'needed' | 'unseen' }>;

/** The result of a use-case, and what the person has to know beside it. */
export interface Performed<Result> {
  result: Result;
  warnings: readonly string[];
}

/** Reads a run to its end. Throws the error that it ends with. */
export async function ended<Result>({ lines }: Pick<Run, 'lines'>): Promise<Performed<Result>> {
  const warnings: string[] = [];
  let result: { of: Result } | undefined;
  let failure: AppError | undefined;
  for await (const line of lines) {
    if (line.kind === 'warn') warnings.push(line.text);
    if (line.kind === 'result') result = { of: line.result as Result };
    if (line.kind === 'error') failure = errorOf(line.error);
  }
  if (failure !== undefined) throw failure;
  if (result === undefined) throw new Error('a run ended with neither a result nor an error');
  return { result: result.of, warnings };
}

/** An error that a run has said. */
export function errorOf({ code, message, hint, requirement }: WireError): AppError {
  const error = new AppError(code, message, typeof hint === 'string' ? { hint } : {});
  if (requirement === undefined) return error;
  const { acr, amr, max_age: age } = requirement;
  return new BetterSignInNeeded(error, {
    ...(acr !== undefined && { acr }),
    ...(amr !== undefined && { amr }),
    ...(age !== undefined && { max_age: age }),
  });
}
