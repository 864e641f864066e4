import { expect, test } from 'vitest';
import { challengesOf } from './challenge.ts';

function parsed(header: string | null) {
  return challengesOf(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test.each([
  [
    'Bearer realm="x", resource_metadata="https://a.example/prm"',
    { realm: ['x'], resource_metadata: ['https://a.example/prm'] },
  ],
  [
    'bearer resource_metadata=https://a.example/.well-known/x?y=1',
    { resource_metadata: ['https://a.example/.well-known/x?y=1'] },
  ],
  [
    'Bearer Resource_Metadata="https://a.example/prm" , SCOPE="a b"',
    { resource_metadata: ['https://a.example/prm'], scope: ['a b'] },
  ],
  ['Bearer error="say \\"hi\\", now", scope=a', { error: ['say "hi", now'], scope: ['a'] }],
  ['Bearer', {}],
])('reads %j', (header, parameters) => {
  expect(parsed(header)).toEqual([['bearer', parameters]]);
});

test('keeps every value of a repeated parameter, in order', () => {
  const header = 'Bearer resource_metadata="https://a.example/1", scope="x", resource_metadata=https://a.example/2';
  expect(parsed(header)).toEqual([
    ['bearer', { resource_metadata: ['https://a.example/1', 'https://a.example/2'], scope: ['x'] }],
  ]);
});

test('keeps several challenges apart, other schemes first', () => {
  expect(parsed('Basic realm="x", DPoP algs="ES256", Bearer resource_metadata="https://a.example/prm"')).toEqual([
    ['basic', { realm: ['x'] }],
    ['dpop', { algs: ['ES256'] }],
    ['bearer', { resource_metadata: ['https://a.example/prm'] }],
  ]);
  expect(parsed('Negotiate dG9rZW4=, Bearer scope="a"')).toEqual([
    ['negotiate', {}],
    ['bearer', { scope: ['a'] }],
  ]);
  expect(parsed('Bearer scope="a", Bearer resource_metadata="https://a.example/1"')).toEqual([
    ['bearer', { scope: ['a'] }],
    ['bearer', { resource_metadata: ['https://a.example/1'] }],
  ]);
});

test.each([null, '', ',,,', '"', 'Bearer "', 'Bearer a="unfinished', `Bearer ${'a'.repeat(100_000)}="`])(
  'makes nothing of %j',
  (header) => expect(parsed(header).flatMap(([, parameters]) => Object.keys(parameters ?? {}))).toEqual([]),
);
