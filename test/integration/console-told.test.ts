/** What others tell a console of what happened elsewhere, each with a signature: a sign-in that ended, and what the platform sends. */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import {
  asking,
  callerAt,
  exchangeAt,
  idTokenOf,
  linesOf,
  newKey,
  type TokenChange,
} from '../support/console-caller.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { bringLogout, logoutEvent, logoutTokenOf } from '../support/logout-token.ts';
import { type DeliveryChange, deliverTo, eventText, signingKeys } from '../support/platform-webhooks.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { soon } from '../support/soon.ts';

const world = sandboxPerTest();
let running: RunningConsole | undefined;
beforeEach(() => {
  running = undefined;
});
afterEach(async () => {
  await running?.stop();
});

const started = async (...words: Parameters<typeof startConsole> extends [unknown, ...infer Rest] ? Rest : never) => {
  running = await startConsole(world.sandbox, ...words);
  return running;
};
const codeOf = ({ body }: Answered) => (JSON.parse(body) as { error: { code: string } }).error.code;
const messageOf = ({ body }: Answered) => (JSON.parse(body) as { error: { message: string } }).error.message;
const list = '/v1/use-cases/listConnections';
const listed = { body: { request: {}, asking } };
const errorIn = (answered: Answered) => linesOf(answered).find(({ kind }) => kind === 'error')?.['error'];

const seconds = () => Math.floor(Date.now() / 1000);
const event = logoutEvent;

const logoutToken = async (change?: TokenChange) => await logoutTokenOf(world.sandbox, change);
const bring = async (token: string, form?: Record<string, string>) =>
  await bringLogout(running?.origin ?? '', token, form && { form });
const signedIn = async (sid: string | undefined, person: 'ada' | 'grace' = 'ada') =>
  await idTokenOf(world.sandbox, person, { claims: { sid, iat: seconds() - 5 } });

