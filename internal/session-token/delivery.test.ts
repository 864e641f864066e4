/** A line of sessions whose kept identities were not written by us. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileStores } from '../stores/files/kept-files.ts';
import { isLineageOver } from './delivery.ts';
import { identitiesIn, parseIdentity, type SessionIdentity } from './identity.ts';
import { formatPlaces } from './status-list.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mai-line-'));
});
afterEach(() => rm(folder, { recursive: true }));

const act = { sub: 'agent_1', id: 'agent_1', name: 'support', version: 1 };
const after = (sid: string, depth: number) => ({ sid, rootSid: 'sesn_a', depth, act });
const identityOf = (name: string, parent: SessionIdentity['parent']): SessionIdentity => ({
  attempt: name,
  sessionId: `sesn_${name}`,
  person: { kind: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'Ada', groups: [] },
  personVaultId: 'vlt_1',
  agent: { id: 'agent_1', name: 'support', version: 1 },
  parent,
  tools: [],
  index: 0,
  servers: [],
  at: '2026-01-01T00:00:00Z',
});

test('one that goes round is over, and looking at it ends', async () => {
  const stores = fileStores({ cache: folder, state: folder });
  const workspace = { address: 'https://api.example', id: 'wrkspc_1' };
  const identities = identitiesIn(stores.identities, workspace);
  const places = stores.tokenStatus.at({ workspace });
  await places.write(formatPlaces({ next: 1, taken: new Map([[0, { until: 2 ** 40, takenBack: false }]]) }));
  const [one, other] = [identityOf('a', after('sesn_b', 1)), identityOf('b', after('sesn_a', 1))];
  await identities.at('a').write(one);
  await identities.at('b').write(other);
  expect(await isLineageOver({ identities, places }, one)).toBe(true);
  await identities.at('a').write(identityOf('a', undefined));
  expect(await isLineageOver({ identities, places }, identityOf('b', after('sesn_a', 0)))).toBe(false);
});

test.each([-1, 16, 2 ** 40, 0.5])('a parent as deep as %d is none', (depth) => {
  const text = (deep: number) => JSON.stringify({ version: 1, ...identityOf('b', after('sesn_a', deep)) });
  expect(parseIdentity(text(15))).toBeDefined();
  expect(parseIdentity(text(depth))).toBeUndefined();
});
