import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallRule, RuleFile } from '../../config/definitions.ts';
import { linearPattern } from '../../text/linear-pattern.ts';
import { asksForSignIn, type CallFacts, judgeCall } from './judge.ts';

const approvers = { groups: ['leads'], principals: [], persons: 1 as const };
const now = new Date('2026-11-30T10:00:00Z');
const call: CallFacts = {
  service: 'notion',
  tool: 'create',
  agent: 'support',
  input: { title: 'Roadmap', pages: [{ id: 'a' }], n: 3, 'a/b~': true },
  now,
  startedAt: new Date('2026-11-30T09:00:00Z'),
  signIn: { shown: { acr: 'loa2', amr: ['pwd', 'otp'], authTime: now.getTime() / 1000 - 1200 } },
  matches(source, text) {
    const pattern = linearPattern(source);
    if ('problem' in pattern) throw new Error(pattern.problem);
    return pattern.isIn(text);
  },
  detected: { secrets: [], personal_data: ['an IBAN'] },
};
const file = (...rules: Partial<CallRule>[]): RuleFile[] => [
  { name: 'f', rules: Object.fromEntries(rules.map((rule, index) => [`r${index}`, { outcome: 'allow', ...rule }])) },
];
const outcome = (rules: Partial<CallRule>[], facts: Partial<CallFacts> = {}) =>
  judgeCall(file(...rules), { ...call, ...facts }).outcome;

test.each<[string, Partial<CallRule>]>([
  ['everything', {}],
  ['its service and tool', { service: 'notion', tools: ['other', 'create'], agents: ['support'] }],
  ['a text', { arguments: { '/title': { equals: 'Roadmap' } } }],
  ['a number and an escaped name', { arguments: { '/n': { one_of: [1, 3] }, '/a~1b~0': { equals: true } } }],
  ['a pattern', { arguments: { '/title': { matches: '^[A-Z][a-z]+$', longest: 7 } } }],
  ['what is not there', { arguments: { '/parent': { absent: true } } }],
  ['a list of some length', { arguments: { '/pages': { longest: 1 }, '/pages/0/id': { equals: 'a' } } }],
  [
    'no more than named',
    {
      only: true,
      arguments: {
        '/title': { longest: 9 },
        '/pages': { longest: 1 },
        '/n': { equals: 3 },
        '/a~1b~0': { equals: true },
      },
    },
  ],
  ['a size', { largest: 100 }],
  ['nothing that is looked for', { free_of: ['secrets'] }],
  ['hours', { hours: [{ days: ['mon'], from: '09:00', to: '12:00', time_zone: 'UTC' }] }],
  ['an age', { session_age: '1h' }],
  ['a sign-in', { assurance: { acr: ['loa3', 'loa2'], amr: ['otp'], max_age: '20m' } }],
])('a rule holds for %s, and for nothing else', (_what, rule) => {
  expect(outcome([rule])).toBe('allow');
});

test.each<[string, Partial<CallRule>]>([
  ['another service', { service: 'slack' }],
  ['another tool', { service: 'notion', tools: ['delete'] }],
  ['another agent', { agents: ['editor'] }],
  ['another text', { arguments: { '/title': { equals: 'roadmap' } } }],
  ['a number as text', { arguments: { '/n': { equals: '3' } } }],
  ['what is not there', { arguments: { '/parent': { equals: 'x' } } }],
  ['a place behind the list', { arguments: { '/pages/1/id': { equals: 'a' } } }],
  ['a place that is no index', { arguments: { '/pages/00/id': { equals: 'a' } } }],
  ['what every object has', { arguments: { '/constructor/name': { equals: 'Object' } } }],
  ['a pattern', { arguments: { '/title': { matches: '^map' } } }],
  ['what must be absent', { arguments: { '/title': { absent: true } } }],
  ['more than is named', { only: true, arguments: { '/title': { equals: 'Roadmap' } } }],
  ['a size', { largest: 20 }],
  ['what is looked for', { free_of: ['secrets', 'personal_data'] }],
  ['what is not found', { holds: ['secrets'] }],
  ['hours', { hours: [{ days: ['mon'], from: '11:00', to: '12:00', time_zone: 'UTC' }] }],
  ['an age', { session_age: '59m' }],
  ['an authentication context', { assurance: { acr: ['loa3'] } }],
  ['a method more', { assurance: { amr: ['otp', 'hwk'] } }],
  ['a sign-in that is as old', { assurance: { max_age: '18m' } }],
])('a rule that asks for something else than %s is none: a person decides', (_what, rule) => {
  expect(outcome([rule])).toBe('person');
});

