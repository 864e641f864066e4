import { expect, test } from 'vitest';
import type { Service } from '../../config/definitions.ts';
import type { Principal } from '../../identity/principal.ts';
import { type AccountToConfirm, checkAccountFlags, checkRuleCanBeMet, confirmAccount } from './confirm-account.ts';

const ada: Principal = {
  kind: 'sso',
  issuer: 'https://idp.example',
  subject: 'a',
  groups: [],
  label: 'Ada',
  verifiedEmail: 'ada@example.test',
};
const onThisMachine: Principal = { kind: 'os', issuer: 'machine:m', subject: '1000', groups: [], label: 'ada' };

const serviceWith = (match?: string) => ({ name: 'notes', ...(match && { account: { match } }) }) as Service;
const none = { expected: undefined, accepted: undefined };

function settle(changes: Partial<AccountToConfirm>) {
  return confirmAccount({
    ...none,
    service: serviceWith('email'),
    principal: ada,
    account: { name: 'ada@example.test', workspace: undefined },
    previous: undefined,
    confirm: undefined,
    ...changes,
  });
}

test('what is asked names both accounts, harmlessly, and only a yes changes anything', async () => {
  const asked: string[] = [];
  const previous = { name: 'eve\u001b[2J', workspace: 'W\n' };
  const answering = (yes: boolean) => (question: string) => Promise.resolve(asked.push(question) > 0 && yes);
  await expect(settle({ previous, confirm: answering(true) })).resolves.toEqual({ accepted: false });
  await expect(settle({ previous, confirm: answering(false) })).rejects.toMatchObject({ code: 'account_mismatch' });
  const question =
    'notes is connected as "eve\\u001b[2J" ("W\\n"), and this would change it to "ada@example.test". Change it?';
  expect(asked).toEqual([question, question]);
});

test('nobody is asked where nothing changes', async () => {
  const confirm = () => Promise.reject(new Error('asked'));
  await expect(settle({ confirm })).resolves.toEqual({ accepted: false });
  await expect(settle({ confirm, previous: { name: 'ada@example.test', workspace: undefined } })).resolves.toEqual({
    accepted: false,
  });
});

test('a service without an account in its file lets any in: nothing can be compared', async () => {
  await expect(settle({ service: serviceWith(), account: undefined })).resolves.toEqual({ accepted: false });
});

test.each(['--help', '-rf', '$(id)@example.test', 'a b', '`id`', 'x;y', ''])(
  'the hint offers nothing to type where the account is called %j',
  async (name) => {
    await expect(settle({ account: { name, workspace: undefined } })).rejects.toMatchObject({
      hint: expect.stringMatching(/--accept-account <its exact name>$/),
    });
  },
);

test.each(['email', 'domain'])(
  'the operating system’s account has no address, so it cannot meet the rule %s',
  (match) => {
    expect(() => checkRuleCanBeMet(serviceWith(match), onThisMachine, none)).toThrow(
      expect.objectContaining({ code: 'account_mismatch', hint: expect.stringContaining('match: none') }),
    );
    expect(() => checkRuleCanBeMet(serviceWith(match), onThisMachine, { ...none, accepted: 'ada' })).not.toThrow();
    expect(() => checkRuleCanBeMet(serviceWith('none'), onThisMachine, none)).not.toThrow();
  },
);

test.each([
  [serviceWith(), { ...none, expected: 'a' }],
  [serviceWith(), { ...none, accepted: 'a' }],
  [serviceWith('none'), { expected: 'a', accepted: 'b' }],
])('%j cannot be asked for %j', (service, flags) => {
  expect(() => checkAccountFlags(service, flags)).toThrow(expect.objectContaining({ code: 'usage' }));
});
