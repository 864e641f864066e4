/** One sign-in at a service, as the page sees it: where the person is meanwhile, what is asked, and that it is over. */

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
  /** Somebody has to say yes or no before anything is stored. */
  | { kind: 'asking'; question: string }
  | { kind: 'over' };

/** A flow that runs. */
export interface Flow {
  readonly serviceName: string;
  readonly signal: AbortSignal;
  stage(): Stage;
  moveTo(stage: Stage): void;
  /** Waits for one of these stages, at most so long, and says where it stands then. */
  until(kinds: readonly Stage['kind'][], atMostMs: number): Promise<Stage>;
  /** Asks, and waits as long as a person may take; no answer is no. */
  ask(question: string, atMostMs: number): Promise<boolean>;
  /** Answers what is asked; nothing happens where nothing is. */
  answer(yes: boolean): void;
  cancel(): void;
}

/** Begins a flow at its first stage. */
export function beginFlow(serviceName: string): Flow {
  const cancelling = new AbortController();
  let stage: Stage = { kind: 'starting' };
  let change = deferred();
  let answer = deferred<boolean>();

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
    async ask(question, atMostMs) {
      answer = deferred();
      const before = stage;
      flow.moveTo({ kind: 'asking', question });
      const yes = await Promise.race([answer.promise, afterMs(atMostMs).then(() => false)]);
      flow.moveTo(before);
      return yes;
    },
    answer: (yes) => answer.resolve(yes),
    cancel() {
      cancelling.abort();
      answer.resolve(false);
    },
  };
  return flow;
}

function afterMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}
