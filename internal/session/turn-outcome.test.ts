import { expect, test } from 'vitest';
import { exitCodeOf } from '../errors/exit-codes.ts';
import { PlatformError } from '../platform/client.ts';
import { readEvent } from './event.ts';
import type { TurnEnd, TurnResult } from './turn.ts';
import { judgeTurn } from './turn-outcome.ts';

const lost = new PlatformError('platform_outcome_unknown', 'the answer was lost', { cause: undefined });

function result(end: TurnEnd, changes: Partial<TurnResult> = {}): TurnResult {
  const nothing = {
    answer: '',
    errors: [],
    denied: [],
    asks: [],
    allowed: 0,
    usage: undefined,
    copies: 1,
    unknown: false,
    interrupted: false,
    usedUp: undefined,
  };
  return { sessionId: 'sesn_1', messageId: 'sevt_1', end, ...nothing, ...changes };
}

function idle(type: string, explanation?: string): TurnEnd {
  return { kind: 'idle', reason: { type, eventIds: [], explanation } };
}

const because = (type: string, service?: string): Partial<TurnResult> => ({
  errors: [{ type, message: 'why', service, retry: 'exhausted' }],
});

test.each<[string, TurnEnd, Partial<TurnResult>, string, number, string]>([
  ['refusal', idle('refusal', 'cyber'), {}, 'model_refused', 1, 'the same words are refused again'],
  ['budget', idle('budget_reached'), {}, 'budget_reached', 1, 'raises the budget'],
  [
    'a sign-in',
    idle('retries_exhausted'),
    because('mcp_authentication_failed_error', 'notion'),
    'connection_needed',
    4,
    'service-connection check notion',
  ],
  [
    'a service away',
    idle('retries_exhausted'),
    because('mcp_connection_failed_error', 'notion'),
    'service_unreachable',
    1,
    'try again later',
  ],
  ['billing', idle('retries_exhausted'), because('billing_error'), 'billing', 1, 'ask whoever pays'],
  ['overload', idle('retries_exhausted'), because('model_overloaded_error'), 'model_overloaded', 1, 'wait a while'],
  [
    'rate limit',
    idle('retries_exhausted'),
    because('model_rate_limited_error'),
    'model_rate_limited',
    1,
    'wait a while',
  ],
  [
    'what is new to us',
    idle('retries_exhausted'),
    because('new_error'),
    'session_failed',
    1,
    'no tool was called until then',
  ],
  ['no reason', idle('retries_exhausted'), {}, 'session_failed', 1, 'no tool was called until then'],
  ['a stop reason that is new to us', idle('new_reason'), {}, 'session_failed', 1, 'no tool was called until then'],
  ['terminated for billing', { kind: 'terminated' }, because('billing_error'), 'billing', 1, 'ask whoever pays'],
  ['terminated', { kind: 'terminated' }, {}, 'session_ended', 1, 'no tool was called until then'],
  ['archived', { kind: 'archived' }, {}, 'session_ended', 1, 'somebody ended it'],
  ['deleted', { kind: 'deleted' }, {}, 'session_ended', 1, 'somebody deleted it'],
  ['dropped', { kind: 'dropped' }, {}, 'session_failed', 1, 'setup-session attach sesn_1'],
  ['lost', { kind: 'unseen', error: lost }, {}, 'platform_outcome_unknown', 1, 'look before you send it again'],
  [
    'rescheduling',
    { kind: 'timed_out', status: 'rescheduling', rescheduled: true, begun: true },
    {},
    'timed_out',
    1,
    'setup-session stop sesn_1',
  ],
])('%s has its words, its code and a way on', (_case, end, changes, code, exit, hint) => {
  const outcome = judgeTurn(result(end, changes));
  expect(outcome).toMatchObject({ code, hint: expect.stringContaining(hint) });
  expect(exitCodeOf[code as keyof typeof exitCodeOf]).toBe(exit);
  // Where calls were made, no hint leads to the same message.
  const made = judgeTurn(result(end, { ...changes, allowed: 2 }));
  expect(typeof made === 'object' && made.hint).not.toMatch(/run (it|the command) again/);
  if (end.kind === 'idle') expect(made).toMatchObject({ hint: expect.stringContaining('2 tool calls were made') });
});

test('connections are blamed for connection errors alone', () => {
  for (const type of ['billing_error', 'model_overloaded_error', 'unknown_error']) {
    const outcome = judgeTurn(result(idle('retries_exhausted'), because(type)));
    expect(JSON.stringify(outcome, ['message', 'hint'])).not.toContain('service-connection');
  }
});

test('a name from outside is no word of a command', () => {
  const outcome = judgeTurn(
    result(idle('retries_exhausted'), because('mcp_authentication_failed_error', 'x; rm -r y')),
  );
  expect(outcome).toMatchObject({ hint: expect.stringMatching(/^see to it: service-connection list;/) });
});

test.each<[unknown, unknown]>([
  [
    { type: 'session.status_idle', id: 'a' },
    { kind: 'idle', reason: { type: 'unknown', eventIds: [] } },
  ],
  [
    { type: 'session.status_idle', id: 'a', stop_reason: null, processed_at: null },
    { kind: 'idle', at: undefined },
  ],
  [
    { type: 'session.error', id: 'a', error: null },
    { kind: 'error', error: { type: 'unknown_error', retry: 'unknown' } },
  ],
  [
    { type: 'agent.message', id: 'a', content: [null, { type: 'redacted' }, { text: 'x' }] },
    { kind: 'answer', text: 'x' },
  ],
  [
    { type: 'agent.mcp_tool_use', id: 'a' },
    { kind: 'call', permission: undefined, call: { service: undefined } },
  ],
  [
    { type: 'session.usage', id: 'a', usage: { list_cost: 3 } },
    { kind: 'usage', usage: { listCost: undefined } },
  ],
  [{ type: 'from.tomorrow', id: 'a' }, { kind: 'other' }],
])('an event that lacks members has a meaning: %j', (value, expected) => {
  expect(readEvent(value)).toMatchObject(expected as object);
});

test.each([[null], ['x'], [{}], [{ type: 'agent.message' }], [{ id: 'a' }]])('%j is no event', (value) => {
  expect(readEvent(value)).toBeUndefined();
});
