import { ApiError, chosenError, conflict, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import type { NewEvent, SessionEvent, StopReason } from './event.ts';
import type { SentEvent } from './event-schema.ts';
import { newId } from './identifier.ts';
import type { Session } from './session.ts';
import { connectServer } from './session-connection.ts';
import type { Confirmation, Turn } from './turn.ts';
import type { Workspace } from './workspace.ts';

type Message = Extract<SentEvent, { type: 'user.message' | 'system.message' }>;
type QueuedMessage = Message & { id: string };

/** The asks that a turn waits for. */
interface PendingAsks {
  open: Set<string>;
  answers: Map<string, Confirmation>;
  finish: () => void;
}

/** Takes the events of one session in, and plays turns until none is waiting. */
export class TurnLoop {
  readonly #session: Session;
  readonly #workspace: Workspace;
  readonly #queue: QueuedMessage[] = [];
  #asks: PendingAsks | undefined;
  #interruption = new AbortController();
  #looping = false;
  /** Counts the times the session began to run, so that a late change to idle can see that it is outdated. */
  #epoch = 0;
  #ended = false;

  constructor(session: Session, workspace: Workspace) {
    this.#session = session;
    this.#workspace = workspace;
  }

  /** Takes events in: all of them, or none if one is refused. Returns them as queued or processed. */
  receive(events: readonly SentEvent[]): object[] {
    if (this.#session.archivedAt !== null) throw conflict(`session ${this.#session.id} is archived`);
    this.#check(events);
    return events.map((event) => this.#take(event));
  }

  /** Stops whatever is going on, for good and without further events. */
  end(): void {
    this.#ended = true;
    this.#queue.length = 0;
    this.#interruption.abort();
  }

  #check(events: readonly SentEvent[]): void {
    const open = new Set(this.#asks?.open);
    for (const event of events) {
      if (event.type === 'user.custom_tool_result') {
        if (!open.delete(event.custom_tool_use_id)) {
          throw chosenError(choices.confirmation, `events: ${event.custom_tool_use_id} is not waiting for a result`);
        }
      } else if (event.type === 'user.tool_confirmation') {
        if (event.deny_message != null && event.result !== 'deny') {
          throw invalidRequest('events.deny_message: only with the result deny');
        }
        if (!open.delete(event.tool_use_id)) {
          throw chosenError(choices.confirmation, `events: ${event.tool_use_id} is not waiting for a confirmation`);
        }
      } else if (event.type !== 'user.interrupt' && open.size > 0) {
        throw chosenError(choices.messageWhileAsking, `events: no ${event.type} while tool confirmations are awaited`);
      }
    }
  }

  #take(event: SentEvent): object {
    switch (event.type) {
      case 'user.message':
      case 'system.message': {
        const queued = { id: newId('sevt'), ...event };
        this.#queue.push(queued);
        this.#wake();
        return { ...queued, processed_at: null };
      }
      case 'user.interrupt': {
        const published = this.#session.publish({ type: 'user.interrupt' });
        this.#interruption.abort();
        return published;
      }
      case 'user.tool_confirmation':
        return this.#confirm(event);
      case 'user.custom_tool_result':
        return this.#takeResult(event);
    }
  }

  #confirm(event: Extract<SentEvent, { type: 'user.tool_confirmation' }>): SessionEvent {
    const { type, tool_use_id, result, deny_message } = event;
    const published = this.#session.publish({ type, tool_use_id, result, deny_message: deny_message ?? null });
    this.#answer(tool_use_id, { result, denyMessage: deny_message ?? undefined });
    return published;
  }

  #takeResult(event: Extract<SentEvent, { type: 'user.custom_tool_result' }>): SessionEvent {
    const published = this.#session.publish(event as NewEvent);
    const text = event.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    this.#answer(event.custom_tool_use_id, { result: 'allow', denyMessage: undefined, text });
    return published;
  }

  #answer(id: string, confirmation: Confirmation): void {
    const asks = this.#asks;
    if (asks === undefined) throw new ApiError(500, 'nothing is asked');
    asks.open.delete(id);
    asks.answers.set(id, confirmation);
    if (asks.open.size === 0) asks.finish();
    else this.#becomeIdle({ type: 'requires_action', event_ids: [...asks.open] });
  }

  #wake(): void {
    if (this.#looping) return;
    this.#looping = true;
    this.#session.status = 'running';
    // After the answer to the request that woke it, as a queue would.
    setImmediate(() => void this.#loop());
  }

  async #loop(): Promise<void> {
    while (this.#queue.length > 0 && !this.#ended) {
      this.#interruption = new AbortController();
      this.#becomeRunning();
      const messages = this.#queue.splice(0);
      for (const message of messages) this.#session.publish(message as NewEvent & { id: string });
      const stop = await this.#play(textsOf(messages));
      if (this.#ended) break;
      this.#becomeIdle(stop);
      await this.#settled();
    }
    this.#looping = false;
  }

  async #play(texts: string[]): Promise<StopReason> {
    const session = this.#session;
    const { signal } = this.#interruption;
    const requests = new ModelRequests(session, tokensOf(texts.join()));
    const interrupted = new Promise<StopReason>((resolve) => {
      // Documented: an interrupted turn ends like a finished one.
      signal.addEventListener('abort', () => resolve({ type: 'end_turn' }), { once: true });
    });
    const turn: Turn = {
      texts,
      agent: session.agent,
      emit: (event) => {
        if (signal.aborted) throw new Error('the turn was interrupted');
        requests.account(event);
        return session.publish(event);
      },
      connect: (server) => connectServer(this.#workspace, session, server),
      ask: (ids) => {
        if (ids.length > 0) requests.end();
        return this.#ask(ids, signal);
      },
    };
    const played = this.#workspace.playTurn(turn).catch((error: unknown): StopReason => {
      // After an interruption nobody waits any more; otherwise it is a bug, which must not hang the session.
      if (!signal.aborted) this.#reportBug(error);
      return { type: 'retries_exhausted' };
    });
    const stop = await Promise.race([played, interrupted]);
    if (this.#ended) return stop;
    requests.end();
    return stop;
  }

  #reportBug(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    process.emitWarning(`the sandbox's agent failed: ${message}`);
    this.#session.publish({
      type: 'session.error',
      error: { type: 'unknown_error', message, retry_status: { type: 'exhausted' } },
    });
  }

  async #ask(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Confirmation>> {
    const answers = new Map<string, Confirmation>();
    if (ids.length === 0) return answers;
    try {
      await new Promise<void>((finish, fail) => {
        this.#asks = { open: new Set(ids), answers, finish };
        signal.addEventListener('abort', () => fail(new Error('the turn was interrupted')), { once: true });
        this.#becomeIdle({ type: 'requires_action', event_ids: [...ids] });
        void this.#settled();
      });
    } finally {
      this.#asks = undefined;
    }
    this.#becomeRunning();
    return answers;
  }

  #becomeRunning(): void {
    this.#epoch += 1;
    this.#session.status = 'running';
    this.#session.publish({ type: 'session.status_running' });
  }

  /** Documented: the usage comes right before the idle event. */
  #becomeIdle(stop: StopReason): void {
    const { usage, budget } = this.#session;
    this.#session.publish({ type: 'session.usage', usage, budget });
    this.#session.publish({ type: 'session.status_idle', stop_reason: stop, stop_details: null });
  }

  /** Documented danger: the idle event can arrive before the stored status changes, so here it always does. */
  async #settled(): Promise<void> {
    const epoch = this.#epoch;
    await new Promise((resolve) => setTimeout(resolve, this.#workspace.idleLagMs));
    const waiting = this.#asks !== undefined || this.#queue.length === 0;
    if (waiting && epoch === this.#epoch && !this.#ended) {
      this.#session.status = 'idle';
      this.#session.touch();
    }
  }
}

