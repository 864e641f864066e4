/** Several vaults that claim to be one person's: seen, asked about one by one, archived; nothing is chosen or merged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

async function plant(changes: Record<string, string> = {}): Promise<string> {
  // Of two of the same millisecond the id would decide which one is older.
  await sleep(2);
  const { identityProvider, people } = world.sandbox;
  const record = {
    mai_owner_kind: 'sso',
    mai_owner_issuer: identityProvider.issuer,
    mai_owner_subject: people.ada.subject,
    ...changes,
  };
  const [id = ''] = world.sandbox.platform.control.seedVaults(1, { metadata: () => record });
  return id;
}

async function fill(id: string, count = 1): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await world.client.beta.vaults.credentials.create(id, {
      auth: { type: 'static_bearer', mcp_server_url: `https://mcp.example/${index}`, token: `by-hand-token-${index}` },
    });
  }
}

/** At a terminal, with one answer for each question; says what was asked. */
async function repair(answers: readonly string[], argv: readonly string[] = [], between?: () => Promise<unknown>) {
  const terminal = fakeTerminal();
  const questions: string[] = [];
  const left = [...answers];
  const outcome = await world.connect(['vault', 'repair', '--quiet', ...argv], {
    terminal,
    hear: (said) => {
      if (!said.endsWith('[y/N]\n')) return;
      questions.push(said.trimEnd().split('\n').at(-1) ?? '');
      const answer = left.shift() ?? '';
      void (between?.() ?? Promise.resolve()).then(() => terminal.type(`${answer}\n`));
    },
  });
  return { ...outcome, questions };
}

const active = async () => (await world.client.beta.vaults.list()).data.map(({ id }) => id).sort();

describe('where nobody sits', () => {
  test('every vault is shown with the evidence, nothing changes, and it ends with 5 [P1]', async () => {
    const [first, second] = [await plant(), await plant()];
    const gone = await plant();
    await world.client.beta.vaults.archive(gone);
    await fill(second, 2);
    world.sandbox.platform.control.log.reset();
    const { exit, stderr } = await world.connect(['vault', 'repair']);
    expect([exit, stderr]).toEqual([5, expect.stringContaining('[ownership_ambiguous]')]);
    for (const id of [first, second, gone]) expect(stderr).toContain(id);
    expect(stderr).toMatch(new RegExp(`${first} .*nothing +would be kept`));
    expect(stderr).toContain('https://mcp.example/0');
    expect(stderr).toMatch(new RegExp(`${gone} .*archived 20`));
    expect(stderr).toContain('nothing says which one is right');
    expect(world.asked().filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  test('the refusal of every other command names it', async () => {
    await plant();
    await plant();
    expect((await world.connect(['list'])).stderr).toContain('service-connection vault repair');
  });

  test.each([0, 1])('with %i vaults there is nothing to repair', async (count) => {
    if (count === 1) await plant();
    const shown = await world.connectJson(['vault', 'repair']);
    expect([shown['vaults'], shown['archived_now']]).toEqual([expect.objectContaining({ length: count }), []]);
  });
});

describe('at a terminal', () => {
  test('an empty one is archived after one yes, and the oldest is kept', async () => {
    const [oldest, newer] = [await plant(), await plant()];
    const { exit, questions } = await repair(['y']);
    expect([exit, questions]).toEqual([0, [expect.stringContaining(newer)]]);
    expect(await active()).toEqual([oldest]);
    expect(await world.connectJson(['notion'])).toMatchObject({ vault_id: oldest });
  });

  test.each([
    [['y', 'y'], 2, true],
    [['y', 'n'], 2, false],
    [['y', ''], 2, false],
    [['n'], 1, false],
  ])('one with connections takes two: %j [P1]', async (answers, asked, archived) => {
    const [oldest, newer] = [await plant(), await plant()];
    await fill(newer, 3);
    const { exit, questions, stderr } = await repair(answers);
    expect([exit, questions.length]).toEqual([archived ? 0 : 5, asked]);
    expect(await active()).toEqual(archived ? [oldest] : [oldest, newer].sort());
    if (asked === 2) expect(questions[1]).toContain('3 connections');
    if (!archived) expect(stderr).toContain('[ownership_ambiguous]');
  });

  test('--keep names another one to keep', async () => {
    const [oldest, newer] = [await plant(), await plant()];
    const { exit, questions } = await repair(['y'], ['--keep', newer]);
    expect([exit, questions]).toEqual([0, [expect.stringContaining(oldest)]]);
    expect(await active()).toEqual([newer]);
  });

  test.each(['vlt_nobody', ''])('--keep %j is refused, and nothing is asked', async (id) => {
    await plant();
    await plant();
    const { exit, questions } = await repair(['y', 'y'], ['--keep', id]);
    expect([exit, questions]).toEqual([5, []]);
    expect(await active()).toHaveLength(2);
  });

  test('a vault into which something came while the person was asked is left [P1]', async () => {
    const [oldest, newer] = [await plant(), await plant()];
    const { exit, stderr } = await repair(['y'], [], () => fill(newer));
    expect([exit, stderr]).toEqual([5, expect.stringContaining('what it holds has changed since you were asked')]);
    expect(await active()).toEqual([oldest, newer].sort());
  });

  test('a vault that became somebody else’s while the person was asked is left', async () => {
    const [oldest, newer] = [await plant(), await plant()];
    const metadata = { mai_owner_subject: world.sandbox.people.grace.subject };
    const { stderr } = await repair(['y'], [], () => world.client.beta.vaults.update(newer, { metadata }));
    expect(stderr).toContain('it names somebody else by now');
    expect(await active()).toEqual([oldest, newer].sort());
  });

  test('a lost answer to the archive is settled by looking', async () => {
    const oldest = await plant();
    await plant();
    const on = 'POST /v1/vaults/:vault/archive';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    expect((await repair(['y'])).exit).toBe(0);
    expect(await active()).toEqual([oldest]);
  });
});

describe('where vaults are signed', () => {
  test('the signed one is kept, and a forged one can be archived', async () => {
    await trustKeys(world, await newOwnershipKey('2026-a'));
    const forged = await plant();
    await world.client.beta.vaults.archive(forged);
    const { vault_id: own } = await world.connectJson(['notion']);
    const newer = await plant();
    const { exit, stderr, questions } = await repair(['y']);
    expect([exit, questions]).toEqual([0, [expect.stringContaining(newer)]]);
    expect(stderr).toContain('one is proven to be yours and is used; the others only claim it');
    expect(await active()).toEqual([own]);
  });

  test('where none is proven none is kept, and what is left is not taken for proven', async () => {
    await trustKeys(world, await newOwnershipKey('2026-a'));
    const [one, other] = [await plant(), await plant()];
    const { exit, stderr, questions } = await repair(['y', 'n']);
    expect([exit, questions.length]).toEqual([5, 2]);
    expect(stderr).toContain('none is proven to be yours');
    expect(stderr).toContain('[ownership_unproven]');
    expect(await active()).toHaveLength(1);
    expect([one, other]).toEqual(expect.arrayContaining(await active()));
  });
});

test('another person’s vaults are neither shown nor asked about', async () => {
  const own = await plant();
  const foreign = await plant({ mai_owner_subject: world.sandbox.people.mallory.subject });
  const { exit, stdout } = await world.connect(['vault', 'repair']);
  expect([exit, stdout.includes(own), stdout.includes(foreign)]).toEqual([0, true, false]);
});
