import { expect, test } from 'vitest';
import { startHostileServer } from '../../../test/support/hostile-server.ts';
import { consoleClient } from '../../outside/console-client.ts';
import { Secret } from '../../secret/secret.ts';
import { paths } from '../routes.ts';
import { openConnection } from './connection.ts';

const proof = { token: new Secret('token'), kind: 'person' } as const;
const { signal } = new AbortController();

/** A console that is asked too often until it was asked so many times. */
async function busyConsole(times: number, retryAfter: string) {
  const seen = new Map<string, number>();
  const server = await startHostileServer((_line, { target: path }) => {
    const count = (seen.get(path) ?? 0) + 1;
    seen.set(path, count);
    if (count <= times) {
      const error = { code: 'console_refused', message: 'too many requests', hint: null, id: 'x' };
      return { status: 429, headers: { 'retry-after': retryAfter }, json: { error } };
    }
    return { json: path === paths.token ? { access_token: 'a', token_type: 'DPoP', expires_in: 60 } : {} };
  });
  const open = () =>
    openConnection(server.origin, consoleClient(server.origin, { allowLoopbackHttp: true }), proof, signal);
  return { seen, open, proofs: () => server.requests.map(({ headers }) => headers['dpop']) };
}

test('a console that is asked too often is asked again as it says, each time with a proof of its own', async () => {
  const { seen, open, proofs } = await busyConsole(1, '0');
  const answer = await (await open()).ask('/v1/x', {});
  expect([answer.status, [...seen]]).toEqual([
    200,
    [
      [paths.token, 2],
      ['/v1/x', 2],
    ],
  ]);
  expect(new Set(proofs()).size).toBe(4);
});

test('one that wants more patience than there is says so, and is asked once', async () => {
  const { seen, open } = await busyConsole(9, '60');
  await expect(open()).rejects.toThrow('too many requests');
  expect([...seen]).toEqual([[paths.token, 1]]);
});
