import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { freeLoopbackPort } from '../../test/sandbox/listener.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import type { Actor } from './actor.ts';
import type { OnChange } from './change.ts';
import { type PlatformSettings, prepareDoor, preparePlatform } from './client.ts';
import { nothing } from './door.ts';

let sandbox: PlatformSandbox;
let waits: string[];
beforeEach(async () => {
  sandbox = await startPlatform();
  waits = [];
});
afterEach(() => sandbox.close());

function settings(): PlatformSettings {
  return {
    baseUrl: sandbox.baseUrl,
    apiKey: new Secret(sandbox.apiKey),
    authToken: undefined,
    signal: new AbortController().signal,
    onWait: (text) => waits.push(text),
    onChange: async () => async () => {},
  };
}

const ada: Actor = { kind: 'person', proof: 'os', issuer: 'machine:1', subject: '1000', label: 'ada' };

async function open(changes: Partial<PlatformSettings> = {}) {
  return (await preparePlatform({ ...settings(), ...changes }))(ada);
}

async function create(changes: Partial<PlatformSettings> = {}) {
  const platform = await open(changes);
  return await platform.vaults.create('Ada', { display_name: 'Ada' });
}

async function list(changes: Partial<PlatformSettings> = {}): Promise<unknown[]> {
  const platform = await open(changes);
  const vaults: unknown[] = [];
  for await (const vault of platform.vaults.list()) vaults.push(vault);
  return vaults;
}

async function vaultCount(): Promise<number> {
  return (await list()).length;
}

const creates = () => sandbox.control.log.count('POST /v1/vaults');

describe('a read', () => {
  test('cannot change anything: the request does not leave [P8]', async () => {
    const { doorFor } = await prepareDoor(settings());
    const asked = doorFor(ada).read('sneak', nothing, ({ vaults }) => vaults.create({ display_name: 'x' }));
    await expect(asked).rejects.toThrow();
    expect(sandbox.control.log.entries).toEqual([]);
  });

  test.each([500, 503, 529])('is asked again after a %i', async (status) => {
    sandbox.control.faults.add({ on: 'GET /v1/vaults', fault: { kind: 'status', status }, times: 2 });
    expect(await list()).toEqual([]);
    expect(sandbox.control.log.count()).toBe(3);
  });

  test('is asked again after a dropped connection, three times at most', async () => {
    sandbox.control.faults.add({ on: 'GET /v1/vaults', fault: { kind: 'drop-before-commit' }, times: Infinity });
    await expect(list()).rejects.toMatchObject({ code: 'platform_unreachable', hint: expect.any(String) });
    expect(sandbox.control.log.count()).toBe(3);
  });

  test.each([400, 403, 404, 409])('is not asked again after a %i', async (status) => {
    sandbox.control.faults.add({ on: 'GET /v1/vaults', fault: { kind: 'status', status } });
    await expect(list()).rejects.toMatchObject({ code: 'platform_refused', status });
    expect(sandbox.control.log.count()).toBe(1);
  });

  test('reads every page, one after the other', async () => {
    sandbox.control.seedVaults(250);
    const platform = await open();
    let count = 0;
    for await (const _ of platform.vaults.list()) count += 1;
    expect([count, sandbox.control.log.count()]).toEqual([250, 3]);
  });

  test('whose body breaks off is asked again, and never a bug', async () => {
    const server = await startHostileServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' });
      response.write('{');
      setTimeout(() => response.destroy(), 10);
    });
    await expect(list({ baseUrl: server.origin })).rejects.toMatchObject({ code: 'platform_unreachable' });
    expect(server.requests).toHaveLength(3);
  });
});

