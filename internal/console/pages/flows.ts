/**
 * What goes on behind the pages: runs that last longer than one request, each with where it stands. They are in the memory of
 * the process that began them, and belong to one person.
 */
import { deferred } from '../../async/deferred.ts';
import { clock } from '../../clock/clock.ts';
import type { AppError } from '../../errors/app-error.ts';
import { isSamePerson, type Principal } from '../../identity/principal.ts';
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
}

/** All of one process. */
export interface Flows {
  /** Follows a run from now on. */
  follow(id: string, about: string, run: Run): Flow;
  /** One of somebody's own. */
  find(id: string, principal: Principal): Flow | undefined;
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

function followed(id: string, about: string, run: Run): Flow {
  let stage: Stage = { kind: 'working' };
  let change = deferred();
  const warnings: string[] = [];
  const moveTo = (next: Stage) => {
    stage = next;
    change.resolve();
    change = deferred();
  };
  const read = async () => {
    for await (const line of run.lines) {
      switch (line.kind) {
        case 'warn':
          warnings.push(line.text);
          break;
        case 'visit':
          moveTo({ kind: 'leaving', question: line.id, to: new URL(line.authorization) });
          break;
        case 'yes':
        case 'line':
        case 'needed':
        case 'unseen':
          moveTo({ kind: 'asking', question: line });
          break;
        case 'over': {
          const asked =
            stage.kind === 'leaving' ? stage.question : stage.kind === 'asking' ? stage.question.id : undefined;
          if (asked === line.id) moveTo({ kind: 'working' });
          break;
        }
        case 'result':
          moveTo({ kind: 'over', result: line.result });
          break;
        case 'error':
          moveTo({ kind: 'failed', error: errorOf(line.error) });
          break;
      }
    }
  };
  void read();
  return {
    id,
    about,
    stage: () => stage,
    warnings: () => warnings,
    async settled(atMostMs, answered) {
      const isOn = () => stage.kind === 'working' || (stage.kind === 'asking' && stage.question.id === answered);
      const { promise: tooLate, resolve } = deferred<'too late'>();
      const stop = clock.after(atMostMs, () => resolve('too late'));
      try {
        while (isOn()) {
          if ((await Promise.race([change.promise, tooLate])) === 'too late') break;
        }
        return stage;
      } finally {
        stop();
      }
    },
  };
}
