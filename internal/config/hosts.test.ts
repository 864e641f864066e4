import { expect, test } from 'vitest';
import type { Configuration } from './definitions.ts';
import { reviewedHosts } from './hosts.ts';

test('the reviewed hosts are those of the identity provider, the MCP servers and their issuers, and no others [connecting]', () => {
  const service = {
    mcp_server_url: 'https://mcp.notes.example/mcp',
    authorization: {
      issuers: ['https://login.notes.example'],
      client_metadata_url: 'https://elsewhere.example/client',
    },
  };
  const configuration = {
    interface: {
      identity: { mode: 'sso', issuer: 'https://sso.example/realm', workloads: [{ issuer: 'https://git.example' }] },
    },
    services: new Map([['notes', service]]),
  } as unknown as Configuration;
  const hosts = ['git.example', 'login.notes.example', 'mcp.notes.example', 'sso.example'];
  expect([...reviewedHosts(configuration)].sort()).toEqual(hosts);
});
