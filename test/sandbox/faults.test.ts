import { expect, it } from 'vitest';
import { createFaults, matchesRequest } from './faults.ts';

it.each([
  ['POST /v1/vaults', 'POST', '/v1/vaults', true],
  ['POST /v1/vaults', 'GET', '/v1/vaults', false],
  ['POST /v1/vaults', 'POST', '/v1/vaults/vlt_1', false],
  ['GET /v1/vaults/:vault', 'GET', '/v1/vaults/vlt_1', true],
  ['GET /v1/vaults/*', 'GET', '/v1/vaults/vlt_1/credentials', false],
  ['* /v1/**', 'DELETE', '/v1/vaults/vlt_1/credentials', true],
  ['GET /v1/a.b', 'GET', '/v1/axb', false],
])('reads the pattern %s for %s %s', (pattern, method, path, expected) => {
  expect(matchesRequest(pattern, { method, path })).toBe(expected);
});

it('takes regular expressions and functions as patterns', () => {
  expect(matchesRequest(/archive$/, { method: 'POST', path: '/v1/vaults/vlt_1/archive' })).toBe(true);
  expect(matchesRequest(({ path }) => path === '/', { method: 'GET', path: '/' })).toBe(true);
});

it('befalls as many requests as told, after those it lets pass', () => {
  const faults = createFaults();
  const active = faults.add({
    on: 'GET /',
    after: 1,
    times: 2,
    fault: { kind: 'status', status: 529 },
  });
  const taken = Array.from({ length: 5 }, () => faults.take({ method: 'GET', path: '/' })?.kind);
  expect(taken).toEqual([undefined, 'status', 'status', undefined, undefined]);
  expect(active.hits).toBe(2);
});

it('forgets a fault that is removed, and all of them when cleared', () => {
  const faults = createFaults();
  const fault = { kind: 'drop-before-commit' } as const;
  faults.add({ on: 'GET /', fault }).remove();
  expect(faults.take({ method: 'GET', path: '/' })).toBeUndefined();
  faults.add({ on: 'GET /', fault });
  faults.clear();
  expect(faults.take({ method: 'GET', path: '/' })).toBeUndefined();
});
