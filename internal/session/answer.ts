/**
 * Answers one tool call, once. Another terminal may answer it as well, and an answer may be lost on its way: what counts is
 * what stands in the history, which is looked at before and after.
 */
import { clock } from '../clock/clock.ts';
import type { Delegation } from '../platform/change.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { type FoundCall, readCall } from './call.ts';

/** What is said about a call. A result is for a custom tool, which runs outside the platform. */
export type Answer =
  | { kind: 'yes' }
  | { kind: 'no'; reason: string }
  | { kind: 'result'; text: string }
  | { kind: 'failed'; text: string };

/** Which call is answered. */
export interface Answering {
  platform: Platform;
  sessionId: string;
  callId: string;
  answer: Answer;
  /** What lets it be given, where that is more than being the owner of the session. */
  delegation?: Delegation | undefined;
  /** Carried out to its end although the run was interrupted. */
  uninterrupted?: boolean;
  signal: AbortSignal;
}

/** The pauses before each look for an answer whose own answer was lost: lists lag. */
const looksMs = [250, 500, 1000, 2000];

/**
 * Sends the answer to a call that waits. The other answer, where somebody was quicker. Throws a `PlatformError`, or
 * `interrupted`.
 */
export async function answerCall(answering: Answering): Promise<'sent' | Extract<FoundCall, { kind: 'answered' }>> {
  const { platform, sessionId, callId, answer, delegation, signal, uninterrupted = false } = answering;
  try {
    await platform.sessions.answer(sessionId, eventOf(callId, answer), {
      label: callId,
      uninterrupted,
      grounds: { call: callId, answer: words[answer.kind], ...(delegation !== undefined && { delegation }) },
    });
    return 'sent';
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    // What is refused may have been answered a moment ago; what was lost may have arrived, and nothing tells the two apart.
    for (const pauseMs of error.outcome === 'unknown' ? looksMs : [0]) {
      await clock.pause(pauseMs, signal);
      const found = await readCall(platform, sessionId, callId);
      if (found?.kind === 'answered') return found;
    }
    throw error;
  }
}

const words = { yes: 'allow', no: 'deny', result: 'result', failed: 'result' } as const;

function eventOf(callId: string, answer: Answer) {
  switch (answer.kind) {
    case 'yes':
      return { type: 'user.tool_confirmation' as const, tool_use_id: callId, result: 'allow' as const };
    case 'no':
      return {
        type: 'user.tool_confirmation' as const,
        tool_use_id: callId,
        result: 'deny' as const,
        deny_message: answer.reason,
      };
    default:
      return {
        type: 'user.custom_tool_result' as const,
        custom_tool_use_id: callId,
        content: [{ type: 'text' as const, text: answer.text }],
        is_error: answer.kind === 'failed',
      };
  }
}
