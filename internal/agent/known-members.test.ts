import { expect, test } from 'vitest';
import { unknownMembers } from './known-members.ts';

const agent = {
  id: 'agent_1',
  model: { id: 'claude-sonnet-5-5', speed: 'standard' },
  mcp_servers: [{ type: 'url', name: 'notion', url: 'https://mcp.notion.com/mcp' }],
  skills: [],
};

test('what this version knows is not told, nor what is null', () => {
  expect(unknownMembers({ ...agent, surprise: null, multiagent: null })).toEqual([]);
});

test('what it does not know is, wherever it stands, harmless in a terminal', () => {
  const answered = {
    ...agent,
    surprise: false,
    'x\u001b[2J': 1,
    model: { ...agent.model, context: 'long' },
    mcp_servers: [
      { ...agent.mcp_servers[0], headers: {} },
      { ...agent.mcp_servers[0], headers: {} },
    ],
  };
  const told = unknownMembers(answered);
  expect(told).toEqual(['mcp_servers.headers', 'model.context', 'surprise', expect.stringMatching(/^x/)]);
  expect(told.join('')).not.toContain('\u001b');
});
