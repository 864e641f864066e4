import { expect, test } from 'vitest';
import type { Agent, Configuration } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { isApprover } from './approvers.ts';
import { agentKeptBy, agentRunBy, sponsoredBy } from './autonomous.ts';
import { isOperator, mayUseAgent, whatLetsStart } from './verdict.ts';

const autonomous = {
  sponsor: 'sponsor-1',
  groups: ['night'],
  run_by: { groups: ['ci'], principals: ['person-1'] },
};
const agent = (changes: object = {}): Agent =>
  ({
    name: 'triage',
    autonomous,
    allowed: { groups: ['support', 'night'], principals: ['triage'] },
    ...changes,
  }) as Agent;
const configuration = (operators: object = { groups: ['night'], principals: ['triage'] }): Configuration =>
  ({ interface: { people: { operators } }, agents: new Map([['triage', agent()]]) }) as unknown as Configuration;
const job: Principal = {
  kind: 'workload',
  issuer: 'https://ci.test',
  subject: 'job-1',
  groups: ['ci'],
  label: 'job-1',
};
const person = (subject: string, ...groups: string[]): Principal => ({
  kind: 'sso',
  issuer: 'https://login.test',
  subject,
  groups,
  label: subject,
});

test('the agent is nobody else, has its own groups, and names who runs it and who answers for it', () => {
  const { principal, rule } = agentRunBy(job, agent());
  expect(principal).toMatchObject({ kind: 'agent', issuer: 'config/agents', subject: 'triage', groups: ['night'] });
  expect(principal.autonomous).toEqual({ runner: job, sponsor: 'sponsor-1' });
  expect(rule).toBe('config/agents/triage.yaml: autonomous.run_by.groups, ci');
  expect(agentRunBy(person('person-1'), agent()).rule).toContain('autonomous.run_by.principals');
});

test.each([
  ['somebody who may use it', person('person-2', 'support')],
  ['an operator', person('person-3', 'night')],
  ['its sponsor', person('sponsor-1')],
  ['a job with the subject of a person', { ...job, groups: [], subject: 'person-1' }],
])('%s does not run it as itself [P4]', (_who, runner) => {
  expect(() => agentRunBy(runner, agent())).toThrow(expect.objectContaining({ code: 'not_allowed' }));
});

test('an agent without `autonomous` runs for nobody as itself, and has no vault to look after', () => {
  for (const made of [
    () => agentRunBy(job, agent({ autonomous: undefined })),
    () => agentKeptBy(person('x', 'night'), agent({ autonomous: undefined }), configuration()),
  ]) {
    expect(made).toThrow(/does not act for itself/);
  }
});

test('it is looked after by operators alone: neither by who runs it nor by its sponsor [P4]', () => {
  expect(agentKeptBy(person('x', 'night'), agent(), configuration()).principal.subject).toBe('triage');
  for (const other of [job, person('person-1'), person('sponsor-1')]) {
    expect(() => agentKeptBy(other, agent(), configuration())).toThrow(/may not look after/);
  }
});

test('it starts sessions with its own file alone, for whom that names, whatever `allowed` says of its groups [P1]', () => {
  const { principal } = agentRunBy(job, agent());
  expect(whatLetsStart(principal, agent())).toBe('autonomous.run_by.groups, ci');
  expect(mayUseAgent(principal, agent({ name: 'other' }))).toBe(false);
  expect(mayUseAgent(principal, agent({ autonomous: undefined }))).toBe(false);
  const nobody = { ...autonomous, run_by: { groups: [], principals: [] } };
  expect(mayUseAgent(principal, agent({ autonomous: nobody }))).toBe(false);
});

test('it is no operator and approves nothing, by its groups or its name [P4]', () => {
  const { principal } = agentRunBy(job, agent());
  expect(isOperator(principal, configuration())).toBe(false);
  const approvers = { groups: ['night'], principals: ['triage'], persons: 1 } as const;
  expect(
    isApprover(principal, { ...approvers, groups: [...approvers.groups], principals: [...approvers.principals] }),
  ).toBe(false);
});

test('who answers for which agents is read from their files', () => {
  expect([sponsoredBy('sponsor-1', configuration()), sponsoredBy('triage', configuration())]).toEqual([['triage'], []]);
});
