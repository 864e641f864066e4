/** What is told of every change, before it is asked for and after. */
import type { Actor } from './actor.ts';
import type { Act, ActElsewhere } from './acts.ts';

/** What a change is done to. */
interface Target {
  kind: KindOf<Act | ActElsewhere>;
  /** What knows it by that: the platform, a service. Undefined for what is made by the change. */
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
  /** The id of its line, where something else names it; a new one unless told. */
  line?: string | undefined;
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
  /** Of a call of a tool: SHA-256 of its canonical arguments, and the managed session that it comes from. */
  input?: string | undefined;
  session?: string | undefined;
}

/** What is about to be changed, and by whom. */
export interface Change extends Grounds {
  actor: Actor;
  act: Act | ActElsewhere;
  target: Target;
  /** The trace id (W3C Trace Context) that the request carries. */
  trace?: string;
  /** The address of whoever is asked for it, where that is not the platform. */
  server?: string | undefined;
}

/** What became of a change. */
export interface Ending {
  /** `unknown`: it may have happened. */
  outcome: 'success' | 'failure' | 'unknown';
  /** How often it was sent. */
  attempts: number;
  /** The code of the error. */
  error?: string;
  /** The id of what came into being, also of an event that was sent; or the digest of a file that was written. */
  made?: string;
  /** Who somebody turned out to be who was not proven before. */
  proved?: Actor;
}

/**
 * Hears of a change before anything is asked for it, and gives back who hears how it ended. Where it throws, nothing is asked.
 * With `unkept`, for what changes nothing, nobody waits for the disk: it hears, later, that the disk did not keep the line.
 */
export type OnChange = (
  change: Change,
  unkept?: (error: unknown) => void,
) => Promise<(ending: Ending) => Promise<void>>;
