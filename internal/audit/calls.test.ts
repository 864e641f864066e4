/** Calls come out the same in whatever order, and however often, their events come. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { SessionCalls } from './calls.ts';

const at = (second: number) => new Date(Date.UTC(2026, 10, 30, 12, 0, second)).toISOString();
const call = (id: string, second: number, more: object = {}) => ({
  type: 'agent.mcp_tool_use',
  id,
  processed_at: at(second),
  mcp_server_name: 'notion',
  name: 'search',
  input: { b: 1, a: id },
  evaluated_permission: 'ask',
  ...more,
});
const answer = (id: string, to: string, second: number, result = 'allow') => ({
  type: 'user.tool_confirmation',
  id,
  processed_at: at(second),
  tool_use_id: to,
  result,
});
const result = (id: string, to: string, second: number, is_error = false) => ({
  type: 'agent.mcp_tool_result',
  id,
  processed_at: at(second),
  mcp_tool_use_id: to,
  is_error,
});
const idle = (id: string, second: number, type = 'end_turn') => ({
  type: 'session.status_idle',
  id,
  processed_at: at(second),
  stop_reason: { type },
});

function read(events: readonly unknown[], { ended = false, restingSince = Date.parse(at(0)) } = {}) {
  const calls = new SessionCalls(false);
  for (const event of events) calls.take(event);
  const { over, waiting } = calls.settled({ ended, restingSince });
  const byId = <Each extends { id: string }>(all: Each[]) => all.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { over: byId(over), waiting: byId(waiting), lastAt: calls.lastAt, unknown: calls.unknownTypes.sort() };
}

const history = [
  call('A', 1),
  answer('a', 'A', 2),
  answer('late', 'A', 9, 'deny'),
  result('ra', 'A', 3),
  call('B', 4, { session_thread_id: 'sthr_1' }),
  result('rb', 'B', 5, true),
  call('C', 6),
  call('D', 7, { type: 'agent.custom_tool_use', mcp_server_name: undefined, evaluated_permission: undefined }),
  { type: 'user.custom_tool_result', id: 'rd', processed_at: at(8), custom_tool_use_id: 'D' },
  idle('i', 10, 'requires_action'),
  { type: 'agent.new_kind_of_use', id: 'n', processed_at: at(11) },
  { type: 'agent.message', id: 'm', processed_at: at(11), content: [] },
];

test('in any order, and with events that come twice, it is the same', () => {
  const expected = read(history);
  expect(expected.over).toMatchObject([
    {
      id: 'A',
      answer: { event: 'a', answer: 'allow' },
      result: 'success',
      input: sha256(canonicalJson({ a: 'A', b: 1 })),
    },
    { id: 'B', thread: 'sthr_1', answer: undefined, result: 'failure' },
    { id: 'D', service: 'custom', permission: 'unknown', answer: { event: 'rd', answer: 'result' }, result: 'success' },
  ]);
  expect(expected.waiting).toMatchObject([{ id: 'C', result: undefined }]);
  expect([expected.lastAt, expected.unknown]).toEqual([at(11), ['agent.new_kind_of_use']]);
  fc.assert(
    fc.property(
      fc.shuffledSubarray(history, { minLength: history.length }),
      fc.subarray(history),
      (shuffled, again) => {
        expect(read([...shuffled, ...again])).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

describe('a call without a result', () => {
  const open = [call('A', 1)];
  test.each<[string, unknown[], object, 'over' | 'waiting']>([
    ['goes on', open, {}, 'waiting'],
    ['is over where the session has ended', open, { ended: true }, 'over'],
    [
      'is over where the session came to rest after it',
      [...open, idle('i', 2)],
      { restingSince: Date.parse(at(2)) },
      'over',
    ],
    [
      'is over also where the session came to rest at some other time that nobody knows',
      [...open, { ...idle('j', 2), processed_at: null }, idle('i', 2)],
      { restingSince: Date.parse(at(2)) },
      'over',
    ],
    [
      'goes on where that was a moment ago: its result may be on the way',
      [...open, idle('i', 2)],
      { restingSince: Date.parse(at(1)) },
      'waiting',
    ],
    ['goes on where that was before it', [idle('i', 0), ...open], { restingSince: Date.parse(at(9)) }, 'waiting'],
    [
      'goes on where the session rests on a call',
      [...open, idle('i', 2, 'requires_action')],
      { restingSince: Date.parse(at(9)) },
      'waiting',
    ],
    [
      'goes on where nobody knows when it was',
      [call('A', 1, { processed_at: null }), idle('i', 2)],
      { restingSince: Date.parse(at(9)) },
      'waiting',
    ],
  ])('%s', (_what, events, how, where) => {
    const found = read(events, how);
    expect(found[where].map(({ id }) => id)).toEqual(['A']);
  });
});

test('what is no event, and what is nested too deep, is harmless', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  const found = read(
    [
      null,
      7,
      {},
      { type: 'agent.tool_use' },
      call('A', 1, { input: deep }),
      call('B', 2, { input: undefined, name: 7 }),
    ],
    {
      ended: true,
    },
  );
  expect(found.over).toMatchObject([
    { id: 'A', input: 'nested too deep', characters: 0 },
    { id: 'B', tool: 'unknown', input: sha256('null') },
  ]);
});
