import { expect, test } from 'vitest';
import type { Service } from '../config/definitions.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import { scopesToAskFor } from './scopes.ts';

/** What is asked for, given the scopes of the service file, of the service itself and of the authorization server. */
function ask(configured: string[] | undefined, found: string[] | undefined, supported?: string[], reading?: string[]) {
  const scopes = configured && { default: configured, ...(reading && { read_only: reading }) };
  const service = { name: 'x', authorization: { scopes } } as Service;
  const server = { issuer: 'https://as.example', scopes_supported: supported } as unknown as AuthorizationServer;
  return scopesToAskFor(
    service,
    { resource: 'https://x.example', authorizationServers: [], scopes: found },
    server,
    reading !== undefined,
  );
}

test.each([
  ['the service file', ['a'], ['b'], undefined, ['a']],
  ['the service, where its file names none', [], ['b'], undefined, ['b']],
  ['the service, where its file is silent', undefined, ['b'], undefined, ['b']],
  ['nobody: none are asked for', undefined, undefined, undefined, undefined],
])('scopes come from %s', (_case, configured, found, supported, expected) => {
  expect(ask(configured, found, supported)).toEqual(expected);
});

test('offline access is asked for where the authorization server has it, once', () => {
  expect(ask(['a'], undefined, ['a', 'offline_access'])).toEqual(['a', 'offline_access']);
  expect(ask(undefined, undefined, ['offline_access'])).toEqual(['offline_access']);
  expect(ask(['offline_access'], undefined, ['offline_access'])).toEqual(['offline_access']);
  expect(ask(['a'], ['offline_access'], ['a'])).toEqual(['a']);
});

test('to read only, the reading scopes of the service file are asked for, and never wider ones in their place', () => {
  expect(ask(['a', 'b'], ['c'], undefined, ['a'])).toEqual(['a']);
  for (const configured of [['a', 'b'], undefined]) {
    expect(() => ask(configured, ['c'], undefined, [])).toThrow(expect.objectContaining({ code: 'usage' }));
  }
});
