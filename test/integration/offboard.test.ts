/** Off-boarding: afterwards nothing of the person acts, and no run of theirs begins again, whatever went wrong on the way. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signerOf, signOwnership } from '../../internal/vault/signature.ts';
import type { Fault } from '../sandbox/faults.ts';
import { visit } from '../sandbox/visit.mjs';
import { atAuthorization } from '../support/begin.ts';
import { newOwnershipKey, type PrivateKey, trustKeys } from '../support/ownership-keys.ts';
import { type RunningSessions, startRunningSessions } from '../support/running-sessions.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
const running: RunningSessions[] = [];

beforeEach(async () => {
  await world.configure('interface.yaml', (file) => {
    file.people.operators = { principals: [world.sandbox.people.grace.subject] };
  });
});
afterEach(() => {
  for (const sessions of running.splice(0)) sessions.close();
});

const ada = () => world.sandbox.people.ada.subject;

function recordOf(changes: Record<string, string> = {}): Record<string, string> {
  const { identityProvider } = world.sandbox;
  return {
    mai_owner_kind: 'sso',
    mai_owner_issuer: identityProvider.issuer,
    mai_owner_subject: ada(),
    ...changes,
  };
}

function plant(changes: Record<string, string> = {}): string {
  const [id = ''] = world.sandbox.platform.control.seedVaults(1, { metadata: () => recordOf(changes) });
  return id;
}

/** Sessions that run, bound to a vault. */
async function runSessions(vaultId: string, count: number): Promise<string[]> {
  const sessions = await startRunningSessions(world.client, [vaultId], count);
  running.push(sessions);
  return sessions.ids;
}

/** A vault of Ada's with tokens that were put there by hand. */
async function vaultWith(credentials: number): Promise<string> {
  const id = plant();
  for (let index = 0; index < credentials; index += 1) {
    await world.client.beta.vaults.credentials.create(id, {
      auth: { type: 'static_bearer', mcp_server_url: `https://mcp.example/${index}`, token: `by-hand-token-${index}` },
    });
  }
  return id;
}

const offboard = (argv: readonly string[] = [], setting = {}) =>
  world.connect(['offboard', ada(), '--yes-offboard', ada(), ...argv], { person: 'grace', ...setting });

async function everyVault() {
  return (await world.client.beta.vaults.list({ include_archived: true, limit: 100 })).data;
}

/** What has to be true in the end, however it came about. */
async function expectNothingActs(): Promise<void> {
  const vaults = (await everyVault()).filter(({ metadata }) => metadata['mai_owner_subject'] === ada());
  expect(vaults.filter(({ archived_at }) => archived_at === null)).toEqual([]);
  expect(vaults.some(({ metadata }) => metadata['mai_offboarded'] !== undefined)).toBe(true);
  const ids = vaults.map(({ id }) => id);
  const alive = world.sandbox.platform.control.peek
    .sessions()
    .filter(({ vault_ids, archived_at }) => archived_at === null && vault_ids.some((id) => ids.includes(id)));
  expect(alive).toEqual([]);
}

describe('who may', () => {
  test.each([
    ['nobody is listed', undefined, 'grace'],
    ['others are listed', { principals: ['somebody'], groups: ['somebodies'] }, 'grace'],
    ['a look-alike of an operator is listed', { principals: [''] }, 'mallory'],
  ] as const)('not a person where %s [P1]', async (_what, operators, person) => {
    const vault = plant();
    await world.configure('interface.yaml', (file) => {
      if (operators === undefined) delete file.people.operators;
      else if (person === 'mallory') file.people.operators = { principals: [ada()] };
      else file.people.operators = operators;
    });
    world.sandbox.platform.control.log.reset();
    const { exit, stderr } = await offboard([], { person });
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    expect(world.asked()).toEqual([]);
    expect((await everyVault()).map(({ id, archived_at }) => [id, archived_at])).toEqual([[vault, null]]);
  });

  test('a group that is listed', async () => {
    await world.configure('interface.yaml', (file) => {
      file.people.operators = { groups: ['support'] };
    });
    plant();
    expect((await offboard()).exit).toBe(0);
  });
});

