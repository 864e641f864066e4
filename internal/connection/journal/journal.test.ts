import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../config/definitions.ts';
import type { Connection } from '../credentials.ts';
import { mayEndAnother } from '../give-back.ts';
import {
  type Journal,
  leftClient,
  parseJournal,
  printJournal,
  tellLeft,
  unheldGrants,
  wasReplaced,
} from './journal.ts';

const at = '2026-11-22T10:00:00.000Z';
const url = 'https://mcp.notion.example/mcp';
const service = { name: 'notion', title: 'Notion', mcp_server_url: url } as Service;

const grant = {
  issuer: 'https://notion.example',
  clientId: 'client-1',
  at,
  certain: true,
  account: 'ada@example.test',
};

function journal(changes: Partial<Journal>): Journal {
  return {
    version: 1,
    service: 'notion',
    mcpServerUrl: url,
    vaultId: 'vlt_1',
    at,
    next: 'register',
    grants: [],
    ...changes,
  };
}

function connection(changes: Partial<Connection> = {}): Connection {
  return {
    credentialId: 'vcrd_1',
    mcpServerUrl: url,
    kind: 'mcp_oauth',
    tokenEndpoint: 'https://notion.example/token',
    clientId: 'client-1',
    expiresAt: undefined,
    refreshable: true,
    refreshScope: undefined,
    createdAt: at,
    record: {},
    ...changes,
  };
}

describe('a journal', () => {
  test('is read as it was written', () => {
    const text = fc.string({ maxLength: 100 });
    const written = fc.record({
      next: fc.constantFrom('register', 'authorize', 'account', 'store', 'disconnect'),
      grants: fc.array(fc.record({ ...grantOf(text), account: text, scopes: text }), { maxLength: 10 }),
      client: fc.record({ issuer: text, clientId: text, redirectUri: text, registeredAt: fc.constant(at) }),
      storing: fc.record({ act: fc.constantFrom('create', 'update', 'replace'), attempt: text, credentialId: text }),
    });
    fc.assert(
      fc.property(written, (changes) => {
        const whole = journal(changes as Partial<Journal>);
        expect(parseJournal(printJournal(whole))).toEqual(whole);
      }),
    );
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    JSON.stringify({ ...journal({}), version: 2 }),
    JSON.stringify({ ...journal({}), next: 'store everything' }),
    JSON.stringify({ ...journal({}), access_token: 'x' }),
    JSON.stringify({ ...journal({}), at: 'yesterday' }),
    JSON.stringify({ ...journal({}), service: 'x'.repeat(3000) }),
    JSON.stringify({ ...journal({}), grants: Array.from({ length: 50 }, () => grant) }),
  ])('that is none is not used: %# [P8]', (text) => {
    expect(parseJournal(text)).toBeUndefined();
  });

  test('is read again however long a name is, and keeps the last ten grants', () => {
    const grants = Array.from({ length: 30 }, (_, index) => ({
      ...grant,
      clientId: `${index}`,
      account: 'a'.repeat(5000),
    }));
    const read = parseJournal(printJournal(journal({ grants })));
    expect(read?.grants.map(({ clientId }) => clientId)).toEqual(
      Array.from({ length: 10 }, (_, index) => `${index + 20}`),
    );
  });
});

function grantOf(text: fc.Arbitrary<string>) {
  return { issuer: text, clientId: text, at: fc.constant(at), certain: fc.boolean() };
}

