import { isDeepStrictEqual } from 'node:util';
import type { Stage } from './stage.ts';

/** What was found out by asking: plain values that can be compared and shown. */
export type Facts = Readonly<Record<string, unknown>>;

/** One line of the story. */
export interface Step {
  /** What is done. */
  readonly told: string;
  /** What proves it. */
  readonly proof: string;
  /** Does it and asks the other side what came of it. */
  act(stage: Stage): Promise<Facts>;
  /** What the other side has to say for the line to be true. */
  readonly expected: Facts;
}

/** A step that was taken. */
export interface Taken {
  readonly step: Step;
  readonly asTold: boolean;
  /** The facts, or the error that came instead of them. */
  readonly seen: unknown;
}

/** Takes the steps in order and stops after the first that is not as told. */
export async function* take(steps: readonly Step[], stage: Stage): AsyncGenerator<Taken, void, undefined> {
  for (const step of steps) {
    const seen = await step.act(stage).catch((error: unknown) => error);
    const asTold = isDeepStrictEqual(seen, step.expected);
    yield { step, asTold, seen };
    if (!asTold) return;
  }
}
