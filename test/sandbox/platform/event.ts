import type { BetaManagedAgentsSessionEvent } from '@anthropic-ai/sdk/resources/beta/sessions/events';

/** An event as history and streams carry it. */
export type SessionEvent = BetaManagedAgentsSessionEvent;

/** The event of one type. */
export type EventOf<Type extends SessionEvent['type']> = Extract<SessionEvent, { type: Type }>;

type WithoutStamp<E> = E extends unknown ? Omit<E, 'id' | 'processed_at'> : never;

/** An event before it has an id and a time. */
export type NewEvent = WithoutStamp<SessionEvent>;

/** Why a turn ended. */
export type StopReason = EventOf<'session.status_idle'>['stop_reason'];

/** Every type that history can hold, for the `types[]` filter. */
export const eventTypes = [
  'user.message',
  'user.interrupt',
  'user.tool_confirmation',
  'user.custom_tool_result',
  'user.tool_result',
  'user.define_outcome',
  'system.message',
  'agent.message',
  'agent.thinking',
  'agent.tool_use',
  'agent.tool_result',
  'agent.mcp_tool_use',
  'agent.mcp_tool_result',
  'agent.custom_tool_use',
  'agent.thread_message_sent',
  'agent.thread_message_received',
  'agent.thread_context_compacted',
  'session.status_running',
  'session.status_idle',
  'session.status_rescheduled',
  'session.status_terminated',
  'session.updated',
  'session.error',
  'session.usage',
  'session.deleted',
  'session.thread_created',
  'session.thread_status_running',
  'session.thread_status_idle',
  'session.thread_status_rescheduled',
  'session.thread_status_terminated',
  'span.model_request_start',
  'span.model_request_end',
  'span.outcome_evaluation_start',
  'span.outcome_evaluation_ongoing',
  'span.outcome_evaluation_end',
  'workflow_run.created',
  'workflow_run.status_running',
  'workflow_run.status_idle',
  'workflow_run.status_ended',
  'workflow_run.phase_started',
  'workflow_run.phase_ended',
  'workflow_run.error',
] as const satisfies SessionEvent['type'][];
