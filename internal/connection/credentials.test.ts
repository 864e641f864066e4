import { expect, test } from 'vitest';
import type { Service } from '../config/definitions.ts';
import { type Connection, connectionOf, isUsable, recordToMetadata } from './credentials.ts';

function connectionTo(mcpServerUrl: string, changes: Partial<Connection> = {}): Connection {
  return {
    credentialId: 'vcrd_1',
    mcpServerUrl,
    kind: 'mcp_oauth',
    tokenEndpoint: undefined,
    clientId: undefined,
    expiresAt: undefined,
    refreshable: false,
    refreshScope: undefined,
    createdAt: '2026-11-01T00:00:00Z',
    record: {},
    ...changes,
  };
}

test.each([
  ['https://mcp.example/mcp', true],
  ['https://mcp.example/mcp/', true],
  ['HTTPS://MCP.example:443/mcp', true],
  ['https://mcp.example/MCP', false],
  ['https://mcp.example/mcp/x', false],
  ['https://mcp.example:8443/mcp', false],
  ['http://mcp.example/mcp', false],
  ['https://mcp.example.evil.example/mcp', false],
  ['no url', false],
])('a credential for %s is the connection: %s', (url, found) => {
  const service = { mcp_server_url: 'https://mcp.example/mcp' } as Service;
  expect(connectionOf([connectionTo('https://other.example/'), connectionTo(url)], service) !== undefined).toBe(found);
});

test.each([
  ['never expires', {}, true],
  ['expires later', { expiresAt: '2026-11-22T00:00:01Z' }, true],
  ['has expired', { expiresAt: '2026-11-21T23:59:59Z' }, false],
  ['has expired and can be renewed', { expiresAt: '2026-11-21T23:59:59Z', refreshable: true }, true],
  ['has an expiry that is none', { expiresAt: 'soon' }, false],
])('a connection that %s', (_case, changes, usable) => {
  expect(isUsable(connectionTo('https://x.example', changes), new Date('2026-11-22T00:00:00Z'))).toBe(usable);
});

test('a record fits the metadata of a credential: what is empty is left out, what is long is cut', () => {
  expect(recordToMetadata({ account: 'ada', workspace: undefined, scopes: '', clientId: 'x'.repeat(600) })).toEqual({
    mai_account: 'ada',
    mai_client_id: 'x'.repeat(512),
  });
});
