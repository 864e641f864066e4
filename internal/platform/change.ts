/** What is told of every change, before it is asked for and after. */
import type { Actor } from './actor.ts';
import type { Act } from './acts.ts';

/** What a change is done to. */
interface Target {
  kind: KindOf<Act>;
  /** The platform's; undefined for what is made by the change. */
  id: string | undefined;
  /** In words that a person knows: a name or an id, never a secret. */
  label: string;
}

type KindOf<Each extends string> = Each extends `${infer Kind}.${string}` ? Kind : never;

/** What the platform is about to be asked to change, and by whom. */
export interface Change {
  actor: Actor;
  act: Act;
  target: Target;
}

/** What became of a change. */
export interface Ending {
  /** `unknown`: it may have happened. */
  outcome: 'success' | 'failure' | 'unknown';
  /** How often it was sent. */
  attempts: number;
  /** The code of the error. */
  error?: string;
  /** The platform's id of what came into being. */
  made?: string;
}

/** Hears of a change before the platform is asked for it, and gives back who hears how it ended. Where it throws, nothing is asked. */
export type OnChange = (change: Change) => Promise<(ending: Ending) => Promise<void>>;
