import { expect, test } from 'vitest';
import type { Account } from '../outside/accounts.ts';
import { judgeAccount } from './os-identity.ts';

const ada: Account = {
  uid: 1000,
  effectiveUid: 1000,
  name: 'ada',
  ownUids: true,
  machineId: '3d1219c7c4c5404aaa1f6d2a48adfda4',
};

test('an ordinary account is its uid on its machine; the name only labels', () => {
  expect(judgeAccount(ada, undefined)).toEqual({
    kind: 'os',
    issuer: 'machine:3d1219c7c4c5404aaa1f6d2a48adfda4',
    subject: '1000',
    groups: [],
    label: 'ada',
  });
});

test.each<[string, Partial<Account>, string | undefined]>([
  ['root', { uid: 0, effectiveUid: 0, name: 'root' }, undefined],
  ['a set-uid program', { effectiveUid: 0 }, undefined],
  ['a set-uid program of root', { uid: 0, effectiveUid: 1000 }, undefined],
  ['sudo to another user', {}, '1001'],
  ['sudo from root', {}, '0'],
  ['a uid without an entry in the account database', { name: undefined }, undefined],
  ['a uid of a user namespace', { ownUids: false }, undefined],
  ['a machine without an id', { machineId: undefined }, undefined],
  ['a system without uids', { uid: -1, effectiveUid: -1 }, undefined],
])('%s is no identity', (_case, changes, sudoUid) => {
  expect(() => judgeAccount({ ...ada, ...changes }, sudoUid)).toThrow(
    expect.objectContaining({ code: 'identity_refused', hint: expect.any(String) }),
  );
});
