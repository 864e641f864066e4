/** What every implementation of {@link Stores} has to do, and what the features make of what they find in one. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { confirmationsIn } from '../../internal/config/confirmations.ts';
import type { Service } from '../../internal/config/definitions.ts';
import type { Journal } from '../../internal/connection/journal/journal.ts';
import { journalsIn } from '../../internal/connection/journal/journals.ts';
import { settlePerson } from '../../internal/identity/last-person.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import type { SsoIdentity } from '../../internal/identity/sso-provider.ts';
import type { Facts } from '../../internal/session/facts.ts';
import { sessionRecordsIn } from '../../internal/session/records.ts';
import type { Hold, Holder, KeptText, Key, Stores, Waiting } from '../../internal/stores/kept-text.ts';
import { vaultMemory } from '../../internal/vault/memory.ts';

/** Where several runs keep things together. */
export interface SharedPlace {
  /** What one more run sees, as another process would. */
  open(): Stores;
  /** A run takes a text and dies. */
  dieHolding(kind: keyof Stores, key: Key): Promise<void>;
  /** Somebody else can write what is kept there; left out where nobody else ever could. */
  expose?(text: KeptText): Promise<void>;
  close?(): Promise<void>;
}

const address = 'https://api.example';
const workspace = { address, id: 'wrkspc_1' };
const ada: Principal = { kind: 'sso', issuer: 'https://idp.example', subject: 'a', groups: [], label: 'Ada' };
const grace: Principal = { ...ada, subject: 'g', label: 'Grace' };
const key: Key = { workspace, person: ada, name: 'https://mcp.example/mcp' };
const kinds: (keyof Stores)[] = [
  'vaults',
  'creations',
  'journals',
  'sessions',
  'approvals',
  'quotas',
  'identities',
  'tokenStatus',
  'refreshFailures',
  'notices',
  'toldEvents',
  'confirmations',
  'signIns',
  'localAccess',
  'issuerKeys',
];

