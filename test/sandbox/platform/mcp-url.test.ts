import { expect, it } from 'vitest';
import { checkServerUrl, normalizeServerUrl } from './mcp-url.ts';

it.each([
  ['HTTPS://MCP.Example.com:443/mcp/', 'https://mcp.example.com/mcp'],
  ['https://mcp.example.com/', 'https://mcp.example.com'],
  ['https://mcp.example.com', 'https://mcp.example.com'],
])('matches %s with %s', (left, right) => {
  expect(normalizeServerUrl(left)).toBe(normalizeServerUrl(right));
});

it.each([
  ['https://mcp.example.com/MCP', 'https://mcp.example.com/mcp'],
  ['https://mcp.example.com:8443/mcp', 'https://mcp.example.com/mcp'],
  ['https://example.com/mcp', 'https://mcp.example.com/mcp'],
  ['https://mcp.example.com/mcp?a=1', 'https://mcp.example.com/mcp'],
])('tells %s from %s', (left, right) => {
  expect(normalizeServerUrl(left)).not.toBe(normalizeServerUrl(right));
});

it.each([
  ['http://mcp.example.com/mcp', 'expected https'],
  ['mcp.example.com', 'not a URL'],
  ['https://user@mcp.example.com/', 'user info is not allowed'],
  ['https://mcp.example.com/#x', 'a fragment is not allowed'],
  [`https://mcp.example.com/${'x'.repeat(2048)}`, 'at most 2048 characters'],
])('refuses %s', (url, reason) => {
  expect(() => checkServerUrl(url, 'url')).toThrow(`url: ${reason}`);
});

it('takes plain http on loopback', () => {
  expect(() => checkServerUrl('http://127.0.0.1:8080/mcp', 'url')).not.toThrow();
});