describe('whom', () => {
  test.each([
    ['an e-mail address', () => 'ada@example.test'],
    ['a prefix', () => ada().slice(0, -1)],
    ['another case', () => ada().toUpperCase()],
    ['nothing', () => ''],
    ['a pattern', () => '*'],
  ])('nobody for %s [P1]', async (_what, said) => {
    plant();
    world.sandbox.platform.control.log.reset();
    const { exit, stderr } = await world.connect(['offboard', said(), '--yes-offboard', said()], { person: 'grace' });
    expect([exit, stderr]).toEqual([5, expect.stringContaining('[ownership_unproven]')]);
    expect(world.asked().filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  test('of several with one subject the one whose issuer and kind are said', async () => {
    const [own, other, machine] = [
      plant(),
      plant({ mai_owner_issuer: 'https://other.example' }),
      plant({ mai_owner_kind: 'os', mai_owner_issuer: 'machine:1' }),
    ];
    const refused = await offboard();
    expect([refused.exit, refused.stderr]).toEqual([5, expect.stringContaining('3 people have the subject')]);
    expect((await offboard(['--issuer', 'https://nobody.example'])).exit).toBe(5);
    expect((await offboard(['--kind', 'sso'])).exit).toBe(5);
    expect((await offboard(['--kind', 'sso', '--issuer', 'https://other.example'])).exit).toBe(0);
    const active = (await everyVault()).flatMap(({ id, archived_at }) => (archived_at === null ? [id] : []));
    expect([active.sort(), other]).toEqual([[own, machine].sort(), expect.any(String)]);
  });

  test.each([
    [[], 4, 'nobody is here to confirm'],
    [['--yes-offboard', 'somebody else'], 2, 'is not the subject'],
    [['--yes-undo', 'x'], 2, '--yes-undo goes with --undo only'],
    [['--undo', '--include-unproven'], 2, "'--undo' cannot be used with option '--include-unproven'"],
  ])('without the exact word for it nothing is done: %j', async (argv, code, said) => {
    plant();
    const { exit, stderr } = await world.connect(['offboard', ada(), ...argv], { person: 'grace' });
    expect([exit, stderr]).toEqual([code, expect.stringContaining(said)]);
    expect(world.asked().filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  test.each([
    ['exactly', 0, () => ada()],
    ['an e-mail address', 2, () => 'ada@example.test'],
    ['yes', 2, () => 'y'],
  ])('a person at a terminal types the subject: %s', async (_what, code, word) => {
    plant();
    const terminal = fakeTerminal();
    const { exit } = await world.connect(['offboard', ada()], {
      person: 'grace',
      terminal,
      hear: (said) => {
        if (said.endsWith('to off-board:\n')) void terminal.type(`${word()}\n`);
      },
    });
    expect(exit).toBe(code);
  });
});

test('everything that acts for the person ends, and each step has its evidence [P1]', async () => {
  const folder = await world.machine();
  const notion = await world.connectJson(['notion'], { folder });
  await world.connectJson(['linear'], { folder });
  const vault = String(notion['vault_id']);
  await world.apply('support');
  const idle = await world.setupJson(['--agent', 'support'], { folder });
  const busy = await runSessions(vault, 3);
  const foreign = await runSessions(plant({ mai_owner_subject: 'somebody' }), 1);

  const plan = await world.connectJson(['offboard', ada(), '--dry-run'], { person: 'grace' });
  expect(plan).toMatchObject({ vaults: [{ vault_id: vault, plan: 'archive' }], archived_vaults: [] });
  expect((await everyVault()).every(({ archived_at }) => archived_at === null)).toBe(true);

  const outcome = await offboard(['--json']);
  expect([outcome.exit, outcome.stderr]).toEqual([0, expect.stringContaining('session.end')]);
  const done = JSON.parse(outcome.stdout);
  const acts = done.steps.map(({ act, done: ok }: { act: string; done: boolean }) => `${act} ${ok}`);
  expect(acts.sort()).toEqual([
    'credential.archive true',
    'credential.archive true',
    'session.end true',
    'session.end true',
    'session.end true',
    'session.end true',
    'vault.archive true',
    'vault.mark true',
  ]);
  expect(done.steps[0]).toMatchObject({ act: 'vault.mark', id: vault });
  expect(done.steps.at(-1)).toMatchObject({ act: 'vault.archive', id: vault });
  for (const { seconds, answer } of done.steps) {
    expect([seconds, answer]).toEqual([expect.any(Number), expect.stringMatching(/"20\d\d-/)]);
  }
  expect(done.not_revoked.map(({ service, account }: Record<string, string>) => [service, account]).sort()).toEqual([
    ['linear', 'ada@example.test'],
    ['notion', 'ada@example.test'],
  ]);
  await expectNothingActs();
  const sessions = new Map(world.sandbox.platform.control.peek.sessions().map((session) => [session.id, session]));
  for (const id of [...busy, String(idle['session_id'])]) expect(sessions.get(id)?.status).toBe('terminated');
  expect(sessions.get(foreign[0] ?? '')).toMatchObject({ status: 'running', archived_at: null });

  // The same machine, with everything it remembers, and a new one; each with a sign-in that works.
  for (const setting of [{ folder }, {}]) {
    for (const act of [
      () => world.setup(['--agent', 'support'], setting),
      () => world.connect(['notion'], setting),
      () => world.connect(['list'], setting),
      () => world.connect(['vault', 'repair'], setting),
    ]) {
      const refused = await act();
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
    }
  }
  await expectNothingActs();
  const again = await world.connectJson(['offboard', ada(), '--yes-offboard', ada()], { person: 'grace' });
  expect(again).toMatchObject({
    change: 'unchanged',
    vault_id: vault,
    offboarded_by: world.sandbox.people.grace.subject,
  });
});

test('text names what to end by hand', async () => {
  await world.connectJson(['notion']);
  const { stdout } = await offboard();
  expect(stdout).toContain('- Notion, as ada@example.test: remove it there');
});

test('from the first step on the person is locked out, with a warm cache too [P1]', async () => {
  const folder = await world.machine();
  await world.connectJson(['notion'], { folder });
  const killed = new AbortController();
  world.sandbox.platform.control.tamper('POST /v1/vaults/:vault', () => killed.abort());
  expect((await offboard([], { signal: killed.signal })).exit).toBe(130);
  expect((await everyVault())[0]?.archived_at).toBeNull();
  for (const setting of [{ folder }, {}]) {
    expect((await world.setup(['--agent', 'support'], setting)).stderr).toContain('[offboarded]');
  }
  expect((await offboard()).exit).toBe(0);
  await expectNothingActs();
});

test('a sign-in at a service that was begun before brings nothing back [P1]', async () => {
  const folder = await world.machine();
  await world.connectJson(['linear'], { folder });
  const late = await world.connect(['notion'], {
    folder,
    browse: atAuthorization(async (url, begun) => {
      if (url.startsWith(world.sandbox.services.notion.issuer)) expect((await offboard()).exit).toBe(0);
      return await visit(url, { person: 'ada', begun });
    }),
  });
  expect(late.exit).not.toBe(0);
  await expectNothingActs();
  expect(await world.credentials()).toEqual([]);
});

test('a session that comes after the first look is ended as well [P8]', async () => {
  const [session] = await runSessions(plant(), 1);
  // To the first look it is not there yet.
  const stop = world.sandbox.platform.control.tamper('GET /v1/sessions', (page) => {
    stop();
    return { ...(page as object), data: [] };
  });
  const done = JSON.parse((await offboard(['--json'])).stdout);
  expect(done.steps.map(({ act }: { act: string }) => act)).toEqual(['vault.mark', 'vault.archive', 'session.end']);
  expect(done.steps[2].id).toBe(session);
  await expectNothingActs();
});

test('vaults that were archived by hand, with sessions still running, get a mark that holds', async () => {
  const vault = plant();
  const [session] = await runSessions(vault, 1);
  await world.client.beta.vaults.archive(vault);
  const done = JSON.parse((await offboard(['--json'])).stdout);
  expect(done.steps.map(({ act }: { act: string }) => act)).toEqual(['vault.create', 'session.end']);
  expect(session).toEqual(done.steps[1].id);
  await expectNothingActs();
  expect((await world.connect(['notion'])).stderr).toContain('[offboarded]');
  expect(await everyVault()).toHaveLength(2);
});

describe('running again after anything that can go wrong', () => {
  const prepare = async () => {
    const vault = await vaultWith(2);
    return await runSessions(vault, 2);
  };

  test('a fault at every request [P8]', { timeout: 240_000 }, async () => {
    const { control } = world.sandbox.platform;
    await prepare();
    control.log.reset();
    expect((await offboard()).exit).toBe(0);
    const requests = world.asked().length;
    expect(requests).toBeGreaterThan(12);
    const kinds: Fault[] = [
      { kind: 'drop-before-commit' },
      { kind: 'drop-after-commit' },
      { kind: 'status', status: 403 },
    ];
    let failed = 0;
    for (const fault of kinds) {
      for (let after = 0; after < requests; after += 1) {
        const before = (await everyVault()).length;
        await reset();
        await prepare();
        control.faults.add({ on: '* /v1/**', fault, after });
        const first = await offboard();
        if (first.exit !== 0) failed += 1;
        // Whatever happened: either it was done, or it was said that it was not.
        if (first.exit === 0) await expectNothingActs();
        control.faults.clear();
        const second = await offboard();
        expect([fault, after, before, second.exit, second.stderr]).toEqual([
          fault,
          after,
          before,
          0,
          expect.any(String),
        ]);
        await expectNothingActs();
      }
    }
    expect(failed).toBeGreaterThan(0);
  });

  test('killed at every request [P8]', { timeout: 120_000 }, async () => {
    const { control } = world.sandbox.platform;
    await prepare();
    control.log.reset();
    expect((await offboard()).exit).toBe(0);
    const requests = world.asked().length;
    for (let at = 1; at <= requests; at += 1) {
      await reset();
      await prepare();
      const killed = new AbortController();
      let count = 0;
      const stop = control.tamper('* /v1/**', () => {
        count += 1;
        if (count === at) killed.abort();
      });
      await offboard([], { signal: killed.signal });
      stop();
      expect([at, (await offboard()).exit]).toEqual([at, 0]);
      await expectNothingActs();
    }
  });

  /** As if nothing had ever been there. */
  async function reset(): Promise<void> {
    for (const { id } of await everyVault()) await world.client.beta.vaults.delete(id);
    for (const sessions of running.splice(0)) sessions.close();
  }

  test('a session that cannot be ended is named, and the rest is done', async () => {
    const [one = '', other = ''] = await prepare();
    const archive = `POST /v1/sessions/${one}/archive`;
    world.sandbox.platform.control.faults.add({ on: archive, fault: { kind: 'status', status: 403 }, times: Infinity });
    const { exit, stderr } = await offboard();
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[offboarding_incomplete]')]);
    expect(stderr).toContain(`the session "${one}" is not archived`);
    expect(stderr).not.toContain(`the session "${other}" is not archived`);
    expect((await everyVault())[0]?.archived_at).not.toBeNull();
    world.sandbox.platform.control.faults.clear();
    expect((await offboard()).exit).toBe(0);
    await expectNothingActs();
  });

  test('a vault that takes no mark: the mark gets one of its own, before the vault is archived', async () => {
    const vault = plant();
    const on = 'POST /v1/vaults/:vault';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 400 }, times: Infinity });
    expect((await offboard()).exit).toBe(0);
    const vaults = await everyVault();
    expect(vaults.map(({ id, metadata }) => [id === vault, 'mai_offboarded' in metadata]).sort()).toEqual([
      [false, true],
      [true, false],
    ]);
    await expectNothingActs();
    expect((await world.setup(['--agent', 'support'])).stderr).toContain('[offboarded]');
  });

  test('where nothing takes the mark the vault is not archived: without one the person could begin anew [P8]', async () => {
    await prepare();
    for (const on of ['POST /v1/vaults/:vault', 'POST /v1/vaults']) {
      world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 400 }, times: Infinity });
    }
    const { exit, stderr } = await offboard();
    expect([exit, stderr]).toEqual([1, expect.stringContaining('no vault says that they were off-boarded')]);
    expect((await everyVault()).map(({ archived_at }) => archived_at)).toEqual([null]);
    expect(await world.credentials()).toEqual([]);
    expect(world.sandbox.platform.control.peek.sessions().filter(({ archived_at }) => archived_at === null)).toEqual(
      [],
    );
    world.sandbox.platform.control.faults.clear();
    expect((await offboard()).exit).toBe(0);
    await expectNothingActs();
  });

  test('a 429 is waited for, and said', async () => {
    plant();
    world.sandbox.platform.control.faults.add({
      on: 'POST /v1/vaults/:vault/archive',
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    });
    const { exit, stderr } = await offboard();
    expect([exit, stderr]).toEqual([0, expect.stringContaining('the platform asks to wait 1 s before: vault.archive')]);
  });
});

describe('where vaults are signed', () => {
  let key: PrivateKey;
  beforeEach(async () => {
    key = await newOwnershipKey('2026-a');
    await trustKeys(world, key);
  });

  test('the mark is signed, and a refusal says with which key', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    expect((await offboard()).exit).toBe(0);
    const refused = await world.connect(['list']);
    expect([refused.exit, refused.stderr]).toEqual([
      3,
      expect.stringContaining(`says the vault "${id}" (signed with "2026-a")`),
    ]);
  });

  test('a forged or unsigned mark counts, and is told from a signed one', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    await world.client.beta.vaults.update(String(id), { metadata: { mai_offboarded: 'x', mai_offboarded_by: 'y' } });
    const refused = await world.connect(['list']);
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('not signed: anybody')]);
    await world.client.beta.vaults.update(String(id), { metadata: { mai_offboarded_signature: 'a..b' } });
    expect((await world.connect(['list'])).stderr).toContain('its signature does not count');
    expect((await world.connect(['offboard', ada(), '--undo', '--yes-undo', ada()], { person: 'grace' })).exit).toBe(0);
    expect((await world.connect(['list'])).exit).toBe(0);
  });

  test('the signature of an owner record does not sign a mark', async () => {
    const id = plant();
    const vault = await world.client.beta.vaults.retrieve(id);
    const facts = {
      vaultId: id,
      createdAt: vault.created_at,
      owner: { kind: 'sso' as const, issuer: world.sandbox.identityProvider.issuer, subject: ada() },
    };
    const signature = await signOwnership(facts, world.sandbox.platform.workspaceId, signerOf(key));
    await world.client.beta.vaults.update(id, {
      metadata: {
        mai_owner_signature: signature,
        mai_offboarded: 'x',
        mai_offboarded_by: 'y',
        mai_offboarded_signature: signature,
      },
    });
    expect((await world.connect(['list'])).stderr).toContain('its signature does not count');
  });

  test('a forged record beside a signed one does not lock anybody out [P1]', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    plant({ mai_offboarded: 'x' });
    expect(await world.connectJson(['linear'])).toMatchObject({ vault_id: id });
  });

  test('vaults that are not proven are left alone without a separate yes [P1]', async () => {
    await world.connectJson(['notion']);
    const forged = await vaultWith(1);
    const sessions = await runSessions(forged, 1);
    const { exit, stderr } = await offboard();
    expect([exit, stderr]).toEqual([
      0,
      expect.stringContaining(`"${forged}" is not proven to be theirs and is left alone`),
    ]);
    expect((await world.client.beta.vaults.retrieve(forged)).archived_at).toBeNull();
    expect(await world.client.beta.sessions.retrieve(sessions[0] ?? '')).toMatchObject({ archived_at: null });
    expect((await world.connect(['notion'])).stderr).toContain('[offboarded]');
    expect((await offboard(['--include-unproven'])).exit).toBe(0);
    await expectNothingActs();
  });

  test.each([
    ['n', false],
    ['y', true],
  ])('at a terminal that is a question of its own: %s', async (answer, archived) => {
    await world.connectJson(['notion']);
    const forged = plant();
    const terminal = fakeTerminal();
    const { exit } = await world.connect(['offboard', ada()], {
      person: 'grace',
      terminal,
      hear: (said) => {
        if (said.endsWith('to off-board:\n')) void terminal.type(`${ada()}\n`);
        if (said.endsWith('Archive as well? [y/N]\n')) void terminal.type(`${answer}\n`);
      },
    });
    expect(exit).toBe(0);
    expect((await world.client.beta.vaults.retrieve(forged)).archived_at !== null).toBe(archived);
  });
});

