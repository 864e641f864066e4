/**
 * The events of a session, read once at the door: from its history and from its stream. What is missing, null or of a kind
 * that this version does not know has its meaning here, so that nothing behind this file meets it. Pure.
 */

export interface ToolCall {
  /** The id of the event that announced it, which is also what a yes or no names. */
  eventId: string;
  /** The name of the MCP server, `builtin`, `custom`, or undefined where the call itself was not seen. */
  service: string | undefined;
  tool: string | undefined;
  input: unknown;
  /** The thread of the sub-agent that makes it; undefined for the agent of the session itself. */
  thread?: string | undefined;
}

/** Something that went wrong in a session, in the platform's words. */
export interface SessionError {
  /** Such as `mcp_authentication_failed_error`. */
  type: string;
  message: string;
  /** The MCP server that it is about. */
  service: string | undefined;
  /** `retrying`, `exhausted` (the turn is over), `terminal` (the session is), or a word that this version does not know. */
  retry: string;
}

/** What a session has cost so far, as the platform tells it: it adds up over all turns. */
export interface Usage {
  inputTokens: number | undefined;
  outputTokens: number | undefined;
  activeSeconds: number | undefined;
  /** At list price, in the smallest unit of the currency, as text. */
  listCost: { amount: string; currency: string } | undefined;
}

/** Why a session went idle. */
export interface StopReason {
  /** `end_turn`, `requires_action`, `retries_exhausted`, `budget_reached`, `refusal`, or a word that this version does not know. */
  type: string;
  /** The calls that wait, with `requires_action`. */
  eventIds: readonly string[];
  /** What the platform says about a refusal. */
  explanation: string | undefined;
}

/** One event. `at` is when it was processed, in RFC 3339; undefined for what waits in the queue. */
export type SessionEvent = { id: string; at: string | undefined } & (
  | { kind: 'answer'; text: string }
  | { kind: 'message'; text: string }
  | { kind: 'call'; call: ToolCall; permission: 'allow' | 'ask' | 'deny' | undefined }
  | { kind: 'result'; callId: string; failed: boolean }
  | { kind: 'confirmation'; callId: string; allowed: boolean }
  | { kind: 'error'; error: SessionError }
  | { kind: 'idle'; reason: StopReason }
  | { kind: 'usage'; usage: Usage }
  /** One request to the model has ended. */
  | { kind: 'spent'; tokens: number }
  | { kind: 'interrupt' | 'running' | 'rescheduled' | 'terminated' | 'deleted' | 'other' }
);

/** Carried by streams only and never stored; the whole event follows. */
const previews: readonly unknown[] = ['event_start', 'event_delta', 'ping'];

/**
 * What is read of a history to follow a turn: all that is told apart below but what tools gave, which is most of a history and
 * shown to nobody.
 */
export const turnTypes = [
  'user.message',
  'user.interrupt',
  'user.tool_confirmation',
  'agent.message',
  'agent.tool_use',
  'agent.mcp_tool_use',
  'agent.custom_tool_use',
  'session.error',
  'session.usage',
  'session.status_running',
  'session.status_idle',
  'session.status_rescheduled',
  'session.status_terminated',
  'span.model_request_end',
] as const;

/** Reads an event. `preview` for what a stream says beside events, undefined for what is none. */
export function readEvent(value: unknown): SessionEvent | 'preview' | undefined {
  const event = record(value);
  if (previews.includes(event['type'])) return 'preview';
  const [id, type] = [text(event['id']), text(event['type'])];
  if (id === undefined || type === undefined) return undefined;
  return { id, at: text(event['processed_at']), ...contentOf(type, id, event) };
}

type Content = SessionEvent extends infer Each ? (Each extends unknown ? Omit<Each, 'id' | 'at'> : never) : never;

function contentOf(type: string, id: string, event: Fields): Content {
  switch (type) {
    case 'agent.message':
      return { kind: 'answer', text: textOf(event['content']) };
    case 'user.message':
      return { kind: 'message', text: textOf(event['content']) };
    case 'agent.tool_use':
      return callOf(id, 'builtin', event);
    case 'agent.mcp_tool_use':
      return callOf(id, text(event['mcp_server_name']), event);
    case 'agent.custom_tool_use':
      return callOf(id, 'custom', event);
    case 'agent.tool_result':
    case 'user.tool_result':
      return resultOf(event['tool_use_id'], event);
    case 'agent.mcp_tool_result':
      return resultOf(event['mcp_tool_use_id'], event);
    case 'user.custom_tool_result':
      return resultOf(event['custom_tool_use_id'], event);
    case 'user.tool_confirmation':
      return { kind: 'confirmation', callId: text(event['tool_use_id']) ?? '', allowed: event['result'] === 'allow' };
    case 'user.interrupt':
      return { kind: 'interrupt' };
    case 'span.model_request_end':
      return { kind: 'spent', tokens: tokensOf(record(event['model_usage'])) };
    case 'session.error':
      return { kind: 'error', error: errorOf(record(event['error'])) };
    case 'session.status_idle':
      return { kind: 'idle', reason: reasonOf(record(event['stop_reason']), record(event['stop_details'])) };
    case 'session.usage':
      return { kind: 'usage', usage: readUsage(event['usage']) };
    case 'session.status_running':
      return { kind: 'running' };
    case 'session.status_rescheduled':
      return { kind: 'rescheduled' };
    case 'session.status_terminated':
      return { kind: 'terminated' };
    case 'session.deleted':
      return { kind: 'deleted' };
    default:
      return { kind: 'other' };
  }
}

function callOf(eventId: string, service: string | undefined, event: Fields): Content {
  const permission = (['allow', 'ask', 'deny'] as const).find((each) => each === event['evaluated_permission']);
  const thread = text(event['session_thread_id']);
  const call = {
    eventId,
    service,
    tool: text(event['name']),
    input: event['input'],
    ...(thread !== undefined && { thread }),
  };
  return { kind: 'call', call, permission };
}

function resultOf(callId: unknown, event: Fields): Content {
  return { kind: 'result', callId: text(callId) ?? '', failed: event['is_error'] === true };
}

/** All tokens of one request to the model: those from the prompt cache cost less, and count. */
function tokensOf(usage: Fields): number {
  const kinds = ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'];
  return kinds.reduce((sum, kind) => sum + (count(usage[kind]) ?? 0), 0);
}

function errorOf(error: Fields): SessionError {
  return {
    type: text(error['type']) ?? 'unknown_error',
    message: text(error['message']) ?? '',
    service: text(error['mcp_server_name']),
    retry: text(record(error['retry_status'])['type']) ?? 'unknown',
  };
}

function reasonOf(reason: Fields, details: Fields): StopReason {
  const ids = reason['event_ids'];
  return {
    type: text(reason['type']) ?? 'unknown',
    eventIds: Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [],
    explanation: text(details['explanation']) ?? text(details['category']),
  };
}

/** Reads a usage, of an event or of a session. */
export function readUsage(value: unknown): Usage {
  const usage = record(value);
  const cost = record(usage['list_cost']);
  const [amount, currency] = [text(cost['amount']), text(cost['currency'])];
  return {
    inputTokens: count(usage['input_tokens']),
    outputTokens: count(usage['output_tokens']),
    activeSeconds: count(usage['active_seconds']),
    listCost: amount === undefined || currency === undefined ? undefined : { amount, currency },
  };
}

/** The texts of content blocks; images and blocks that the platform blacked out are left out. */
function textOf(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content.map((block) => text(record(block)['text']) ?? '').join('');
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
