/** The requests and results that are about sessions. */
import * as z from 'zod/mini';
import { owner } from './common.ts';

const text = z.nullable(z.string());
const lines = z.array(z.string());

const call = { event_id: z.string(), service: text, tool: text };

/** A call that waits. */
const waiting = z.strictObject({ ...call, arguments: z.unknown(), digest: text, answer: text });

const usage = z.strictObject({
  input_tokens: z.nullable(z.number()),
  output_tokens: z.nullable(z.number()),
  active_seconds: z.nullable(z.number()),
  list_cost: z.nullable(z.strictObject({ amount: z.string(), currency: z.string() })),
});

/** What a turn may use, counted from when the platform took its message. */
const limit = z.union([
  z.strictObject({ kind: z.literal('time'), milliseconds: z.number() }),
  z.strictObject({ kind: z.literal('tokens'), tokens: z.number() }),
]);

/** How a turn that somebody waited for ended. */
const turn = {
  answer: z.string(),
  message_id: text,
  stop_reason: z.string(),
  asks: z.array(waiting),
  denied: z.array(z.strictObject(call)),
  errors: z.array(z.strictObject({ type: z.string(), message: z.string(), service: text, retry: z.string() })),
  usage: z.nullable(usage),
  unknown: z.boolean(),
  beside: z.strictObject({
    /** What is to be answered, and how. */
    waiting: lines,
    /** Why the command fails although there is an answer. */
    failure: z.nullable(z.strictObject({ code: z.string(), message: z.string(), hint: z.optional(z.string()) })),
    asks: z.boolean(),
  }),
};

const ended = z.optional(z.boolean());

export const sendMessage = {
  request: z.strictObject({
    session: z.string(),
    asAgent: z.optional(z.boolean()),
    message: z.string(),
    end: z.boolean(),
    stopAfter: z.optional(limit),
  }),
  result: z.strictObject({ session_id: z.string(), ended, ...turn }),
};

export const attachSession = {
  request: z.strictObject({ session: z.string(), wait: z.boolean() }),
  result: z.strictObject({ session_id: z.string(), ended, ...turn }),
};

const verdict = z.enum(['off', 'ask', 'auto', 'on']);

const started = {
  session_id: z.string(),
  vault_id: z.string(),
  agent: z.strictObject({ name: z.string(), id: z.string(), version: z.number() }),
  environment_id: z.string(),
  owner,
  connections: z.array(z.strictObject({ service: z.string(), account: text, workspace: text })),
  tools: z.array(z.strictObject({ service: z.string(), tool: z.string(), verdict })),
};

const plannedSession = z.strictObject({
  owner,
  vault_id: z.string(),
  agent: z.strictObject({ name: z.string(), id: z.string(), version: z.number() }),
  environment_id: z.string(),
  would: lines,
  tools: z.array(
    z.strictObject({
      service: z.string(),
      tool: z.string(),
      class: z.string(),
      agent: verdict,
      person: verdict,
      verdict,
    }),
  ),
});

export const startSession = {
  request: z.strictObject({
    agent: z.string(),
    /** With the vault of the agent itself, not with that of whoever asks. */
    asAgent: z.optional(z.boolean()),
    title: z.optional(z.string()),
    /** Whether a session begins it, whose token is handed over. A console that does not know of this refuses it. */
    begun: z.optional(z.boolean()),
    /** In cents. */
    budget: z.optional(z.string()),
    without: z.array(z.string()),
    message: z.optional(z.string()),
    end: z.boolean(),
    stopAfter: z.optional(limit),
    dryRun: z.boolean(),
  }),
  result: z.union([plannedSession, z.strictObject({ ...started, ended, ...turn }), z.strictObject(started)]),
};

export const answerCall = {
  request: z.strictObject({
    session: z.string(),
    call: z.string(),
    answer: z.union([
      z.strictObject({ kind: z.literal('yes') }),
      z.strictObject({ kind: z.literal('no'), reason: z.string() }),
      z.strictObject({ kind: z.literal('result'), text: z.string() }),
    ]),
    digest: z.optional(z.string()),
  }),
  result: z.strictObject({
    session_id: z.string(),
    ...call,
    answer: z.enum(['yes', 'no', 'result']),
    already: z.boolean(),
    /** Until when another person has to say yes as well; nothing was sent yet. */
    waits_until: z.optional(z.string()),
  }),
};

export const listApprovals = {
  request: z.strictObject({ watch: z.boolean() }),
  result: z.strictObject({
    asks: z.array(
      z.strictObject({
        session_id: z.string(),
        owner: z.nullable(owner),
        agent: z.string(),
        /** Whether it is a call of one's own session. */
        as: z.enum(['owner', 'approver']),
        ...call,
        /** Null where they cannot be shown to this person, as is their digest. */
        arguments: z.unknown(),
        digest: text,
        answer: text,
        /** Whose yes it takes in the place of the owner's. */
        approvers: text,
        /** Yeses that wait for another one. */
        yeses: z.array(z.strictObject({ by: z.string(), until: z.string() })),
      }),
    ),
    beside: z.strictObject({ lines }),
  }),
};