describe('a change', () => {
  test.each([500, 503, 529])('is sent once, and after a %i nobody knows what became of it [P8]', async (status) => {
    sandbox.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'status', status } });
    await expect(create()).rejects.toMatchObject({ code: 'platform_outcome_unknown', outcome: 'unknown' });
    expect(creates()).toBe(1);
  });

  test.each([400, 404, 409])('is sent once, and after a %i nothing has happened', async (status) => {
    sandbox.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'status', status } });
    await expect(create()).rejects.toMatchObject({ code: 'platform_refused', status, outcome: 'refused' });
    expect([creates(), await vaultCount()]).toEqual([1, 0]);
  });

  test('whose answer is lost is not sent again [P8]', async () => {
    sandbox.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-after-commit' } });
    await expect(create()).rejects.toMatchObject({ code: 'platform_outcome_unknown' });
    expect([creates(), await vaultCount()]).toEqual([1, 1]);
  });

  test('whose answer breaks off is not sent again, and never a bug', async () => {
    const server = await startHostileServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' });
      response.write('{');
      setTimeout(() => response.destroy(), 10);
    });
    await expect(create({ baseUrl: server.origin })).rejects.toMatchObject({ code: 'platform_outcome_unknown' });
    expect(server.requests).toHaveLength(1);
  });

  test('whose answer is no JSON leaves the same doubt', async () => {
    const server = await startHostileServer(() => ({ text: '{', headers: { 'content-type': 'application/json' } }));
    await expect(create({ baseUrl: server.origin })).rejects.toMatchObject({ code: 'platform_outcome_unknown' });
  });

  test('that never left is no doubt', async () => {
    const baseUrl = `http://127.0.0.1:${await freeLoopbackPort()}`;
    await expect(create({ baseUrl })).rejects.toMatchObject({ code: 'platform_unreachable', outcome: 'refused' });
  });

  test('is not followed to another place', async () => {
    const other = await startHostileServer(() => ({ json: {} }));
    const server = await startHostileServer(() => ({ status: 307, headers: { location: `${other.origin}/` } }));
    await expect(create({ baseUrl: server.origin })).rejects.toThrow();
    expect(other.lines()).toEqual([]);
  });
});

describe('every change', () => {
  test('is by somebody: what was opened for reading changes nothing', async () => {
    const platform = (await preparePlatform(settings()))(undefined);
    await expect(platform.vaults.create('Ada', { display_name: 'Ada' })).rejects.toThrow('was opened for reading');
    expect(sandbox.control.log.entries).toEqual([]);
  });

  test('is told once, with who asks for what and to which thing, before it is asked for', async () => {
    const told: unknown[] = [];
    const onChange: OnChange = async (change) => {
      told.push({ ...change, asked: sandbox.control.log.count() });
      return async () => {};
    };
    const platform = await open({ onChange });
    sandbox.control.faults.add({
      on: 'POST /v1/vaults',
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
    });
    const { id } = await platform.vaults.create('Ada', { display_name: 'Ada' });
    const asked = sandbox.control.log.count();
    await platform.vaults.archive(id);
    // Also what is sent again carries the trace that was told.
    const trace = sandbox.control.log.entries[0]?.trace;
    expect(trace).toMatch(/^[0-9a-f]{32}$/);
    expect(sandbox.control.log.entries.map((each) => each.trace)).toEqual([trace, trace, trace]);
    expect(told).toEqual([
      { actor: ada, act: 'vault.create', target: { kind: 'vault', id: undefined, label: 'Ada' }, trace, asked: 0 },
      { actor: ada, act: 'vault.archive', target: { kind: 'vault', id, label: id }, trace, asked },
    ]);
    expect(asked).toBe(2);
  });

  test('is not asked for where it cannot be told [P7]', async () => {
    const onChange = () => Promise.reject(new Error('no space left'));
    await expect(create({ onChange })).rejects.toThrow('no space left');
    expect(creates()).toBe(0);
  });
});

