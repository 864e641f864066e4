/**
 * What goes on behind the pages: runs that last longer than one request, each with where it stands. They are in the memory of
 * the process that began them, and belong to one person. Whoever comes to another replica is shown what that one says.
 */
import * as z from 'zod/mini';
import { deferred } from '../../async/deferred.ts';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { isSamePerson, type Principal } from '../../identity/principal.ts';
import { type Said, said } from '../protocol.ts';
import { rememberedFor } from '../remembered.ts';
import type { Run } from '../run.ts';
import { errorOf, type Question } from '../said.ts';

/** Where a flow stands. */
export type Stage =
  | { kind: 'working' }
  /** The browser is to go to a service; what it brings back answers the question. */
  | { kind: 'leaving'; question: number; to: URL }
  /** The person is asked something. */
  | { kind: 'asking'; question: Question }
  | { kind: 'over'; result: unknown }
  | { kind: 'failed'; error: AppError };

/** A run that goes on. */
export interface Flow {
  id: string;
  /** What it is about, in the words of whoever began it. */
  about: string;
  stage(): Stage;
  /** What the person has to know, so far. */
  warnings(): readonly string[];
  /** Waits until it stands elsewhere than working, or than at a question that was answered, and at most so long. */
  settled(atMostMs: number, answered?: number): Promise<Stage>;
  /** What another replica has to know of it. */
  shown(): Shown;
}

/** A flow for another replica: what it was about, and the line that says where it stands; without one it is working. */
const shown = z.object({ about: z.string(), warnings: z.array(z.string()), line: z.optional(said) });
type Shown = z.output<typeof shown>;

/** All of one process. */
export interface Flows {
  /** Follows a run from now on. */
  follow(id: string, about: string, run: Run): Flow;
  /** One of somebody's own. */
  find(id: string, principal: Pick<Principal, 'kind' | 'issuer' | 'subject'>): Flow | undefined;
}

/** How long one is remembered: longer than a person may take for all of it. */
const forMs = 30 * 60_000;
const most = 5_000;

/** None yet. */
export function openFlows(): Flows {
  const flows = rememberedFor<{ flow: Flow; owner: Principal }>({ forMs, most });
  return {
    follow(id, about, run) {
      const flow = followed(id, about, run);
      flows.set(id, { flow, owner: run.caller.principal });
      return flow;
    },
    find(id, principal) {
      const found = flows.get(id);
      return found !== undefined && isSamePerson(found.owner, principal) ? found.flow : undefined;
    },
  };
}

/** Where a flow stands after a line; undefined where that is no other place. */
function stageAfter(line: Said): Stage | undefined {
  switch (line.kind) {
    case 'visit':
      return { kind: 'leaving', question: line.id, to: new URL(line.authorization) };
    case 'yes':
    case 'line':
    case 'needed':
    case 'unseen':
      return { kind: 'asking', question: line };
    case 'result':
      return { kind: 'over', result: line.result };
    case 'error':
      return { kind: 'failed', error: errorOf(line.error) };
  }
  return undefined;
}

const isWorking = (stage: Stage, answered: number | undefined) =>
  stage.kind === 'working' || (stage.kind === 'asking' && stage.question.id === answered);

function followed(id: string, about: string, run: Run): Flow {
  let stage: Stage = { kind: 'working' };
  let last: Said | undefined;
  let change = deferred();
  const warnings: string[] = [];
  const moveTo = (next: Stage, line: Said | undefined) => {
    stage = next;
    last = line;
    change.resolve();
    change = deferred();
  };
  const read = async () => {
    for await (const line of run.lines) {
      if (line.kind === 'warn') warnings.push(line.text);
      if (line.kind === 'over') {
        const asked =
          stage.kind === 'leaving' ? stage.question : stage.kind === 'asking' ? stage.question.id : undefined;
        if (asked === line.id) moveTo({ kind: 'working' }, undefined);
      }
      const next = stageAfter(line);
      if (next !== undefined) moveTo(next, line);
    }
  };
  void read();
  return {
    id,
    about,
    stage: () => stage,
    warnings: () => warnings,
    async settled(atMostMs, answered) {
      const { promise: tooLate, resolve } = deferred<'too late'>();
      const stop = clock.after(atMostMs, () => resolve('too late'));
      try {
        while (isWorking(stage, answered)) {
          if ((await Promise.race([change.promise, tooLate])) === 'too late') break;
        }
        return stage;
      } finally {
        stop();
      }
    },
    shown: () => ({ about, warnings, ...(last !== undefined && { line: last }) }),
  };
}

/** Between two looks at what another replica has. */
const lookEveryMs = 250;

/** A flow that another replica has, as often as it says so; undefined where none has it. `look` throws what asking it throws. */
export async function flowElsewhere(id: string, look: () => Promise<unknown>): Promise<Flow | undefined> {
  const asked = async () => {
    const told = await look();
    return told === undefined ? undefined : z.parse(shown, told);
  };
  let now = await asked();
  if (now === undefined) return undefined;
  const { about } = now;
  const stage = (): Stage => {
    if (now === undefined) {
      return {
        kind: 'failed',
        error: new AppError('console_refused', 'the replica that had this has ended: begin again'),
      };
    }
    return (now.line && stageAfter(now.line)) ?? { kind: 'working' };
  };
  return {
    id,
    about,
    stage,
    warnings: () => now?.warnings ?? [],
    async settled(atMostMs, answered) {
      const until = clock.monotonic() + atMostMs;
      while (isWorking(stage(), answered) && clock.monotonic() < until) {
        await clock.pause(lookEveryMs);
        now = await asked();
      }
      return stage();
    },
    shown: () => now ?? { about, warnings: [] },
  };
}