export const listSessions = {
  request: z.strictObject({ all: z.boolean(), usage: z.boolean() }),
  result: z.strictObject({
    sessions: z.array(
      z.strictObject({
        session_id: z.string(),
        status: z.string(),
        state: z.string(),
        asks: z.array(waiting),
        reason: text,
        owner: z.nullable(owner),
        agent: z.string(),
        started_at: z.string(),
        vault_ids: z.array(z.string()),
        tools: z.array(
          z.strictObject({
            service: z.string(),
            on: z.number(),
            auto: z.number(),
            ask: z.number(),
            open: z.boolean(),
          }),
        ),
        usage: z.optional(usage),
      }),
    ),
    /** The state of each in words. */
    beside: z.strictObject({ states: lines }),
  }),
};

export const verifySessions = {
  request: z.strictObject({
    session: z.optional(z.string()),
    all: z.boolean(),
    stop: z.boolean(),
    dryRun: z.boolean(),
  }),
  result: z.strictObject({
    sessions: z.array(
      z.strictObject({
        session_id: z.string(),
        owner: z.nullable(owner),
        state: z.enum(['as started', 'ended']),
        /** There where it had tokens of its own and they were taken back: it calls their servers no more. */
        tokens: z.optional(z.literal('taken back')),
        compared_with: z.string(),
      }),
    ),
  }),
};

export const showSession = {
  request: z.strictObject({ session: z.string() }),
  result: z.strictObject({
    session_id: z.string(),
    owner: z.nullable(owner),
    agent: z.string(),
    started_at: z.string(),
    ended_at: text,
    status: z.string(),
    state: z.string(),
    usage,
    budget: z.nullable(z.strictObject({ amount: z.string(), currency: z.string() })),
    turns: z.array(
      z.strictObject({
        message_id: z.string(),
        at: text,
        message: z.string(),
        answer: z.string(),
        calls: z.array(
          z.strictObject({
            ...call,
            outcome: z.enum(['ran', 'refused', 'yes', 'no', 'result', 'open']),
            failed: z.nullable(z.boolean()),
          }),
        ),
        errors: z.array(z.strictObject({ type: z.string(), message: z.string(), service: text })),
        stop_reason: text,
        interrupted: z.boolean(),
      }),
    ),
    asks: z.array(waiting),
    /** Of each ask, why its yes is not to be given by whoever looks; null where it is. */
    beside: z.strictObject({ state: z.string(), waiting: lines, no_yes: z.array(text) }),
  }),
};

export const stopSession = {
  request: z.strictObject({ session: z.string(), interrupt: z.boolean(), dryRun: z.boolean() }),
  result: z.strictObject({
    session_id: z.string(),
    ended: z.string(),
    archived_at: text,
    /** The sessions that it began with tokens of its own, and those again: they end with it. */
    begun: z.optional(z.array(z.string())),
  }),
};

export const stopIdleSessions = {
  request: z.strictObject({ idleForMs: z.number(), all: z.boolean(), dryRun: z.boolean() }),
  result: z.strictObject({
    sessions: z.array(
      z.strictObject({
        session_id: z.string(),
        owner: z.nullable(owner),
        idle_since: z.string(),
        ended: z.boolean(),
        outcome: z.string(),
      }),
    ),
  }),
};

export type WaitingCall = z.output<typeof waiting>;
export type UsageValue = z.output<typeof usage>;
export type SendRequest = z.output<typeof sendMessage.request>;
export type AttachRequest = z.output<typeof attachSession.request>;
export type FollowedTurn = z.output<typeof sendMessage.result>;
export type TurnValue = Omit<FollowedTurn, 'session_id' | 'ended'>;
export type StartRequest = z.output<typeof startSession.request>;
export type StartResult = z.output<typeof startSession.result>;
export type AnswerRequest = z.output<typeof answerCall.request>;
export type AnsweredCall = z.output<typeof answerCall.result>;
export type ApprovalsRequest = z.output<typeof listApprovals.request>;
export type Approvals = z.output<typeof listApprovals.result>;
export type ListRequest = z.output<typeof listSessions.request>;
export type ListedSessions = z.output<typeof listSessions.result>;
export type VerifyRequest = z.output<typeof verifySessions.request>;
export type VerifiedSessions = z.output<typeof verifySessions.result>;
export type ShowRequest = z.output<typeof showSession.request>;
export type ShownSession = z.output<typeof showSession.result>;
export type StopRequest = z.output<typeof stopSession.request>;
export type StoppedSession = z.output<typeof stopSession.result>;
export type StopIdleRequest = z.output<typeof stopIdleSessions.request>;
export type StoppedIdle = z.output<typeof stopIdleSessions.result>;