describe('a sign-in that ended at the provider', () => {
  test('ends its sessions and runs at once, and no other’s; what is of it opens none, also after a restart [P2]', async () => {
    const { data } = await started();
    const token = await signedIn('one');
    const ada = await callerAt(running?.origin ?? '', token);
    const elsewhere = await callerAt(running?.origin ?? '', await signedIn('two'));
    const grace = await callerAt(running?.origin ?? '', await signedIn('one', 'grace'));
    const request = { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false };
    const waiting = ada.ask('/v1/use-cases/connect', { body: { request, asking } });
    await expect.poll(() => running?.journal(), { timeout: 30_000 }).toContain('/v1/use-cases/connect');
    const told = await bring(await logoutToken());
    expect([told.status, told.headers['cache-control'], told.body]).toEqual([200, 'no-store', '']);
    expect(errorIn(await waiting)).toMatchObject({ code: 'interrupted' });
    const asked = await Promise.all([ada, elsewhere, grace].map(async (each) => (await each.ask(list, listed)).status));
    expect(asked).toEqual([401, 200, 200]);
    const again = async () => await exchangeAt(running?.origin ?? '', newKey(), token);
    expect([(await again()).status, codeOf(await again())]).toEqual([401, 'sign_in_needed']);
    const claims = { aud: running?.origin, client_id: 'a-program', sid: 'one' };
    const other = await idTokenOf(world.sandbox, 'ada', { claims, typ: 'at+jwt' });
    const headers = { authorization: `Bearer ${other}` };
    expect((await ask(`${running?.origin}${list}`, { method: 'POST', headers })).status).toBe(401);
    await running?.stop();
    await started(() => {}, { data });
    expect(codeOf(await again())).toBe('sign_in_needed');
    expect((await exchangeAt(running?.origin ?? '', newKey(), await signedIn('three'))).status).toBe(200);
  });

  test('without a name is every one of that person up to then, and none after it [P2]', async () => {
    await started();
    const [one, two] = [await signedIn('one'), await signedIn(undefined)];
    const sessions = await Promise.all([one, two].map(async (each) => await callerAt(running?.origin ?? '', each)));
    const grace = await callerAt(running?.origin ?? '', await signedIn('one', 'grace'));
    expect((await bring(await logoutToken({ claims: { sid: undefined, iat: seconds() - 2 } }))).status).toBe(200);
    for (const each of sessions) expect((await each.ask(list, listed)).status).toBe(401);
    expect((await grace.ask(list, listed)).status).toBe(200);
    for (const each of [one, two]) expect((await exchangeAt(running?.origin ?? '', newKey(), each)).status).toBe(401);
    const after = await idTokenOf(world.sandbox, 'ada', { claims: { sid: 'later' } });
    expect((await exchangeAt(running?.origin ?? '', newKey(), after)).status).toBe(200);
  });

  const rows: readonly (readonly [string, TokenChange, string])[] = [
    ['of the type of an ID token', { typ: 'JWT' }, 'typ'],
    ['of the type of an access token', { typ: 'at+jwt' }, 'typ'],
    ['signed by a stranger', { signedBy: 'stranger' }, 'has not signed it'],
    ['that nobody signed', { signedBy: 'nobody' }, ''],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, 'iss'],
    ['for another client', { claims: { aud: 'another-client' } }, 'aud'],
    ['that has expired', { claims: { exp: 1_700_000_000 } }, 'expired'],
    ['that never expires', { claims: { exp: undefined } }, 'exp'],
    ['of long ago', { claims: { iat: seconds() - 3600 } }, 'iat'],
    ['of tomorrow', { claims: { iat: seconds() + 86_400 } }, 'iat'],
    ['that does not say when it was made', { claims: { iat: undefined } }, 'iat'],
    ['without an id', { claims: { jti: undefined } }, 'jti'],
    ['with an empty id', { claims: { jti: '' } }, 'jti'],
    ['about nothing', { claims: { events: undefined } }, 'events'],
    ['about something else', { claims: { events: { 'https://example.com/other': {} } } }, 'events'],
    ['whose event is no object', { claims: { events: { [event]: true } } }, 'events'],
    ['whose events are a list', { claims: { events: [event] } }, 'events'],
    ['with a nonce', { claims: { nonce: 'n' } }, 'nonce'],
    ['with a nonce that is nothing', { claims: { nonce: null } }, 'nonce'],
    ['of nobody', { claims: { sub: undefined, sid: undefined } }, 'neither'],
    ['whose sign-in is no text', { claims: { sid: 7 } }, 'no text'],
    ['whose person is no text', { claims: { sub: ['x'] } }, ''],
  ];
  test('is believed where it is said in full, and once [P2]', async () => {
    await started();
    const ada = await callerAt(running?.origin ?? '', await signedIn('one'));
    for (const [what, change, why] of rows) {
      const refused = await bring(await logoutToken(change));
      expect([what, refused.status, codeOf(refused)]).toEqual([what, 400, 'identity_refused']);
      expect([what, messageOf(refused)]).toEqual([what, expect.stringContaining(why)]);
    }
    const token = await logoutToken();
    for (const form of [{}, { logout_token: '' }, { logout_token: 'e30.e30.e30' }, { token }]) {
      expect((await bring('', form as Record<string, string>)).status).toBe(400);
    }
    const twice = `logout_token=${token}&logout_token=${token}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await ask(`${running?.origin}/v1/logout`, { method: 'POST', headers, body: twice })).status).toBe(400);
    expect((await ada.ask(list, listed)).status).toBe(200);
    expect((await bring(token)).status).toBe(200);
    expect((await ada.ask(list, listed)).status).toBe(401);
    const again = await bring(token);
    expect([again.status, messageOf(again)]).toEqual([400, expect.stringContaining('shown before (jti)')]);
    expect(running?.journal()).not.toContain(token);
  });

  test('that could not be taken in full is taken when it is brought again [P2]', async () => {
    const { data } = await started();
    const folder = join(data, 'state', 'record');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o777);
    const token = await logoutToken();
    const failed = await bring(token);
    expect([failed.status, codeOf(failed)]).toEqual([503, 'record_unwritable']);
    await chmod(folder, 0o700);
    expect((await bring(token)).status).toBe(200);
    expect((await bring(token)).status).toBe(400);
    expect(await readFile(join(folder, 'record-000001.jsonl'), 'utf8')).toContain('sign_in.ended');
  });

  test('has the command sign in again by itself where one was kept, and then it goes on', async () => {
    await keepSignIns(world);
    await started();
    const machine = await world.machine();
    const list = async () => await world.connect(['list'], { folder: machine, environment: { ANTHROPIC_API_KEY: '' } });
    const first = await list();
    const kept = await list();
    expect([first.exit, first.visited.length, kept.exit, kept.visited.length]).toEqual([0, 1, 0, 0]);
    await bring(await logoutToken({ claims: { sid: undefined } }));
    // A provider says seconds: what it signs in the very second of a sign-out may be of before it.
    await vi.waitFor(
      async () => {
        const { exit, visited, stderr } = await list();
        expect([exit, visited.length, stderr]).toEqual([0, 1, expect.stringContaining('sign in again')]);
      },
      { timeout: 20_000, interval: 500 },
    );
  });
});

describe('what the platform sends', () => {
  const keys = signingKeys;
  const withKeys = { environment: { ANTHROPIC_WEBHOOK_SIGNING_KEY: keys.join(' ') }, graceMs: 300 };
  const deliver = async (body: string, change?: DeliveryChange) => await deliverTo(running?.origin ?? '', body, change);
  const alarmsOf = (isMeant: (line: string) => boolean) =>
    (running?.journal().match(/"what":"alarm"[^\n]*/g) ?? []).filter(isMeant);
  const alarms = () => alarmsOf((line) => !line.includes(last));
  /** Nothing explains this one: once it is an alarm, everything that came before it was judged. */
  const last = 'vlt_the_last_of_all';
  let lasts = 0;
  const judged = async () => {
    lasts += 1;
    const vault = `${last}_${lasts}`;
    expect((await deliver(eventText('vault.deleted', vault))).status).toBe(204);
    await soon(() => expect(alarmsOf((line) => line.includes(vault))).toHaveLength(1));
  };
  const record = async () =>
    (await readFile(join(running?.data ?? '', 'state', 'record', 'record-000001.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"heard"') && !line.includes(last))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const metrics = async () => (await ask(`${running?.origin}/metrics`)).body;

  test('of a token that could not be renewed shows in list, until the person connects again', async () => {
    await started(() => {}, withKeys);
    const without = { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } };
    await world.connect(['notion'], without);
    const [credential] = await world.credentials();
    const { id = '', vault_id } = credential ?? {};
    const failed = async (at: Date) =>
      await deliver(eventText('vault_credential.refresh_failed', id, { vault_id }, at));
    expect((await failed(new Date(Date.now() - 3_600_000))).status).toBe(204);
    expect((await world.connect(['list'], without)).stdout).toMatch(/notion +connected/);
    // After what is connected by now, and before what is connected later.
    const failedAt = new Date(Date.now() + 1_000);
    expect((await failed(failedAt)).status).toBe(204);
    const listed = await world.connect(['list'], without);
    expect(listed.stdout).toMatch(/notion +needs-reconnect/);
    expect(await world.connect(['check', 'notion'], without)).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('could not renew the token'),
    });
    await soon(() => expect(Date.now()).toBeGreaterThan(failedAt.getTime() + 500));
    await world.connect(['notion'], without);
    expect((await world.connect(['list'], without)).stdout).toMatch(/notion +connected/);
    await judged();
    expect(alarms()).toEqual([]);
  });

  test('that no act of ours explains is an alarm: in the log, in the figures and in the record', async () => {
    await world.apply();
    await started(() => {}, withKeys);
    const without = { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } };
    await world.connect(['notion'], without);
    const { stdout } = await world.setup(['--agent', 'support'], without);
    const [credential] = await world.credentials();
    const { id = '', vault_id: vault = '' } = credential ?? {};
    const ours = [
      eventText('vault.created', vault),
      eventText('vault_credential.created', id, { vault_id: vault }),
      eventText('session.created', stdout.trim()),
      eventText('session.running', 'sesn_of_others'),
      eventText('session.archived', 'sesn_of_others'),
      eventText('agent.updated', 'agent_of_others'),
      eventText('memory_store.created', 'memstore_1'),
    ];
    for (const each of ours) expect((await deliver(each)).status).toBe(204);
    await judged();
    expect(alarms()).toEqual([]);
    const lock = JSON.parse(await readFile(join(world.sandbox.configFolder, 'agents.lock.json'), 'utf8')) as {
      agents: { support: { id: string } };
    };
    const foreign = [
      eventText('session.created', 'sesn_foreign'),
      eventText('vault_credential.archived', id, { vault_id: vault }),
      eventText('vault.deleted', vault),
      eventText('agent.updated', lock.agents.support.id),
      eventText('session.archived', stdout.trim()),
    ];
    for (const each of foreign) expect((await deliver(each)).status).toBe(204);
    await expect.poll(() => alarms().length, { timeout: 30_000 }).toBe(5);
    // All are said before the first one is written.
    await expect.poll(async () => (await record()).length, { timeout: 30_000 }).toBe(5);
    const heard = (await record()).map(({ what, target }) => [what, (target as { id: string }).id]);
    expect(heard).toEqual([
      ['session.created', 'sesn_foreign'],
      ['vault_credential.archived', id],
      ['vault.deleted', vault],
      ['agent.updated', lock.agents.support.id],
      ['session.archived', stdout.trim()],
    ]);
    expect(await metrics()).toContain('console_alarms_total{event="session.created"} 1');
    expect(await world.setup(['audit', 'verify'], without)).toMatchObject({ exit: 0 });
    const shown = await world.setup(['audit', 'show'], without);
    expect(shown.stdout).toContain('alarm.vault.deleted');
    // What has just come is judged before the console ends, and what was brought before a restart is no second alarm.
    const late = eventText('vault.archived', 'vlt_late');
    await deliver(late, { id: 'msg_late' });
    const { data } = running as RunningConsole;
    await running?.stop();
    await started(() => {}, { ...withKeys, data });
    expect((await record()).length).toBe(6);
    await deliver(late, { id: 'msg_late' });
    await judged();
    expect([alarms(), (await record()).length]).toEqual([[], 6]);
  });

  test('counts once, and only where the platform has signed it just now [P9]', async () => {
    await started(() => {}, withKeys);
    const event = eventText('vault.deleted', 'vlt_x');
    const forged: Record<string, DeliveryChange> = {
      'by a stranger': { key: `whsec_${Buffer.alloc(24, 'stranger').toString('base64')}` },
      'with another body': { body: event.replace('vlt_x', 'vlt_y') },
      'for another id': { headers: { 'webhook-id': 'msg_other' } },
      'of six minutes ago': { at: seconds() - 360 },
      'of in six minutes': { at: seconds() + 360 },
      'with another time': { headers: { 'webhook-timestamp': String(seconds() - 1) } },
      'with a time that is none': { headers: { 'webhook-timestamp': `${seconds()}x` } },
      'without a signature': { headers: { 'webhook-signature': '' } },
      'with a signature of another kind': { headers: { 'webhook-signature': 'v2,AAAA' } },
      'without an id': { id: '' },
      'with an id that could be parted in another way': { id: 'msg.1' },
    };
    for (const [what, delivery] of Object.entries(forged)) {
      const refused = await deliver(event, delivery);
      expect([what, refused.status, codeOf(refused)]).toEqual([what, 400, 'identity_refused']);
    }
    await judged();
    expect(alarms()).toEqual([]);
    const once = { id: 'msg_once', at: seconds() - 10 };
    expect((await deliver(event, once)).status).toBe(204);
    const replayed = await deliver(event, once);
    expect([replayed.status, messageOf(replayed)]).toEqual([400, expect.stringContaining('was brought before')]);
    // The platform tries again where it had no answer, and signs that anew; with the other key, which takes the place of the first.
    expect((await deliver(event, { id: 'msg_once', key: keys[1] })).status).toBe(204);
    await judged();
    expect(alarms().length).toBe(1);
    for (const unread of ['{}', '[]', 'null', 'x', '{"data":{"type":7,"id":null}}', eventText('vault.deleted', '')]) {
      expect([unread, (await deliver(unread)).status]).toEqual([unread, 204]);
    }
    expect(await metrics()).toContain('console_deliveries_total{outcome="refused"} 12');
    expect(running?.journal()).not.toContain(keys[0]);
  });

  test('is not taken without a key, and no console begins with a key that is none', async () => {
    await started();
    expect((await deliver(eventText('vault.deleted', 'vlt_x'))).status).toBe(503);
    const wrong = { environment: { ANTHROPIC_WEBHOOK_SIGNING_KEY: `${keys[0]} not-a-key` } };
    await expect(startConsole(world.sandbox, () => {}, wrong)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a run that lasts longer than the session that it began in', () => {
  /** Longer than the session lasts; on a busy machine it takes longer still. */
  const longEnough = async () => await new Promise((resolve) => setTimeout(resolve, 5_000));
  test('is answered and interrupted all the same', async () => {
    await started(() => {}, { sessionSeconds: 4 });
    const without = { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } };
    const slow = await world.connect(['notion'], {
      ...without,
      browse: async (url) => {
        await longEnough();
        return await visit(url, { person: 'ada' });
      },
    });
    expect([slow.exit, slow.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    const interruption = new AbortController();
    const watched = world.setup(['approvals', '--watch'], { ...without, signal: interruption.signal });
    await soon(() => expect(running?.journal()).toContain('/v1/use-cases/listApprovals'));
    await longEnough();
    interruption.abort();
    expect((await watched).exit).toBe(130);
  });
});
