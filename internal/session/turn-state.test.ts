import { expect, test } from 'vitest';
import { readEvent, type SessionEvent } from './event.ts';
import { TurnState } from './turn-state.ts';

/** An event of so many seconds past the hour; without them it waits in the queue. */
function event(id: string, type: string, second: number | undefined, more: object = {}): SessionEvent {
  const at = second === undefined ? null : `2026-11-29T09:00:${String(second).padStart(2, '0')}Z`;
  const read = readEvent({ id, type, processed_at: at, ...more });
  if (typeof read !== 'object') throw new Error(`${type} is no event`);
  return read;
}

const message = (id: string, text: string, second?: number) =>
  event(id, 'user.message', second, { content: [{ type: 'text', text }] });
const says = (id: string, text: string, second?: number) =>
  event(id, 'agent.message', second, { content: [{ type: 'text', text }] });
const calls = (id: string, permission: string, second: number) =>
  event(id, 'agent.tool_use', second, { name: 'read', input: {}, evaluated_permission: permission });
const yes = (id: string, call: string, second?: number) =>
  event(id, 'user.tool_confirmation', second, { tool_use_id: call, result: 'allow' });
const idle = (id: string, second: number, type = 'end_turn', ids: string[] = []) =>
  event(id, 'session.status_idle', second, { stop_reason: { type, event_ids: ids } });
const failed = (id: string, type: string, second: number) =>
  event(id, 'session.error', second, { error: { type, message: '', retry_status: { type: 'exhausted' } } });

/** Ours is `own`, which says "ours"; `first` was there before it. */
function ours() {
  const told: string[] = [];
  const mark = { messageId: 'own', text: 'ours', earlier: new Set(['first']) };
  const tell = (text: string) => void told.push(text);
  return { state: new TurnState({ text: tell, note: tell, warn: tell }, mark), told };
}

function anybodys() {
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  return { state: new TurnState({ text: tell, note: tell, warn: tell }, undefined), told };
}

test('what comes by stream and in the history, and more than once, counts and is told once', () => {
  const { state, told } = ours();
  const events = [message('own', 'ours', 1), calls('c', 'allow', 2), failed('e', 'x', 3), says('a', 'yes', 4)];
  for (const each of events) state.take(each, 'stream');
  for (const each of events) state.take(each, 'stream');
  state.beginHistory();
  for (const each of events) state.take(each, 'history');
  expect([state.answer, state.allowed, state.errors.size, told.length]).toEqual(['yes', 1, 1, 3]);
});

test('what was before our message is none of its turn, by stream or replayed behind it', () => {
  const { state, told } = ours();
  state.take(says('old', 'before', 1), 'stream');
  state.take(idle('i', 2), 'stream');
  state.take(says('same', 'in the same instant', 3), 'stream');
  state.take(message('own', 'ours', 3), 'stream');
  state.take(says('old', 'before', 1), 'stream');
  state.take(says('same', 'in the same instant', 3), 'stream');
  // Never seen here, and older than our message.
  state.take(says('older', 'long before', 0), 'stream');
  state.take(idle('j', 2), 'stream');
  expect([state.answer, state.end, told]).toEqual(['', undefined, []]);
  state.take(says('new', 'after', 4), 'stream');
  expect(state.answer).toBe('after');
});

test('what a stream brought too early is told where the history shows it behind our message', () => {
  const { state } = ours();
  state.take(says('a', 'quick', 3), 'stream');
  state.take(message('own', 'ours', 3), 'stream');
  expect(state.answer).toBe('');
  state.beginHistory();
  for (const each of [says('o', 'other', 2), message('own', 'ours', 3), says('a', 'quick', 3)]) {
    state.take(each, 'history');
  }
  expect(state.answer).toBe('quick');
});

test('a history that is read again believes nothing to be behind our message before it has passed it', () => {
  const { state } = ours();
  state.take(message('own', 'ours', 3), 'history');
  state.beginHistory();
  state.take(says('o', 'other', 2), 'history');
  expect(state.answer).toBe('');
});

test('our message has begun when it was processed, not when it was queued', () => {
  const { state } = ours();
  state.take(message('own', 'ours'), 'stream');
  state.take(says('a', 'to somebody else', 2), 'stream');
  expect([state.begun, state.answer]).toEqual([false, '']);
  state.take(message('own', 'ours', 3), 'stream');
  expect(state.begun).toBe(true);
});