describe('a 429', () => {
  const limited = (after: string, times = 1) =>
    sandbox.control.faults.add({
      on: '* /v1/vaults',
      times,
      fault: { kind: 'status', status: 429, headers: { 'retry-after': after } },
    });

  test.each([
    ['a read', list, 'list vaults'],
    ['a change', create, 'vault.create "Ada"'],
  ])('makes %s wait as long as it says, and says so', async (_case, act, what) => {
    limited('1');
    const started = performance.now();
    await act();
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(waits).toEqual([`the platform asks to wait 1 s before: ${what}`]);
  });

  test('makes it wait until a date, and not where that has passed', async () => {
    limited(new Date(Date.now() + 2_000).toUTCString());
    const started = performance.now();
    await list();
    expect(performance.now() - started).toBeGreaterThan(900);
    expect(waits).toEqual([expect.stringMatching(/^the platform asks to wait [12] s before: list vaults$/)]);
    limited(new Date(0).toUTCString());
    await list();
    expect(waits[1]).toBe('the platform asks to wait 0 s before: list vaults');
  });

  test.each(['600', new Date(Date.now() + 600_000).toUTCString()])('that is too long is told: %s', async (after) => {
    limited(after);
    await expect(list()).rejects.toMatchObject({ status: 429 });
    expect(waits).toEqual([expect.stringMatching(/^the platform asks to wait \d{3} s, longer than a command does: /)]);
  });

  test('that stays is reported', async () => {
    limited('0', Infinity);
    await expect(create()).rejects.toMatchObject({ code: 'platform_refused', status: 429, hint: expect.any(String) });
    expect([creates(), await list().catch(() => 'limited')]).toEqual([3, 'limited']);
  });

  test.each(['-1', 'soon', '2026-11-22'])('that asks for %j is not waited for', async (after) => {
    limited(after);
    await expect(create()).rejects.toMatchObject({ code: 'platform_refused', status: 429 });
    expect([creates(), waits]).toEqual([1, []]);
  });

  test('does not hold up an interruption', async () => {
    limited('60');
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 50);
    const started = performance.now();
    await expect(create({ signal: interruption.signal })).rejects.toMatchObject({ code: 'interrupted' });
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

test('an interruption ends what is under way', async () => {
  sandbox.control.latencyMs = 5_000;
  for (const act of [list, create]) {
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 50);
    await expect(act({ signal: interruption.signal })).rejects.toMatchObject({ code: 'interrupted' });
  }
});

test('what the platform says is quoted, with the request to ask about', async () => {
  const said = 'no \u001b[2J such\nthing';
  const error = { type: 'error', error: { type: 'invalid_request_error', message: said } };
  sandbox.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'status', status: 400, body: error } });
  await expect(create()).rejects.toMatchObject({
    message: expect.stringMatching(
      /^vault\.create "Ada": the platform answered 400 "no \\u001b\[2J such\\nthing" \(request "req_\w+"\)$/,
    ),
  });
});

test('a key that is refused has its own hint', async () => {
  await expect(list({ apiKey: new Secret('sk-wrong-key') })).rejects.toMatchObject({
    status: 401,
    hint: expect.stringContaining('ANTHROPIC_API_KEY'),
  });
});

describe('the key', () => {
  test('goes to https, or to this very machine', async () => {
    for (const baseUrl of [
      undefined,
      'https://api.example',
      'http://127.0.0.1:1',
      'http://[::1]:1',
      'http://localhost:1',
    ]) {
      await expect(open({ baseUrl })).resolves.toBeDefined();
    }
  });

  test.each(['http://api.example', 'http://127.0.0.1.evil.example', 'ftp://127.0.0.1', 'file:///x', 'api.example', ''])(
    'does not go to %j',
    async (baseUrl) => await expect(open({ baseUrl })).rejects.toMatchObject({ code: 'url_refused' }),
  );

  test('has to be there', async () => {
    await expect(open({ apiKey: undefined })).rejects.toMatchObject({ code: 'platform_key_missing' });
  });

  test('may be a bearer token', async () => {
    const server = await startHostileServer((): Answer => ({ json: { data: [], next_page: null } }));
    await list({ baseUrl: server.origin, apiKey: undefined, authToken: new Secret('bearer-token') });
    expect(server.requests[0]?.headers.authorization).toBe('Bearer bearer-token');
  });
});

test('bodies are never logged, whatever the environment asks of the SDK [P3]', async () => {
  vi.stubEnv('ANTHROPIC_LOG', 'debug');
  const written: unknown[] = [];
  for (const name of ['log', 'debug', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, name).mockImplementation((...words: unknown[]) => void written.push(words));
  }
  const platform = await open();
  const vault = await create();
  const auth = { type: 'static_bearer' as const, mcp_server_url: 'https://mcp.example/mcp', token: 'sentinel-token' };
  await platform.credentials.create(vault.id, { auth }, { label: 'x' });
  sandbox.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'status', status: 500 } });
  const error = await create().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(written).toEqual([]);
  vi.unstubAllEnvs();
});
