import { describe, expect, test } from 'vitest';
import { type AccountCase, type AccountVerdict, canMatch, judgeAccountMatch } from './account-match.ts';

const ada = 'ada@example.test';
const grace = 'grace@example.test';
const rules = ['email', 'domain', 'none'] as const;

const named = (name: string, workspace?: string) => ({ name, workspace });

function judged(changes: Partial<AccountCase>): string {
  const verdict: AccountVerdict = judgeAccountMatch({
    rule: 'email',
    verifiedEmail: ada,
    account: named(ada),
    expected: undefined,
    accepted: undefined,
    previous: undefined,
    ...changes,
  });
  return verdict.kind === 'refused' ? verdict.why : verdict.kind;
}

describe('the rule email', () => {
  test.each([
    [ada, 'accepted'],
    ['ADA@Example.TEST', 'accepted'],
    [grace, 'another address'],
    ['ada@example.test.evil.test', 'another address'],
    ['ada@example.test.', 'another address'],
    [' ada@example.test', 'another address'],
    ['ada@example.test\n', 'another address'],
    ['ada+notion@example.test', 'another address'],
    ['\u0430da@example.test', 'another address'],
    ['Ada', 'another address'],
    ['', 'another address'],
  ])('with the account %j: %s', (name, expected) => expect(judged({ account: named(name) })).toBe(expected));

  test('folds no look-alike into the letter it imitates [connecting]', () => {
    expect(judged({ verifiedEmail: 'kim@example.test', account: named('\u212aim@example.test') })).toBe(
      'another address',
    );
  });
});

describe('the rule domain', () => {
  test.each([
    [grace, 'accepted'],
    ['x@EXAMPLE.test', 'accepted'],
    ['ada@example.test.evil.test', 'another address'],
    ['ada@evil-example.test', 'another address'],
    ['ada@sub.example.test', 'another address'],
    ['ada@ex\u0430mple.test', 'another address'],
    ['ada@example\u3002test', 'another address'],
    ['ada@evil.test@example.test', 'another address'],
    ['"ada@evil.test"@example.test', 'another address'],
    ['<ada@evil.test> x@example.test', 'another address'],
    ['@example.test', 'another address'],
    ['example.test', 'another address'],
  ])('with the account %j: %s', (name, expected) => {
    expect(judged({ rule: 'domain', account: named(name) })).toBe(expected);
  });
});

test.each([
  ['no verified address', { verifiedEmail: undefined }],
  ['no verified address', { verifiedEmail: 'ada' }],
  ['unnamed', { account: undefined }],
  ['accepted', { rule: 'none', verifiedEmail: undefined, account: undefined }],
  ['accepted', { rule: 'none', account: named('whoever') }],
  ['accepted', { expected: ada }],
  ['not the named one', { expected: 'Ada@example.test' }],
  ['not the named one', { expected: grace }],
  ['not the named one', { rule: 'none', expected: grace }],
  ['unnamed', { rule: 'none', account: undefined, expected: ada }],
  ['accepted-explicitly', { account: named(grace), accepted: grace }],
  ['accepted-explicitly', { account: named(grace), accepted: grace, verifiedEmail: undefined }],
  ['not the named one', { account: named(grace), accepted: 'Grace@example.test' }],
  ['not the named one', { account: named(grace), accepted: ada }],
  ['not the named one', { accepted: grace }],
  ['not the named one', { account: named(grace), accepted: grace, expected: ada }],
  ['another address', { account: named(grace), expected: grace }],
  ['unnamed', { account: undefined, accepted: '' }],
  ['unnamed', { rule: 'none', account: undefined, accepted: ada }],
  ['accepted', { previous: named(ada) }],
  ['ask', { previous: named(grace) }],
  ['ask', { previous: named('Ada@example.test') }],
  ['ask', { account: named(ada, 'One'), previous: named(ada, 'Two') }],
  ['accepted', { account: named(ada, 'One'), previous: named(ada) }],
  ['ask', { rule: 'none', account: undefined, previous: named(ada) }],
  ['accepted', { previous: named(grace), accepted: ada }],
  ['ask', { previous: named(grace), expected: ada }],
  ['another address', { account: named(grace), previous: named(grace) }],
] as [string, Partial<AccountCase>][])('%s: %j', (expected, changes) => expect(judged(changes)).toBe(expected));

test('nothing is stored without a match, a rule that asks for none, or the exact name; and nothing changes unasked [connecting]', () => {
  const names = [ada, 'ADA@example.test', grace, 'ada@evil.test', 'ada', ''];
  const accounts = [undefined, ...names.map((name) => named(name))];
  const addresses = [undefined, ada, grace, 'ada'];
  const same = (a: string, b: string | undefined) => a.toLowerCase() === b?.toLowerCase();
  const domain = (address: string | undefined) => address?.split('@')[1];
  let seen = 0;
  for (const rule of rules)
    for (const verifiedEmail of addresses)
      for (const account of accounts)
        for (const previous of accounts)
          for (const expected of [undefined, ...names])
            for (const accepted of [undefined, ...names]) {
              const found = { rule, verifiedEmail, account, expected, accepted, previous };
              const { kind } = judgeAccountMatch(found);
              if (kind === 'refused') continue;
              seen += 1;
              const why = JSON.stringify(found);
              const exact = account !== undefined && account.name === accepted;
              const met =
                rule === 'none' ||
                (verifiedEmail?.includes('@') === true &&
                  account !== undefined &&
                  (rule === 'email'
                    ? same(account.name, verifiedEmail)
                    : domain(account.name) === domain(verifiedEmail)));
              expect(met || exact, why).toBe(true);
              expect(kind === 'accepted-explicitly', why).toBe(!met);
              expect([undefined, account?.name], why).toContain(expected);
              expect([undefined, account?.name], why).toContain(accepted);
              const changes = previous !== undefined && previous.name !== account?.name;
              expect(kind === 'ask', why).toBe(changes && !exact);
            }
  expect(seen).toBeGreaterThan(300);
});

test('who has no verified address is known not to match before anybody signs in', () => {
  expect(rules.map((rule) => canMatch(rule, undefined))).toEqual([false, false, true]);
  expect(rules.map((rule) => canMatch(rule, ada))).toEqual([true, true, true]);
});