test('what came to an end before our message began is for the history to tell', () => {
  const { state } = ours();
  state.take(idle('i', 1), 'stream');
  expect([state.othersIdle, state.end]).toEqual([true, undefined]);
});

test('what comes after the end of our turn is of another one; after a question it goes on', () => {
  const { state } = ours();
  state.take(message('own', 'ours', 1), 'stream');
  state.take(calls('c', 'ask', 2), 'stream');
  state.take(idle('q', 3, 'requires_action', ['c']), 'stream');
  expect(state.asks.map(({ tool }) => tool)).toEqual(['read']);
  state.take(yes('y', 'c', 4), 'stream');
  state.take(event('r', 'session.status_running', 4), 'stream');
  expect([state.end, state.asks, state.allowed]).toEqual([undefined, [], 1]);
  state.take(says('a', 'done', 5), 'stream');
  state.take(idle('i', 6), 'stream');
  state.take(message('m', 'another', 7), 'stream');
  state.take(says('b', 'to another', 8), 'stream');
  state.take(event('s', 'session.status_running', 8), 'stream');
  expect([state.answer, state.end]).toMatchObject(['done', { kind: 'idle', reason: { type: 'end_turn' } }]);
});

test('without a mark the last turn counts, and one that is queued has not begun', () => {
  const { state } = anybodys();
  const first = [message('m', 'one', 1), says('a', 'first', 2), failed('e', 'x', 2), idle('i', 3)];
  for (const each of [...first, message('n', 'two', 4), says('b', 'second', 5)]) state.take(each, 'history');
  state.take(message('o', 'three'), 'stream');
  expect([state.answer, state.errors.size, state.end]).toEqual(['second', 0, undefined]);
  state.take(says('c', ' and more', 6), 'stream');
  expect(state.answer).toBe('second\n and more');
  state.take(message('o', 'three', 7), 'stream');
  expect(state.answer).toBe('');
});

test('a yes that waits in the queue and then comes is one yes', () => {
  const { state } = ours();
  for (const each of [message('own', 'ours', 1), calls('c', 'ask', 2), yes('y', 'c'), yes('y', 'c', 3)]) {
    state.take(each, 'stream');
  }
  expect(state.allowed).toBe(1);
});

test('a message is there as often as it has ids, those before it aside', () => {
  const { state } = ours();
  state.take(message('first', 'ours', 0), 'history');
  state.take(message('own', 'ours', 1), 'history');
  state.take(message('own', 'ours', 1), 'stream');
  expect(state.copies).toBe(1);
  state.take(message('twin', 'ours', 2), 'history');
  expect(state.copies).toBe(2);
});

test('errors of one kind are one, and the last one is the last', () => {
  const { state } = anybodys();
  for (const each of [failed('1', 'x', 1), failed('2', 'y', 2), failed('3', 'x', 3)]) state.take(each, 'stream');
  expect([...state.errors.values()].map(({ type }) => type)).toEqual(['y', 'x']);
});

test('a session that was deleted has ended, whatever else it did; one that terminated says how its turn had ended', () => {
  const { state } = ours();
  state.take(message('own', 'ours', 1), 'stream');
  state.take(idle('i', 2), 'stream');
  state.take(event('t', 'session.status_terminated', 3), 'stream');
  expect(state.end).toMatchObject({ kind: 'idle' });
  state.take(event('d', 'session.deleted', 4), 'stream');
  expect(state.end).toEqual({ kind: 'deleted' });
});

test('what waits is told with its id alone where its own event was not seen', () => {
  const { state } = ours();
  state.take(message('own', 'ours', 1), 'stream');
  state.take(idle('q', 3, 'requires_action', ['unseen']), 'stream');
  expect(state.asks).toEqual([{ eventId: 'unseen', service: undefined, tool: undefined, input: undefined }]);
});

test('the denied are counted, and not kept without end', () => {
  const { state } = anybodys();
  for (let index = 0; index < 500; index += 1) state.take(calls(`c${index}`, 'deny', 1), 'stream');
  expect(state.denied).toHaveLength(200);
});
