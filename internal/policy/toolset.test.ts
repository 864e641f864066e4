import { describe, expect, test } from 'vitest';
import { permissionLines, type Toolset } from './toolset.ts';

const closed = { enabled: false as const, permission_policy: { type: 'always_ask' as const } };
const look = { name: 'look', enabled: true as const, permission_policy: { type: 'always_allow' as const } };
const notion: Toolset = { type: 'mcp_toolset', mcp_server_name: 'notion', default_config: closed, configs: [look] };
const builtin: Toolset = {
  type: 'agent_toolset_20260401',
  default_config: closed,
  configs: [{ ...look, name: 'read' }],
};

const lines = (...tools: object[]) => permissionLines(tools as never);

describe('the same permissions read the same', () => {
  const expected = permissionLines([notion, builtin]);

  test('in another order [P6]', () => expect(permissionLines([builtin, notion])).toEqual(expected));

  test('with tools listed that are off', () => {
    const off = { ...look, name: 'add', enabled: false };
    expect(lines({ ...notion, configs: [off, look] }, builtin)).toEqual(expected);
  });

  test('with what the platform fills in', () => {
    const filled = { ...builtin, configs: [{ ...look, name: 'read', type: 'read', timeout: null }] };
    expect(lines(notion, filled)).toEqual(expected);
  });
});

describe('any other permission reads differently: [P6]', () => {
  test.each<[string, object]>([
    ['a tool more', { ...notion, configs: [look, { ...look, name: 'add' }] }],
    ['a tool less', { ...notion, configs: [] }],
    ['another policy', { ...notion, configs: [{ ...look, permission_policy: { type: 'always_ask' } }] }],
    ['a policy left out', { ...notion, configs: [{ name: 'look', enabled: true }] }],
    ['enabled left out', { ...notion, configs: [look, { name: 'add', permission_policy: look.permission_policy }] }],
    ['everything on by default', { ...notion, default_config: { ...closed, enabled: true } }],
    ['no default', { type: 'mcp_toolset', mcp_server_name: 'notion', configs: [look] }],
    ['a default that is null', { ...notion, default_config: null }],
    ['another server', { ...notion, mcp_server_name: 'slack' }],
    ['a server named like the built-in tools', { ...notion, mcp_server_name: 'builtin' }],
    ['a field that we do not know', { ...notion, surprise: true }],
    ['a field of a tool that we do not know', { ...notion, configs: [{ ...look, allowed_domains: ['evil.example'] }] }],
    ['a tool of another type', { ...notion, configs: [{ ...look, type: 'alias' }] }],
    ['a kind that we do not know', { type: 'custom', name: 'look', description: 'x', input_schema: {} }],
    ['a later version of the built-in tools', { ...builtin, type: 'agent_toolset_20270101' }],
  ])('%s', (_case, changed) => expect(lines(changed)).not.toEqual(lines(notion)));

  test('the same toolset twice', () => expect(lines(notion, notion)).not.toEqual(lines(notion)));

  test('a toolset more', () => expect(lines(notion, { type: 'custom', name: 'x' })).not.toEqual(lines(notion)));
});
