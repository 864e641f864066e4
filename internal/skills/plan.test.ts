import { expect, test } from 'vitest';
import { planChanges } from './plan.ts';
import type { Skill } from './read.ts';
import type { Survey } from './survey.ts';

const ours = 'a'.repeat(64);
const theirs = 'b'.repeat(64);

function skillOf(name: string): Skill {
  return { name, description: 'd', folder: `skills/${name}`, files: [], sha256: ours };
}

const locked = { skillId: 'skill_1', versionId: 'skver_1', sha256: ours };
const nothing: Survey = { latestVersions: new Map(), namesakes: new Map(), contents: new Map() };
const asLocked: Survey = { ...nothing, latestVersions: new Map([['skill_1', 'skver_1']]) };
const moved: Survey = { ...nothing, latestVersions: new Map([['skill_1', 'skver_2']]) };
const triage = skillOf('triage');

test('creates what nobody knows', () => {
  expect(planChanges([triage], new Map(), nothing)).toEqual([{ kind: 'create', skill: triage }]);
});

test('leaves alone what is as the lock says', () => {
  expect(planChanges([triage], new Map([['triage', locked]]), asLocked)).toMatchObject([{ kind: 'unchanged' }]);
});

test('updates a changed folder when the platform is where the lock left it', () => {
  const before = { ...locked, sha256: theirs };
  expect(planChanges([triage], new Map([['triage', before]]), asLocked)).toMatchObject([{ kind: 'update' }]);
});

test('adopts a newer version with exactly our content', () => {
  const survey = { ...moved, contents: new Map([['skill_1', ours]]) };
  expect(planChanges([triage], new Map([['triage', { ...locked, sha256: theirs }]]), survey)).toEqual([
    { kind: 'adopt', skill: triage, locked: { ...locked, versionId: 'skver_2' } },
  ]);
});

test.each([ours, theirs])('refuses a newer version with other content, whatever the folder holds', (sha256) => {
  const survey = { ...moved, contents: new Map([['skill_1', 'c'.repeat(64)]]) };
  const [change] = planChanges([triage], new Map([['triage', { ...locked, sha256 }]]), survey);
  expect(change).toMatchObject({ kind: 'drifted', what: expect.stringContaining('"skver_2"') });
});

test('refuses when the locked skill is gone', () => {
  const [change] = planChanges([triage], new Map([['triage', locked]]), nothing);
  expect(change).toMatchObject({ kind: 'drifted', what: 'the platform has no skill "skill_1" any more' });
});

test('adopts an unknown skill of the same name and content, and only then', () => {
  const known = { ...moved, namesakes: new Map([['triage', ['skill_1']]]) };
  expect(planChanges([triage], new Map(), { ...known, contents: new Map([['skill_1', ours]]) })).toEqual([
    { kind: 'adopt', skill: triage, locked: { ...locked, versionId: 'skver_2' } },
  ]);
  for (const contents of [new Map([['skill_1', theirs]]), new Map()]) {
    expect(planChanges([triage], new Map(), { ...known, contents })).toMatchObject([{ kind: 'drifted' }]);
  }
});

test('never chooses between two skills of one name', () => {
  const survey = { ...nothing, namesakes: new Map([['triage', ['skill_1', 'skill_2']]]) };
  expect(planChanges([triage], new Map(), survey)).toMatchObject([
    { kind: 'drifted', what: 'the platform has several skills of this name: "skill_1", "skill_2"' },
  ]);
});

test('reports what is locked but has no folder, in the order of names', () => {
  const lock = new Map([
    ['zebra', { ...locked, skillId: 'skill_9' }],
    ['triage', locked],
    ['alpha', { ...locked, skillId: 'skill_8' }],
  ]);
  const changes = planChanges([triage], lock, asLocked);
  expect(changes.map((change) => [change.kind, change.kind === 'orphaned' ? change.name : change.skill.name])).toEqual([
    ['orphaned', 'alpha'],
    ['unchanged', 'triage'],
    ['orphaned', 'zebra'],
  ]);
});
