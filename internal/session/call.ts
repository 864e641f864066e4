/**
 * A tool call that waits for a yes or no: what exactly is asked, and whether it is still open. Nobody but the platform says
 * so, and it does not say who answered.
 */

import type { Platform } from '../platform/client.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import type { SessionEvent, ToolCall } from './event.ts';
import { readInOrder } from './history.ts';

/** Enough that nobody finds other arguments with the same one, and short enough to be copied. */
const digestLength = 32;

/**
 * What a yes is bound to: the session, the call and exactly its arguments, as 32 hex digits. Undefined for a call whose
 * event was not seen, or whose arguments are nested too deep for anybody to read.
 */
export function callDigest(sessionId: string, { eventId, service, tool, input }: ToolCall): string | undefined {
  if (service === undefined || tool === undefined) return undefined;
  try {
    return sha256(canonicalJson([1, sessionId, eventId, service, tool, input ?? null])).slice(0, digestLength);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What stands about a call in the history of its session. */
export type FoundCall = { call: ToolCall } & (
  | { kind: 'waits' }
  /** `yes`, `no`, or `result` for a custom tool: the first answer is the one that counts. */
  | { kind: 'answered'; answer: 'yes' | 'no' | 'result'; at: string | undefined }
  /** It was never asked about, or its turn has ended without an answer. */
  | { kind: 'over' }
);

const telling = [
  'agent.tool_use',
  'agent.mcp_tool_use',
  'agent.custom_tool_use',
  'user.tool_confirmation',
  'user.custom_tool_result',
  'session.status_running',
  'session.status_idle',
] as const;
const pageSize = 100;

/** Reads what stands about a call, from the end of the history; undefined where the session has no such call. */
export async function readCall(platform: Platform, sessionId: string, callId: string): Promise<FoundCall | undefined> {
  const pages = platform.sessions.history(sessionId, { types: [...telling], order: 'asc', limit: pageSize });
  const events: SessionEvent[] = [];
  await readInOrder(pages, (event) => events.push(event));
  const judgement = new CallJudgement(callId);
  for (const event of events.reverse()) if (judgement.take(event)) break;
  return judgement.found;
}

/** Judges one call by events, the latest first. */
class CallJudgement {
  found: FoundCall | undefined;
  readonly #callId: string;
  /** Whether the session rests on this call; undefined until something says what it does. */
  #waits: boolean | undefined;
  #answer: { answer: 'yes' | 'no' | 'result'; at: string | undefined } | undefined;

  constructor(callId: string) {
    this.#callId = callId;
  }

  /** Whether that was the call itself, before which nothing can be about it. */
  take(event: SessionEvent): boolean {
    const { at } = event;
    switch (event.kind) {
      case 'idle':
        this.#waits ??= event.reason.type === 'requires_action' && event.reason.eventIds.includes(this.#callId);
        return false;
      case 'running':
        this.#waits ??= false;
        return false;
      case 'confirmation':
        if (event.callId === this.#callId) this.#answer = { answer: event.allowed ? 'yes' : 'no', at };
        return false;
      case 'result':
        if (event.callId === this.#callId) this.#answer = { answer: 'result', at };
        return false;
      case 'call':
        if (event.call.eventId !== this.#callId) return false;
        this.found = this.#judge(event.call);
        return true;
      default:
        return false;
    }
  }

  #judge(call: ToolCall): FoundCall {
    if (this.#answer !== undefined) return { call, kind: 'answered', ...this.#answer };
    return { call, kind: this.#waits === true ? 'waits' : 'over' };
  }
}