test('of those that hold, the narrowest counts, in any order', () => {
  const all = [
    {},
    { outcome: 'person' },
    { outcome: 'two_persons', approvers },
    { outcome: 'deny', message: 'no' },
  ] as const;
  for (const [index, wanted] of (['allow', 'person', 'two_persons', 'deny'] as const).entries()) {
    expect(outcome(all.slice(0, index + 1) as Partial<CallRule>[])).toBe(wanted);
    expect(outcome((all.slice(0, index + 1) as Partial<CallRule>[]).reverse())).toBe(wanted);
  }
  expect(judgeCall(file({ outcome: 'deny', message: 'not on Mondays' }), call)).toMatchObject({
    rule: 'rules/f.yaml: rules.r0',
    message: 'not on Mondays',
  });
});

test('of those that hold alike, the one that names people counts, in any order', () => {
  const owner: Partial<CallRule> = { outcome: 'person' };
  const leads: Partial<CallRule> = { outcome: 'person', approvers };
  const both: Partial<CallRule> = { outcome: 'person', approvers: { ...approvers, persons: 2 } };
  const unjudgeable: Partial<CallRule> = { arguments: { '/pages': { matches: 'x' } } };
  const named = (...rules: Partial<CallRule>[]) => {
    const verdict = judgeCall(file(...rules), call);
    return 'approvers' in verdict ? verdict.approvers : undefined;
  };
  for (const rules of [
    [owner, leads],
    [unjudgeable, leads],
  ]) {
    expect([named(...rules), named(...rules.toReversed())]).toEqual([approvers, approvers]);
  }
  expect([named(leads, both)?.persons, named(both, leads)?.persons]).toEqual([2, 2]);
});

describe('what cannot be judged is said of a person', () => {
  test.each<[string, Partial<CallRule>, Partial<CallFacts>]>([
    ['a list where a text is matched', { outcome: 'deny', arguments: { '/pages': { matches: 'x' } } }, {}],
    [
      'a text beyond all patterns',
      { arguments: { '/t': { matches: '^x+$' } } },
      { input: { t: 'x'.repeat(2 ** 20 + 1) } },
    ],
    ['a length of nothing that has one', { arguments: { '/n': { longest: 3 } } }, {}],
    ['a detector that failed', { free_of: ['secrets'] }, { detected: { secrets: { failed: 'too long' } } }],
    ['a detector that was not asked', { free_of: ['secrets'] }, { detected: {} }],
    ['a session of unknown age', { session_age: '1h' }, { startedAt: undefined }],
    ['a record that nobody can read', { assurance: { amr: ['otp'] } }, { signIn: { failed: 'altered' } }],
    ['a sign-in that nobody looked for', { assurance: { amr: ['otp'] } }, { signIn: undefined }],
    ['arguments without end', { largest: 10 }, { input: deep(100) }],
  ])('%s', (_what, rule, facts) => {
    // Beside one that says yes to everything.
    expect(outcome([{}, rule], facts)).toBe('person');
    expect(outcome([{}, rule, { outcome: 'deny' }], facts)).toBe('deny');
    // What would have taken two people takes two.
    expect(outcome([{}, { ...rule, outcome: 'two_persons', approvers }], facts)).toBe('two_persons');
  });

  test.each<[string, unknown, CallRule['arguments']]>([
    ['a number as text', { id: '3' }, { '/id': { equals: 3 } }],
    ['a text as number', { id: 3 }, { '/id': { one_of: ['2', '3'] } }],
    ['a list of one', { id: ['x'] }, { '/id': { equals: 'x' } }],
    ['arguments as JSON in a text', { pages: '[{"id":"x"}]' }, { '/pages/0/id': { equals: 'x' } }],
  ])('%s does not slip past a rule that refuses, nor through one that allows', (_what, input, named) => {
    for (const refusing of ['deny', 'person'] as const) {
      expect(outcome([{}, { outcome: refusing, arguments: named }], { input })).toBe('person');
    }
    expect(outcome([{}, { outcome: 'two_persons', approvers, arguments: named }], { input })).toBe('two_persons');
    expect(outcome([{ arguments: named }], { input })).toBe('person');
    // Beside another one that says yes, one that does not hold says nothing.
    expect(outcome([{}, { arguments: named }], { input })).toBe('allow');
  });

  test('a pattern whose engine fails', () => {
    const matches = () => {
      throw new RangeError('too much');
    };
    expect(outcome([{}, { arguments: { '/title': { matches: 'x' } }, outcome: 'deny' }], { matches })).toBe('person');
  });

  test('a sub-agent’s call', () => {
    expect(outcome([{}], { bySubAgent: true })).toBe('person');
  });
});