/** The requests to the model within one turn: the results of the calls that one asks for go into the next. */
class ModelRequests {
  readonly #session: Session;
  #startId: string | undefined;
  #input: number;
  #output = 0;

  constructor(session: Session, input: number) {
    this.#session = session;
    this.#input = input;
    this.#begin();
  }

  /** An event is about to be published. */
  account(event: NewEvent): void {
    const tokens = tokensOf(JSON.stringify(event));
    if (event.type === 'agent.tool_result' || event.type === 'agent.mcp_tool_result') {
      this.end();
      this.#input += tokens;
    } else {
      if (this.#startId === undefined) this.#begin();
      this.#output += tokens;
    }
  }

  /** The model has said what it had to say. */
  end(): void {
    const session = this.#session;
    if (this.#startId === undefined) return;
    const usage = { input_tokens: this.#input, output_tokens: this.#output };
    session.usage = {
      input_tokens: session.usage.input_tokens + usage.input_tokens,
      output_tokens: session.usage.output_tokens + usage.output_tokens,
    };
    session.publish({
      type: 'span.model_request_end',
      model_request_start_id: this.#startId,
      is_error: false,
      model_usage: { ...usage, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    });
    [this.#startId, this.#input, this.#output] = [undefined, 0, 0];
  }

  #begin(): void {
    this.#startId = this.#session.publish({ type: 'span.model_request_start' }).id;
  }
}

function textsOf(messages: readonly QueuedMessage[]): string[] {
  return messages
    .filter(({ type }) => type === 'user.message')
    .flatMap(({ content }) => content.flatMap((block) => (block.type === 'text' ? block.text : [])));
}

/** A stand-in for real token counts that is at least deterministic. */
function tokensOf(text: string): number {
  return Math.ceil(text.length / 4);
}
