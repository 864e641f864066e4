/**
 * What is known of a turn, from events that come more than once, in pieces, and mixed with those of other turns. Nothing
 * counts or is told twice. Asks nobody for anything.
 */
import { quote, visible } from '../text/quote.ts';
import type { SessionError, SessionEvent, StopReason, ToolCall, Usage } from './event.ts';

/** Where a turn tells what happens in it. */
export interface Told {
  /** A piece of the answer, harmless in a terminal. */
  text(text: string): void;
  /** What else happens: calls, refusals, errors. */
  note(text: string): void;
  /** What a person has to know. */
  warn(text: string): void;
  /** How many tokens the turn has used so far, with each request to the model. */
  spent?(tokens: number): void;
  /** The calls that wait, each time the session comes to rest on some, where the turn is followed through that. */
  asks?(calls: readonly ToolCall[]): void;
}

/** How a turn came to its end, or the session with it. */
export type End = { kind: 'idle'; reason: StopReason } | { kind: 'terminated' } | { kind: 'deleted' };

/** The message whose turn is read. */
export interface Mark {
  messageId: string;
  text: string;
  /** The messages that were there before it. */
  earlier: ReadonlySet<string>;
}

/** Calls that were denied are counted beyond these, and errors of one kind are one: an hour of them needs no more room. */
const keptDenied = 200;

/** Reads the events of one turn. */
export class TurnState {
  readonly errors = new Map<string, SessionError>();
  readonly denied: ToolCall[] = [];
  /** How many calls the platform let through. */
  allowed = 0;
  usage: Usage | undefined;
  end: End | undefined;
  /** What the session rests on, where the turn is followed through that. */
  waits: StopReason | undefined;
  /** Whether somebody interrupted the turn. */
  interrupted = false;
  /** Whether the session was going to try again when it was last heard of. */
  rescheduled = false;
  /** Whether our message was taken up. Always so where there is none. */
  begun: boolean;
  /** Whether the session went idle while our turn had not begun: the history knows more. */
  othersIdle = false;
  /** The last instant that was heard of, where a history that is read again may begin. */
  lastAt: string | undefined;
  readonly #told: Told;
  readonly #mark: Mark | undefined;
  readonly #known = new Set<string>();
  /** What came before our message, by stream: a history that shows it behind our message corrects that. */
  readonly #before = new Set<string>();
  readonly #calls = new Map<string, ToolCall>();
  readonly #throughAsks: boolean;
  #toldWaits: StopReason | undefined;
  #tokens = 0;
  #pieces: string[] = [];
  #markAt: string | undefined;
  /** Whether a history that is being read has passed our message. */
  #passed = false;
  readonly #copies = new Set<string>();

  constructor(told: Told, mark: Mark | undefined, throughAsks = false) {
    this.#told = told;
    this.#mark = mark;
    this.#throughAsks = throughAsks;
    this.begun = mark === undefined;
  }

  get answer(): string {
    return this.#pieces.join('');
  }

  /** The calls that wait for a yes or no. One whose own event was not seen is an id alone. */
  get asks(): ToolCall[] {
    const reason = this.waits ?? (this.end?.kind === 'idle' ? this.end.reason : undefined);
    if (reason?.type !== 'requires_action') return [];
    return reason.eventIds.map(
      (eventId) => this.#calls.get(eventId) ?? { eventId, service: undefined, tool: undefined, input: undefined },
    );
  }

  /** How often our message is there. More than once where something between repeats requests. */
  get copies(): number {
    return this.#copies.size;
  }

  /** A history is going to be read: from here on, until it has passed our message, nothing in it is known to be behind that. */
  beginHistory(): void {
    this.#passed = false;
  }