/** Runs the contract against places that `begin` makes, each empty. `exposable`: whether they have `expose`. */
export function storeContract(name: string, begin: () => Promise<SharedPlace>, { exposable = false } = {}): void {
  describe(`${name}:`, () => {
    let place: SharedPlace;
    let one: Stores;
    let two: Stores;
    beforeEach(async () => {
      place = await begin();
      [one, two] = [place.open(), place.open()];
    });
    afterEach(() => place.close?.());

    describe.each(kinds)('a text of %s', (kind) => {
      test('is read as it was written, by whoever wrote it and by everybody else, until it is removed', async () => {
        const text = one[kind].at(key);
        expect(await text.read()).toBeUndefined();
        for (const value of ['vlt_1\n', '', 'é\u{1f600}\u2028"\\\r\n ', 'x'.repeat(200)]) {
          await text.write(value);
          expect([await text.read(), await two[kind].at(key).read()]).toEqual([value, value]);
        }
        expect((await two[kind].all()).map(({ where }) => where)).toEqual([text.where]);
        await two[kind].at(key).remove();
        expect([await text.read(), await one[kind].all()]).toEqual([undefined, []]);
        await text.remove();
      });

      test('is nobody else’s: neither another kind, workspace, person nor name leads to it', async () => {
        await one[kind].at(key).write('mine');
        const others: Key[] = [
          { ...key, workspace: { address, id: 'wrkspc_2' } },
          { ...key, workspace: { address: `${address}/`, id: 'wrkspc_1' } },
          { ...key, person: { ...ada, kind: 'os' } },
          { ...key, person: grace },
          { ...key, name: 'https://mcp.example/mcp/' },
        ];
        for (const other of others) expect(await two[kind].at(other).read()).toBeUndefined();
        for (const other of kinds) if (other !== kind) expect(await two[other].at(key).read()).toBeUndefined();
      });

      test.runIf(exposable)('that somebody else could have written is refused', async () => {
        await one[kind].at(key).write('mine');
        await place.expose?.(one[kind].at(key));
        await expect(two[kind].at(key).read()).rejects.toMatchObject({ code: 'file_system', hint: expect.any(String) });
      });
    });

    test('keys that differ at all are different: in case, in length, in where one part ends, in how a letter is made', async () => {
      const part = fc.oneof(
        fc.constantFrom(
          'a',
          'A',
          '',
          ' ',
          'a ',
          'a.',
          'é',
          'e\u0301',
          '","',
          '[]',
          'a","b',
          '\u0000',
          'null',
          '/',
          '..',
        ),
        fc.string({ unit: 'binary', maxLength: 8 }),
        fc.integer({ min: 100, max: 4000 }).map((length) => 'x'.repeat(length)),
      );
      const keys = fc.record({
        workspace: fc.record({ address: part, id: part }),
        person: fc.record({ kind: part, issuer: part, subject: part }),
        name: part,
      });
      const different = fc.uniqueArray(keys, { minLength: 2, maxLength: 12, selector: (each) => JSON.stringify(each) });
      await fc.assert(
        fc.asyncProperty(different, async (some) => {
          for (const [index, each] of some.entries()) await one.vaults.at(each).write(String(index));
          expect(await Promise.all(some.map((each) => two.vaults.at(each).read()))).toEqual(
            some.map((_, index) => String(index)),
          );
          for (const each of some) await one.vaults.at(each).remove();
        }),
        // A smaller example would cost more than it tells.
        { numRuns: 25, endOnFailure: true },
      );
    });

    test('a reader sees one writer’s text as a whole, whoever writes beside it', async () => {
      const values = Array.from({ length: 10 }, (_, index) => String(index).repeat(100_000));
      const [here, there] = [one.journals.at(key), two.journals.at(key)];
      await here.write(values[0] ?? '');
      const writing = Promise.all(values.map((value, index) => (index % 2 === 0 ? here : there).write(value)));
      let over = false;
      const done = writing.then(() => {
        over = true;
      });
      while (!over) expect(values.includes((await there.read()) ?? '')).toBe(true);
      await done;
      expect(await here.read()).toBe(await there.read());
    });

    describe('the right to work with a text', () => {
      const waiting = (waitMs: number): Waiting => ({ waitMs, signal: new AbortController().signal });
      const taken = async (hold: Promise<Hold | Holder>): Promise<Hold> => {
        const held = await hold;
        if (!('release' in held)) throw new Error(`held by ${held.called}`);
        return held;
      };

      test('belongs to one at a time, who is named; another text has another one', async () => {
        const held = await taken(one.journals.at(key).hold(waiting(0)));
        const holder = await two.journals.at(key).hold(waiting(0));
        expect(holder).toEqual({ called: expect.stringMatching(/\w/), since: expect.stringMatching(/^\d{4}-.*Z$/) });
        const others = [
          await taken(two.journals.at({ ...key, person: grace }).hold(waiting(0))),
          await taken(two.signIns.at(key).hold(waiting(0))),
        ];
        // Who holds what nobody wrote keeps nothing.
        const empty = await taken(one.vaults.at(key).hold(waiting(0)));
        expect(await two.vaults.all()).toEqual([]);
        await empty.release();
        // It hinders nobody who reads or writes without it.
        await two.journals.at(key).write('{}');
        expect(await two.journals.at(key).read()).toBe('{}');
        expect((await two.journals.held()).length).toBe(2);
        for (const each of [held, ...others]) await each.release();
        expect([await two.journals.held(), await two.signIns.held()]).toEqual([[], []]);
        await (await taken(two.journals.at(key).hold(waiting(0)))).release();
      });

      test('is waited for, and never had by two: nothing is lost of what many count together', async () => {
        const count = async (stores: Stores) => {
          const text = stores.journals.at(key);
          const held = await taken(text.hold(waiting(20_000)));
          const before = Number((await text.read()) ?? 0);
          await sleep(1);
          await text.write(String(before + 1));
          await held.release();
        };
        await Promise.all(Array.from({ length: 20 }, (_, index) => count(index % 2 === 0 ? one : two)));
        expect(await one.journals.at(key).read()).toBe('20');
      });

      test('is not waited for longer than was said, nor after an interruption', async () => {
        const held = await taken(one.journals.at(key).hold(waiting(0)));
        expect(await two.journals.at(key).hold(waiting(50))).toHaveProperty('called');
        const interruption = new AbortController();
        const interrupted = two.journals.at(key).hold({ waitMs: 600_000, signal: interruption.signal });
        setTimeout(() => interruption.abort(), 50);
        expect(await interrupted).toHaveProperty('called');
        await held.release();
      });

      test('of a holder that died is there for exactly one of many, and until then it shows', async () => {
        await place.dieHolding('sessions', key);
        expect((await one.sessions.held()).map(({ where }) => where)).toEqual([one.sessions.at(key).where]);
        const takers = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? one : two).sessions.at(key));
        const holds = await Promise.all(takers.map((text) => text.hold(waiting(0))));
        const mine = holds.filter((each) => 'release' in each);
        expect(mine).toHaveLength(1);
        for (const each of mine) await each.release();
        expect(await two.sessions.held()).toEqual([]);
      });
    });

    describe('what is found there', () => {
      const { signal } = new AbortController();
      const warned: string[] = [];
      const warn = (text: string) => void warned.push(text);
      beforeEach(() => void warned.splice(0));
      const service = { name: 'notion', title: 'Notion', mcp_server_url: String(key.name) } as Service;
      const journals = (stores: Stores, id = 'wrkspc_1') =>
        journalsIn({ journals: stores.journals, workspace: { address, id }, signal, warn });
      const records = (stores: Stores, principal = ada, id = 'wrkspc_1') =>
        sessionRecordsIn({ sessions: stores.sessions, workspace: { address, id }, principal, signal, warn });
      const facts = Object.fromEntries(
        [
          'owner',
          'agent',
          'vaults',
          'environment',
          'model',
          'system prompt',
          'description',
          'tools',
          'MCP servers',
          'skills',
          'sub-agents',
          'execution identity',
          'mounted resources',
        ].map((each) => [each, [] as string[]]),
      ) as unknown as Facts;
      const ofAda: Facts = {
        ...facts,
        owner: [JSON.stringify([ada.kind, ada.issuer, ada.subject])],
        agent: [JSON.stringify(['support', 'Support', 'agent_1', 1])],
      };
      const journal: Journal = {
        version: 1,
        service: 'notion',
        mcpServerUrl: service.mcp_server_url,
        vaultId: 'vlt_1',
        at: '2026-11-22T10:00:00.000Z',
        next: 'register',
        grants: [],
      };
      const noUse = ['', '{', 'null', '[]', '"1"', '\u0000\uffff', '{"version":2}', '{"record_version":2}'];

      // The word is an id like any other: nothing of it is believed before the platform has said whose it is.
      test.each(noUse.filter((text) => text !== 'null'))('a vault or a mark as good as none: %j', async (text) => {
        const memory = vaultMemory(one, workspace);
        await two.vaults.at({ workspace, person: ada }).write(text);
        await two.creations.at({ workspace, person: ada }).write(text);
        expect([await memory.recall(ada), await memory.recallCreation(ada)]).toEqual([undefined, undefined]);
        await memory.remember(ada, 'vlt_1');
        expect(await vaultMemory(two, workspace).recall(ada)).toBe('vlt_1');
      });

      test('that somebody had no vault, for a minute, and never in place of one', async () => {
        const [here, there] = [vaultMemory(one, workspace), vaultMemory(two, workspace)];
        expect(await here.recallNone(ada)).toBe(false);
        await here.rememberNone(ada);
        expect([await there.recallNone(ada), await there.recall(ada)]).toEqual([true, undefined]);
        for (const at of ['2020-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', 'x']) {
          await two.vaults.at({ workspace, person: ada }).write(`none ${at}\n`);
          expect(await here.recallNone(ada)).toBe(false);
        }
        await there.remember(ada, 'vlt_1');
        await here.rememberNone(ada);
        expect([await here.recallNone(ada), await here.recall(ada)]).toEqual([false, 'vlt_1']);
      });

      test.each(noUse)('a journal that is said not to be used, and is written over: %j', async (text) => {
        await two.journals.at(key).write(text);
        expect(await journals(one).read(ada, service)).toBeUndefined();
        expect(warned).toEqual([expect.stringContaining('cannot be read and is not used')]);
        const opened = await journals(one).open(ada, service);
        expect(opened.left).toBeUndefined();
        await opened.write(journal);
        expect(await journals(two).read(ada, service)).toEqual(journal);
        await opened.clear();
        await opened.close();
        expect(await two.journals.all()).toEqual([]);
      });

      test('a journal of another workspace, person or service is none', async () => {
        const opened = await journals(one).open(ada, service);
        await opened.write(journal);
        expect([
          await journals(two, 'wrkspc_2').read(ada, service),
          await journals(two).read(grace, service),
          await journals(two).read(ada, { ...service, mcp_server_url: 'https://mcp.other.example/mcp' }),
        ]).toEqual([undefined, undefined, undefined]);
        // Two at once for one service are kept apart, and those of another workspace hinder nobody.
        await expect(journals(two).open(ada, service)).rejects.toMatchObject({ code: 'already_running' });
        await (await journals(two, 'wrkspc_2').open(ada, service)).close();
        await opened.close();
      });

      test.each(noUse)('a record of a session that is said not to be used: %j', async (text) => {
        await two.sessions.at({ workspace, name: 'attempt' }).write(text);
        await place.dieHolding('sessions', { workspace, name: 'attempt' });
        expect([await records(one).read('attempt'), await records(one).unsettled()]).toEqual([undefined, []]);
        expect(warned).toEqual(Array.from({ length: 2 }, () => expect.stringContaining('is not used')));
      });

      test('what a later version kept, whole as it is, is not guessed at', async () => {
        const folder = '/project/config';
        await two.confirmations.at({ name: folder }).write(JSON.stringify({ version: 2, folder, beliefs: [] }));
        await two.journals.at(key).write(JSON.stringify({ ...journal, version: 2 }));
        await two.sessions.at({ workspace, name: 'a' }).write(JSON.stringify({ record_version: 2, facts: ofAda }));
        const identity = { issuer: 'https://idp.example', client_id: 'client' } as SsoIdentity;
        const name = JSON.stringify([identity.issuer, identity.client_id]);
        await two.signIns.at({ name }).write(JSON.stringify({ version: 2, subject: 'g', label: 'Grace' }));
        await settlePerson({ identity, signIns: one.signIns, confirm: undefined, warn }, ada);
        expect([
          await confirmationsIn(one.confirmations).read(folder),
          await journals(one).read(ada, service),
          await records(one).read('a'),
        ]).toEqual([undefined, undefined, undefined]);
      });

      test('a journal that is another run’s by now is not cleared', async () => {
        const opened = await journals(one).open(ada, service);
        await opened.write(journal);
        await two.journals.at(key).write(JSON.stringify({ ...journal, vaultId: 'vlt_2' }));
        await opened.clear();
        await opened.close();
        expect(await journals(two).read(ada, service)).toMatchObject({ vaultId: 'vlt_2' });
      });

      test('a record whose agent cannot be read is no bug of ours', async () => {
        const record = { record_version: 1, attempt: 'attempt', at: journal.at, facts: { ...ofAda, agent: ['{'] } };
        await two.sessions.at({ workspace, name: 'attempt' }).write(JSON.stringify(record));
        await place.dieHolding('sessions', { workspace, name: 'attempt' });
        expect([await records(one).read('attempt'), await records(one).unsettled()]).toEqual([undefined, []]);
      });

      test('an attempt whose run was cut off is told to its person in its workspace, once [P8]', async () => {
        await (await records(one).keep('settled', ofAda)).settle();
        await records(one).keep('running', ofAda);
        await (await records(one).keep('cut off', ofAda)).settle();
        await place.dieHolding('sessions', { workspace, name: 'cut off' });
        expect(await records(two).read('cut off')).toEqual(ofAda);
        expect([await records(two, grace).unsettled(), await records(two, ada, 'wrkspc_2').unsettled()]).toEqual([
          [],
          [],
        ]);
        const [found, ...others] = await records(two).unsettled();
        expect([found, others]).toEqual([expect.objectContaining({ attempt: 'cut off', agentId: 'agent_1' }), []]);
        await found?.settle();
        expect(await records(one).unsettled()).toEqual([]);
      });

      test.each(noUse)('a yes that nobody gave: %j', async (text) => {
        const confirmations = confirmationsIn(one.confirmations);
        await two.confirmations.at({ name: '/project/config' }).write(text);
        expect([await confirmations.read('/project/config'), await confirmations.folders()]).toEqual([undefined, []]);
        const confirmation = { folder: '/project/config', beliefs: [['issuer', 'https://idp.example']] as const };
        await confirmations.write(confirmation);
        expect(await confirmationsIn(two.confirmations).read('/project/config')).toEqual(confirmation);
        expect(await confirmationsIn(two.confirmations).folders()).toEqual(['/project/config']);
        expect(await confirmations.read('/project/Config')).toBeUndefined();
      });

      test.each(noUse)('nobody who was here before: %j', async (text) => {
        const identity = { issuer: 'https://idp.example', client_id: 'client' } as SsoIdentity;
        const name = JSON.stringify([identity.issuer, identity.client_id]);
        await two.signIns.at({ name }).write(text);
        const at = (stores: Stores) => ({ identity, signIns: stores.signIns, confirm: undefined, warn });
        await settlePerson(at(one), ada);
        await settlePerson(at(two), ada);
        await expect(settlePerson(at(two), grace)).rejects.toMatchObject({ code: 'another_person' });
      });
    });
  });
}