describe('let in again', () => {
  const undo = (setting = {}) =>
    world.connect(['offboard', ada(), '--undo', '--yes-undo', ada()], { person: 'grace', ...setting });

  test('a person has a new, empty vault, and can be off-boarded again', async () => {
    const folder = await world.machine();
    const { vault_id: old } = await world.connectJson(['notion'], { folder });
    await offboard();
    expect((await undo({ person: 'linus' })).exit).toBe(3);
    expect((await undo()).exit).toBe(0);
    const setup = await world.setup(['--agent', 'support'], { folder });
    expect([setup.exit, setup.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    const { vault_id: fresh } = await world.connectJson(['notion'], { folder });
    expect(fresh).not.toBe(old);
    await world.apply('support');
    expect((await world.setup(['--agent', 'support'], { folder })).exit).toBe(0);
    expect((await undo()).stderr).toContain('is not off-boarded');
    expect((await offboard()).exit).toBe(0);
    await expectNothingActs();
    expect((await world.setup(['--agent', 'support'], { folder })).stderr).toContain('[offboarded]');
  });

  test('after an off-boarding that was killed at once: the mark is taken off', async () => {
    const id = plant({ mai_offboarded: '2026-11-22T08:00:00.000Z', mai_offboarded_by: 'x' });
    expect((await world.connect(['list'])).exit).toBe(3);
    expect((await undo()).exit).toBe(0);
    expect((await world.client.beta.vaults.retrieve(id)).metadata).toEqual(recordOf());
    expect((await world.connect(['list'])).exit).toBe(0);
  });

  test('a person who never was off-boarded stays as they are', async () => {
    plant();
    const { exit, stderr } = await undo();
    expect([exit, stderr]).toEqual([5, expect.stringContaining('is not off-boarded')]);
    expect(await everyVault()).toHaveLength(1);
  });
});

test('what it costs to know that somebody was not off-boarded: nothing where they have a vault', async () => {
  const { control } = world.sandbox.platform;
  control.seedVaults(250);
  const own = plant();
  for (const { id } of (await world.client.beta.vaults.list({ limit: 100 })).data.slice(1, 61)) {
    await world.client.beta.vaults.archive(id);
  }
  control.log.reset();
  await world.connectJson(['list']);
  // 191 are active, one of them Ada's.
  expect([control.log.count('GET /v1/vaults'), own]).toEqual([2, expect.any(String)]);
  control.log.reset();
  await world.connectJson(['list'], { person: 'linus' });
  // Nobody's: the active ones, and then all 251.
  expect(control.log.count('GET /v1/vaults')).toBe(2 + 3);
});