  /** A history broke off: without a message of ours, what it said of a rest may be that of an earlier turn. */
  breakOff(): void {
    if (this.#mark !== undefined) return;
    this.waits = undefined;
    if (this.end?.kind === 'idle') this.end = undefined;
  }

  /** Takes an event in. */
  take(event: SessionEvent, from: 'stream' | 'history'): void {
    const { id, at, kind } = event;
    if (at !== undefined && (this.lastAt === undefined || at > this.lastAt)) this.lastAt = at;
    if (kind === 'deleted') this.end = { kind };
    if (kind === 'terminated') this.end ??= { kind };
    if (kind === 'message' && event.text === this.#mark?.text && !this.#mark.earlier.has(id)) this.#copies.add(id);
    if (id === this.#mark?.messageId) this.#begin(at, from);
    else if (!this.begun) this.#leave(event);
    else if (!(isQueued(event) || this.#isOld(event) || this.#isOver())) {
      this.#known.add(id);
      this.#read(event);
    }
  }

  /** Our message was taken up: until then it waits in the queue. */
  #begin(at: string | undefined, from: 'stream' | 'history'): void {
    if (at === undefined) return;
    this.begun = true;
    this.#markAt = at;
    if (from === 'history') this.#passed = true;
  }

  #leave({ id, kind }: SessionEvent): void {
    this.#before.add(id);
    if (kind === 'idle') this.othersIdle = true;
  }

  /** Something between may repeat what was streamed long ago, so that what is behind our message is told by the history alone. */
  #isOld({ id, at }: SessionEvent): boolean {
    if (this.#known.has(id)) return true;
    if (this.#passed) return false;
    return this.#before.has(id) || (at !== undefined && this.#markAt !== undefined && at < this.#markAt);
  }

  /** Whether the turn of our message has ended, so that this belongs to one after it. A question that is answered goes on. */
  #isOver(): boolean {
    if (this.end === undefined || this.#mark === undefined) return false;
    return !(this.end.kind === 'idle' && this.end.reason.type === 'requires_action');
  }

  #read(event: SessionEvent): void {
    switch (event.kind) {
      case 'answer':
        this.#answer(event.text);
        break;
      case 'call':
        this.#call(event.call, event.permission);
        break;
      case 'result':
        this.#calls.delete(event.callId);
        break;
      case 'confirmation':
        this.#confirmed(event.callId, event.allowed);
        break;
      case 'error':
        this.#error(event.error);
        break;
      case 'usage':
        this.usage = event.usage;
        break;
      case 'rescheduled':
        this.rescheduled = true;
        this.#told.note('the session stumbled, and the platform tries again');
        break;
      case 'spent':
        this.#tokens += event.tokens;
        this.#told.spent?.(this.#tokens);
        break;
      case 'interrupt':
        this.interrupted = true;
        this.#told.note('the turn was interrupted');
        break;
      case 'running':
        this.rescheduled = false;
        this.waits = undefined;
        if (this.end?.kind === 'idle') this.end = undefined;
        break;
      case 'idle':
        this.rescheduled = false;
        this.#rest(event.reason);
        break;
      case 'message':
        // Without a mark the last turn counts, and this begins one.
        if (this.#mark === undefined) this.#startOver();
        break;
      default:
        break;
    }
  }

  #rest(reason: StopReason): void {
    this.waits = this.#throughAsks && reason.type === 'requires_action' ? reason : undefined;
    if (this.waits === undefined) this.end = { kind: 'idle', reason };
  }

  /** Tells what the session rests on, once; a history that is being read may go on after it. */
  tellWaits(): void {
    if (this.waits === undefined || this.waits === this.#toldWaits) return;
    this.#toldWaits = this.waits;
    this.#told.asks?.(this.asks);
  }

  #startOver(): void {
    this.interrupted = false;
    this.waits = undefined;
    this.#tokens = 0;
    this.#pieces = [];
    this.errors.clear();
    this.denied.length = 0;
    this.allowed = 0;
    this.end = undefined;
  }

  #answer(text: string): void {
    // Apart by a piece of its own: a text that is put together anew is there twice.
    const apart = this.#pieces.length > 0 && !this.#pieces.at(-1)?.endsWith('\n');
    for (const piece of apart ? ['\n', text] : [text]) {
      if (piece === '') continue;
      this.#pieces.push(piece);
      this.#told.text(visibleLines(piece));
    }
  }

  #call(call: ToolCall, permission: 'allow' | 'ask' | 'deny' | undefined): void {
    const words = callWords(call);
    if (permission === 'deny') {
      this.#deny(call);
      this.#told.note(`refused by the platform: ${words}`);
      return;
    }
    if (permission === 'ask') this.#told.note(`the agent asks to call ${words}`);
    else this.#told.note(`the agent calls ${words}`);
    // One that was let through never waits: its arguments need not be kept.
    if (permission === 'allow') this.allowed += 1;
    else this.#calls.set(call.eventId, call);
  }

  #confirmed(callId: string, allowed: boolean): void {
    const call = this.#calls.get(callId);
    this.#told.note(`somebody said ${allowed ? 'yes' : 'no'} to ${call === undefined ? 'a call' : callWords(call)}`);
    if (allowed) this.allowed += 1;
    else if (call !== undefined) this.#deny(call);
  }

  #deny(call: ToolCall): void {
    if (this.denied.length < keptDenied) this.denied.push(call);
  }

  #error(error: SessionError): void {
    const key = JSON.stringify([error.type, error.service, error.retry]);
    // The last one last: it is the one that decides.
    this.errors.delete(key);
    this.errors.set(key, error);
    this.#told.note(`the session reports ${quote(error.type)}: ${quote(error.message)}`);
  }
}

/** What somebody sent and the session has not come to: it comes once more when it is processed. */
function isQueued({ kind, at }: SessionEvent): boolean {
  return at === undefined && (kind === 'message' || kind === 'confirmation');
}

function callWords({ service, tool, eventId }: ToolCall): string {
  return tool === undefined ? quote(eventId) : `${quote(service ?? '')} ${quote(tool)}`;
}

/** An answer keeps its line breaks and tabs; everything else that could move the cursor is made visible (P9). */
function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}
