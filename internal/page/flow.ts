/** One sign-in at a service, as the page sees it: where the person is meanwhile, what is asked, and that it is over. */

import { randomUUID } from 'node:crypto';
import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';

/** Where a flow stands. */
export type Stage =
  | { kind: 'starting' }
  /** Something has to be typed where the command runs. */
  | { kind: 'at the terminal'; what: string }
  /** A browser is to be sent there; more than once where the service has to be asked again. Each address works once. */
  | { kind: 'leaving'; start: () => URL }
  /** The person is at the service. */
  | { kind: 'at the service'; start: () => URL }
  /** They came back, and what they brought is looked at and stored. */
  | { kind: 'finishing' }
  /** Somebody has to say what is to be done before anything is stored. `id` is of this very question. */
  | { kind: 'asking'; question: string; about: Matter; id: string }
  | { kind: 'over' };

/** What is asked about: a connection that would change accounts, or an account that the rule of its file does not want. */
export type Matter = 'change' | 'other account';

/** What can be answered: `again` is no, and to begin once more. */
export type Answer = 'yes' | 'no' | 'again';

/** A flow that runs. */
export interface Flow {
  readonly serviceName: string;
  readonly signal: AbortSignal;
  stage(): Stage;
  moveTo(stage: Stage): void;
  /** Waits for one of these stages, at most so long, and says where it stands then. */
  until(kinds: readonly Stage['kind'][], atMostMs: number): Promise<Stage>;
  /** Asks, and waits as long as a person may take; no answer is no. */
  ask(question: string, about: Matter, atMostMs: number): Promise<Answer>;
  /** Answers the question with this id. False where it is not asked any more: another one is not answered by that. */
  answer(id: string, answer: Answer): boolean;
  cancel(): void;
}

/** Begins a flow at its first stage. */
export function beginFlow(serviceName: string): Flow {
  const cancelling = new AbortController();
  let stage: Stage = { kind: 'starting' };
  let change = deferred();
  let answer = deferred<Answer>();

  const flow: Flow = {
    serviceName,
    signal: cancelling.signal,
    stage: () => stage,
    moveTo(next) {
      stage = next;
      change.resolve();
      change = deferred();
    },
    async until(kinds, atMostMs) {
      const tooLate = afterMs(atMostMs);
      while (!kinds.includes(stage.kind)) {
        if (await Promise.race([change.promise.then(() => false), tooLate.then(() => true)])) break;
      }
      return stage;
    },
    async ask(question, about, atMostMs) {
      answer = deferred();
      const before = stage;
      flow.moveTo({ kind: 'asking', question, about, id: randomUUID() });
      const given = await Promise.race([answer.promise, afterMs(atMostMs).then(() => 'no' as const)]);
      flow.moveTo(before);
      return given;
    },
    answer(id, given) {
      if (stage.kind !== 'asking' || stage.id !== id) return false;
      answer.resolve(given);
      return true;
    },
    cancel() {
      cancelling.abort();
      answer.resolve('no');
    },
  };
  return flow;
}

function afterMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}