describe('what the last run left is told in one line:', () => {
  const attempt = 'attempt-1';
  test.each([
    [journal({ next: 'register' }), [], 'nobody was asked for access yet'],
    [
      journal({ next: 'authorize', grants: [{ ...grant, certain: false, account: undefined }] }),
      [],
      'Notion was asked for access; Notion may still list the access that it may have been asked to grant: connecting again takes its place',
    ],
    [
      journal({ next: 'account', grants: [grant] }),
      [],
      'access was granted and not stored; Notion may still list the access that it granted as "ada@example.test"',
    ],
    [
      journal({ next: 'store', grants: [grant], storing: { act: 'create', attempt } }),
      [],
      'was not stored; Notion may',
    ],
    [
      journal({ next: 'store', grants: [grant], storing: { act: 'create', attempt } }),
      [connection({ record: { attempt } })],
      'it had stored the connection, which is in your vault',
    ],
    [
      journal({ next: 'store', grants: [grant], storing: { act: 'replace', attempt } }),
      [],
      'the old connection was taken out of your vault and the new one was not stored, so nothing is connected now',
    ],
    [
      journal({ next: 'store', grants: [grant], storing: { act: 'replace', attempt } }),
      [connection({ record: { attempt } })],
      'Notion may still list the access of the connection before',
    ],
    [
      journal({ next: 'disconnect', removing: { credentialIds: ['vcrd_1'], account: 'ada@example.test' } }),
      [],
      'notion is disconnected; the access to "ada@example.test" that Notion granted could not be revoked from here: remove it there',
    ],
    [
      journal({ next: 'disconnect', removing: { credentialIds: ['vcrd_1'] } }),
      [connection()],
      'it was disconnecting notion, which is still connected',
    ],
  ])('%#', (left, connections, words) => {
    expect(tellLeft(left, service, connections)).toContain(words);
  });

  test('an account cannot forge a line of it', () => {
    const left = journal({ next: 'account', grants: [{ ...grant, account: 'x\nerror: \u001b[2J\u202e' }] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(tellLeft(left, service, [])).toMatch(/^[^\u0000-\u001f\u202e]*$/);
  });

  test('an old connection counts as lost only where it was to be replaced and nothing came', () => {
    const replacing = journal({ next: 'store', storing: { act: 'replace', attempt } });
    expect([wasReplaced(replacing, false), wasReplaced(replacing, true)]).toEqual([true, false]);
    expect(wasReplaced(journal({ next: 'store', storing: { act: 'update', attempt } }), false)).toBe(false);
  });

  test('a grant that was stored is held, the ones before it are not', () => {
    const earlier = { ...grant, clientId: 'client-0' };
    const left = journal({ next: 'store', grants: [earlier, grant], storing: { act: 'create', attempt } });
    expect(unheldGrants(left, [connection({ record: { attempt } })])).toEqual([earlier]);
    expect(unheldGrants(left, [connection({ record: { attempt: 'of another run' } })])).toEqual([earlier, grant]);
  });

  test('a client is used for an hour, and never one of the future', () => {
    const client = {
      issuer: 'https://notion.example',
      clientId: 'c',
      redirectUri: 'http://127.0.0.1:1/callback',
      registeredAt: at,
    };
    const minutes = (count: number) => new Date(Date.parse(at) + count * 60_000);
    expect([59, 61, -1].map((count) => leftClient(journal({ client }), minutes(count)))).toEqual([
      client,
      undefined,
      undefined,
    ]);
  });
});

describe('giving back what was not stored', () => {
  const ada = { name: 'ada@example.test', workspace: undefined };
  const fresh = { client: { clientId: 'client-1' } } as never;
  test.each([
    ['nothing is connected', [], ada, false],
    ['the connection is of another client', [connection({ clientId: 'client-0' })], ada, false],
    ['it is of another account', [connection({ record: { account: 'grace@example.test' } })], ada, false],
    ['it is of a token that a person made', [connection({ kind: 'static_bearer', clientId: undefined })], ada, false],
    ['it is of another service', [connection({ mcpServerUrl: 'https://mcp.linear.example/mcp' })], ada, false],
    ['it is of the same client and account', [connection({ record: { account: ada.name } })], ada, true],
    ['it is of the same client, and nobody knows the account', [connection()], undefined, true],
    ['nobody knows the client', [connection({ clientId: undefined })], ada, true],
  ])('could end another connection, where %s: %# [P8]', (_where, connections, account, expected) => {
    expect(mayEndAnother({ service, grant: fresh, account, connections })).toBe(expected);
  });
});
