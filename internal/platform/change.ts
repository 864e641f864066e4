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

/** What was decided, and the rule that decided it, in words for people. */
export interface Delegation {
  verdict: string;
  rule: string;
}

/** An agent in the version that acts. */
export interface ActingAgent {
  id: string;
  version: string;
  /** The name of its file. */
  name?: string;
}

/** The verdict on one tool of a session. What is not listed is off. */
export interface ToolDelegation extends Delegation {
  service: string;
  tool: string;
}

/** What a change rests on, and what else is known of it before it is asked for. */
export interface Grounds {
  delegation?: Delegation | undefined;
  agent?: ActingAgent | undefined;
  /** What a session may do with each tool. */
  tools?: readonly ToolDelegation[] | undefined;
  /** By which what is made is known again where its answer is lost. */
  mark?: string | undefined;
  /** The tool call that is answered: the id of its event. */
  call?: string | undefined;
  /** How it is answered. */
  answer?: 'allow' | 'deny' | 'result' | undefined;
}

/** What the platform is about to be asked to change, and by whom. */
export interface Change extends Grounds {
  actor: Actor;
  act: Act;
  target: Target;
  /** The trace id (W3C Trace Context) that the request carries. */
  trace?: string;
}

/** What became of a change. */
export interface Ending {
  /** `unknown`: it may have happened. */
  outcome: 'success' | 'failure' | 'unknown';
  /** How often it was sent. */
  attempts: number;
  /** The code of the error. */
  error?: string;
  /** The platform's id of what came into being, also of an event that was sent. */
  made?: string;
}

/** Hears of a change before the platform is asked for it, and gives back who hears how it ended. Where it throws, nothing is asked. */
export type OnChange = (change: Change) => Promise<(ending: Ending) => Promise<void>>;
