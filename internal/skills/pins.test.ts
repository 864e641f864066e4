import { describe, expect, test } from 'vitest';
import type { Agent } from '../config/definitions.ts';
import type { LockedSkill } from './lock.ts';
import { agentsNaming, formatPinners, formatStalePin, type OwnAgents, type Pin, pinnersOf, stalePins } from './pins.ts';

const locked = (skillId: string, versionId: string): LockedSkill => ({ skillId, versionId, sha256: '0'.repeat(64) });
const lock = new Map([
  ['meeting-notes', locked('skill_m', 'skver_b')],
  ['support-triage', locked('skill_s', 'skver_9')],
]);

const pin = (changes: Partial<Pin> = {}): Pin => ({
  agentId: 'agent_1',
  agentName: 'support',
  agentVersion: 3,
  marked: true,
  skillId: 'skill_m',
  version: 'skver_a',
  ...changes,
});

const own = (ids: Record<string, string> = { support: 'agent_1' }, files = ['support']): OwnAgents => ({
  agents: new Map(files.map((name) => [name, {}])),
  lock: { agents: Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, { id, version: 1 }])) },
});

const keptBy = { agentId: 'agent_9', agentName: 'night shift' };

describe('agent files by the skills that they name', () => {
  const agent = (name: string, skills: string[]): [string, Agent] => [
    name,
    {
      name,
      skills,
      model: 'm',
      system: undefined,
      services: {},
      builtin_tools: {},
      environment: 'default',
      allowed: { groups: [], principals: [] },
    },
  ];

  test('each file once, sorted', () => {
    const agents = new Map([agent('support', ['a', 'b', 'a']), agent('editor', ['a']), agent('idle', [])]);
    expect([...agentsNaming({ agents })]).toEqual([
      ['a', ['editor', 'support']],
      ['b', ['support']],
    ]);
  });
});

describe('a pin', () => {
  test.each<[string, Pin]>([
    ['at the version of the lock', pin({ version: 'skver_b' })],
    ['of a skill that the lock does not know', pin({ skillId: 'skill_x' })],
  ])('%s is not stale', (_case, it) => expect(stalePins([it], lock, own())).toEqual([]));

  test.each<[string, Pin, OwnAgents, string | undefined, string]>([
    [
      'by the agent that the agents lock names',
      pin({ marked: false, agentName: 'Renamed by hand' }),
      own(),
      'support',
      'agent support pins meeting-notes at skver_a, the lock says skver_b: setup-session agents apply',
    ],
    [
      'by a marked agent while the agents lock has no such name',
      pin(),
      own({}),
      'support',
      'agent support pins meeting-notes at skver_a, the lock says skver_b: setup-session agents apply',
    ],
    [
      'by a marked agent while the agents lock has another of that name',
      pin({ agentId: 'agent_2' }),
      own(),
      undefined,
      'agent "support" (agent_2) pins meeting-notes at skver_a, the lock says skver_b; no file stands for it',
    ],
    [
      'by an agent that is only called like a file',
      pin({ marked: false }),
      own({}),
      undefined,
      'agent "support" (agent_1) pins meeting-notes at skver_a, the lock says skver_b; no file stands for it',
    ],
    [
      'by an agent of the agents lock whose file is gone',
      pin(),
      own({ support: 'agent_1' }, []),
      undefined,
      'agent "support" (agent_1) pins meeting-notes at skver_a, the lock says skver_b; no file stands for it',
    ],
    [
      'by an older version of our agent that somebody keeps as a sub-agent',
      pin({ keptBy }),
      own(),
      undefined,
      'agent "support" (agent_1) in its version 3 pins meeting-notes at skver_a, the lock says skver_b; ' +
        'agent "night shift" (agent_9) has it as a sub-agent',
    ],
    [
      'that follows the latest version',
      pin({ version: 'latest' }),
      own({}, []),
      undefined,
      'agent "support" (agent_1) follows the latest version of meeting-notes, the lock says skver_b; no file stands for it',
    ],
    [
      'that follows the latest version although a file stands for the agent',
      pin({ version: 'latest' }),
      own(),
      'support',
      'agent support follows the latest version of meeting-notes, the lock says skver_b: setup-session agents apply',
    ],
    [
      'by an agent whose name and version try to forge a line',
      pin({ agentName: 'x\n\u001b[2Jagent support', version: 'a\nb' }),
      own({}, []),
      undefined,
      'agent "x\\n\\u001b[2Jagent support" (agent_1) pins meeting-notes at a\\u{a}b, the lock says skver_b; no file stands for it',
    ],
  ])('%s is stale', (_case, it, agents, file, words) => {
    const stale = stalePins([it], lock, agents);
    expect(stale).toEqual([{ pin: it, skill: 'meeting-notes', locked: 'skver_b', file }]);
    expect(stale.map(formatStalePin)).toEqual([words]);
  });

  test('of ours comes first, then by agent and skill', () => {
    const pins = [
      pin({ agentId: 'agent_3', agentName: 'a stranger', marked: false }),
      pin({ skillId: 'skill_s' }),
      pin({ version: 'latest' }),
    ];
    expect(stalePins(pins, lock, own()).map(({ pin: { agentName }, skill }) => `${agentName} ${skill}`)).toEqual([
      'support meeting-notes',
      'support support-triage',
      'a stranger meeting-notes',
    ]);
  });
});

describe('who would lose a skill', () => {
  const naming = new Map([['meeting-notes', ['editor', 'support']]]);
  const skill = { name: 'meeting-notes', skillId: 'skill_m' };

  test('files by name, agents at any version of it', () => {
    const pins = [pin({ version: 'latest' }), pin({ agentId: 'agent_2', keptBy }), pin({ skillId: 'skill_s' })];
    const pinners = pinnersOf(skill, pins, naming);
    expect(pinners).toEqual({ files: ['editor', 'support'], pins: pins.slice(0, 2) });
    expect(formatPinners(pinners)).toEqual([
      'agent file editor',
      'agent file support',
      'agent "support" (agent_1) at latest',
      'agent "support" (agent_2) version 3, a sub-agent of "night shift" (agent_9), at skver_a',
    ]);
  });

  test('may be nobody', () => {
    expect(pinnersOf({ name: 'other', skillId: 'skill_o' }, [pin()], naming)).toEqual({ files: [], pins: [] });
  });
});