describe('a rule that asks how the owner had signed in', () => {
  const strong = { assurance: { amr: ['otp'] } };
  const unknown = { signIn: { unknown: 'no line' } };

  test.each<[string, Partial<CallRule>]>([
    ['no acr', { assurance: { acr: ['loa2'] } }],
    ['no amr', strong],
    ['no time', { assurance: { max_age: '12h' } }],
  ])('holds for no sign-in that shows %s, nor for one that nobody knows', (_what, rule) => {
    const nothing = { signIn: { shown: { acr: undefined, amr: [], authTime: undefined } } };
    for (const facts of [nothing, unknown]) {
      expect(outcome([rule], facts)).toBe('person');
      // Another rule that says yes does not need this one.
      expect(outcome([{}, rule], facts)).toBe('allow');
    }
  });

  test('and refuses is not passed by a sign-in that nobody knows', () => {
    expect(outcome([{}, { ...strong, outcome: 'deny' }])).toBe('deny');
    expect(outcome([{}, { ...strong, outcome: 'deny' }], unknown)).toBe('person');
    expect(outcome([{}, { ...strong, outcome: 'two_persons', approvers }], unknown)).toBe('two_persons');
  });

  test('is known before anything is looked for, for its own calls alone', () => {
    const rules = file({ service: 'slack', ...strong });
    expect([asksForSignIn(rules, call), asksForSignIn(rules, { ...call, service: 'slack' })]).toEqual([false, true]);
    expect(asksForSignIn(file({}), call)).toBe(false);
  });
});

// Patterns that cost others the square of the length, no more: four times the text would be sixteen times the work.
test.each(['a*b', '[a-z]+[0-9]'])('what a pattern costs grows with the text alone: %s [P9]', (matches) => {
  const costOf = (length: number) => {
    const input = { t: 'a'.repeat(length) };
    const from = performance.now();
    expect(outcome([{ arguments: { '/t': { matches } } }], { input })).toBe('person');
    return performance.now() - from;
  };
  const cheapest = (length: number) => Math.min(...Array.from({ length: 7 }, () => costOf(length)));
  expect(cheapest(120_000) / cheapest(30_000)).toBeLessThan(10);
});

test('a rule more never widens, whatever the arguments are [P5]', () => {
  const rank = { deny: 0, two_persons: 1, person: 2, allow: 3 };
  const rule = fc.record({
    outcome: fc.constantFrom('person', 'deny'),
    arguments: fc.dictionary(
      fc.constantFrom('/a', '/a/0', '', '/b'),
      fc.constantFrom({ equals: 'x' }, { matches: '^x' }, { longest: 1 }, { absent: true as const }),
    ),
  }) as fc.Arbitrary<Partial<CallRule>>;
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), rule, fc.jsonValue(), (rules, more, input) => {
      expect(rank[outcome([{}, ...rules, more], { input })]).toBeLessThanOrEqual(
        rank[outcome([{}, ...rules], { input })],
      );
    }),
    { numRuns: 200 },
  );
});

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
