import { describe, expect, test } from 'vitest';
import type { Service } from '../../config/definitions.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { Secret } from '../../secret/secret.ts';
import type { Grant } from '../grant.ts';
import { foreignAudience, requireAudience } from './audience.ts';

const recipients = {
  mcpServerUrl: 'https://mcp.example/mcp',
  resource: 'https://mcp.example',
  issuer: 'https://as.example',
};

function jwt(payload: unknown): string {
  const encoded = [{ alg: 'none' }, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${encoded.join('.')}.c2lnbmF0dXJl`;
}

test.each([
  'https://mcp.example',
  'https://mcp.example/',
  'https://mcp.example/mcp',
  'https://mcp.example/mcp/',
  'https://as.example',
  'https://as.example/',
  ['https://other.example', 'https://mcp.example/mcp'],
  [],
  undefined,
])('a token for %j is ours [c12]', (aud) => expect(foreignAudience(jwt({ aud }), recipients)).toBeUndefined());

test.each([
  'https://other.example',
  'https://mcp.example/other',
  'https://mcp.example.evil.example',
  'https://as.example/other',
  'client-id',
  ['https://other.example', 'https://another.example'],
])('a token for %j is for somebody else [c12]', (aud) => {
  expect(foreignAudience(jwt({ aud }), recipients)).toEqual([aud].flat());
});

test.each(['opaque', 'a.b.c', 'a.b', '', jwt('text'), jwt({ aud: 7 }), jwt({ aud: { a: 1 } }), `${jwt({})}.x.y`])(
  '%j says nothing [c12]',
  (token) => expect(foreignAudience(token, recipients)).toBeUndefined(),
);

describe('a token that is for somebody else', () => {
  const grant = {
    accessToken: new Secret(jwt({ aud: 'https://evil.example/\u001b[2J' })),
    resource: undefined,
    server: { issuer: 'https://as.example' } as AuthorizationServer,
  } as unknown as Grant;
  const service = { name: 'x', mcp_server_url: 'https://mcp.example/mcp' } as Service;
  const settle = (acceptAudience: boolean, warn: (text: string) => void = () => {}) =>
    requireAudience(grant, service, { acceptAudience, warn });

  test('is refused [c12]', () => {
    expect(() => settle(false)).toThrow(
      expect.objectContaining({ code: 'token_unusable', hint: expect.stringContaining('--accept-audience') }),
    );
  });

  test('is let through where a person accepts it, and said, harmlessly [c12] [c24]', () => {
    const said: string[] = [];
    settle(true, (text) => said.push(text));
    expect(said).toEqual([
      'the token of "x" says that it is for "https://evil.example/\\u001b[2J", not for this service',
    ]);
  });
});
