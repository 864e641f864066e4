/**
 * Who comes to what at a console: one table of route × role × method, walked whole, and everything that somebody could show in
 * place of what proves them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clock } from '../../internal/clock/clock.ts';
import { routes } from '../../internal/console/routes.ts';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { type PersonName, people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type Answered, ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import {
  asking,
  type Caller,
  callerAt,
  exchangeAt,
  idTokenOf,
  linesOf,
  newKey,
  patiently,
  proofOf,
  type TokenChange,
} from '../support/console-caller.ts';

let sandbox: Sandbox;
let running: RunningConsole;
let ada: Caller;

/** One role each, so that none can stand in for another. */
const holders = { user: 'ada', approver: 'grace', auditor: 'linus', admin: 'mallory' } as const;

beforeAll(async () => {
  sandbox = await startSandbox();
  running = await beginSecrets()(() =>
    startConsole(sandbox, (content) => {
      const only = (person: PersonName) => ({ groups: [], principals: [people[person].subject] });
      content.people.roles = {
        user: only('ada'),
        approver: only('grace'),
        auditor: only('linus'),
        admin: only('mallory'),
      };
      content.people.operators = { groups: ['operators'] };
    }),
  );
  ada = await callerAt(running.origin, await idTokenOf(sandbox, 'ada'));
});
afterAll(async () => {
  await running.stop();
  await sandbox.close();
});

const at = (path: string) => `${running.origin}${path}`;
const codeOf = ({ body }: Answered) => (JSON.parse(body) as { error: { code: string } }).error.code;

describe('the table of routes', () => {
  test('lets each role take what the table says, with its method, and nothing else [P4]', {
    timeout: 120_000,
  }, async () => {
    const operator = { claims: { sub: 'an-operator', groups: ['operators'] } };
    const tokens = {
      user: await idTokenOf(sandbox, holders.user),
      approver: await idTokenOf(sandbox, holders.approver),
      auditor: await idTokenOf(sandbox, holders.auditor),
      admin: await idTokenOf(sandbox, holders.admin),
      operator: await idTokenOf(sandbox, 'ada', operator),
      'no role': await idTokenOf(sandbox, 'ada', { claims: { sub: 'nobody-in-particular', groups: [] } }),
    };
    const wrong: string[] = [];
    for (const [role, token] of Object.entries(tokens)) {
      const caller = await callerAt(running.origin, token);
      for (const { path, method: own, admission, useCase } of routes()) {
        // A table of everything would come to the limit of one person.
        await clock.pause(0);
        const place = path.replace(':run', 'none').replace(':question', '1');
        for (const method of useCase === undefined || role === 'user' ? ['GET', 'POST', 'PUT', 'DELETE'] : [own]) {
          const { status, body } = await patiently(() =>
            // A request that no use-case takes: whoever is let in learns so, and nothing is done.
            caller.ask(place, { method, ...(method === 'POST' && { body: { request: { no: 'such' }, asking } }) }),
          );
          const isOwn = method === own;
          const let_in = admission === role || ['everybody', 'proven', 'this machine'].includes(admission);
          const good = isOwn ? (let_in ? ![401, 403, 404].includes(status) : status === 403) : status === 404;
          // HEAD and GET are one; nothing else is.
          if (!good) wrong.push(`${role} ${method} ${path}: ${status} ${body}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('lets nobody take anything without proof, and knows nothing that is not in it', async () => {
    for (const { path, method, admission } of routes()) {
      const open = admission === 'everybody' || admission === 'this machine';
      const place = at(path.replace(':run', 'x').replace(':question', '1'));
      const { status } = await patiently(() => ask(place, { method }));
      expect([path, open ? ![401, 404].includes(status) : status === 401]).toEqual([path, true]);
    }
    const unlisted = [
      'syncSkills',
      'makeOwnershipKey',
      'applyAgents',
      'openConnectionsPage',
      'login',
      'constructor',
      '__proto__',
      'startSession/',
      'startSession%2f..',
      'StartSession',
    ];
    for (const name of unlisted) {
      const { status } = await patiently(() => ada.ask(`/v1/use-cases/${name}`, { body: { request: {}, asking } }));
      expect([name, status]).toEqual([name, 404]);
    }
    for (const path of ['/v1', '/v1/use-cases', '/metrics/', '/.env', '/v1/token/']) {
      expect((await patiently(() => ask(at(path), { method: 'GET' }))).status).toBe(404);
    }
  });
});

describe('what proves nobody', () => {
  const rows: readonly (readonly [string, TokenChange])[] = [
    ['a token of another client', { claims: { aud: 'another-client' } }],
    ['a token for several clients', { claims: { aud: ['mai-cli', 'another-client'] } }],
    ['a token of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['a token that has expired', { claims: { exp: 1_700_000_000 } }],
    ['a token of tomorrow', { claims: { iat: Math.floor(Date.now() / 1000) + 86_400 } }],
    ['a token without a subject', { claims: { sub: undefined } }],
    ['a token signed by a stranger', { signedBy: 'stranger' }],
    ['a token that nobody signed', { signedBy: 'nobody' }],
    ['an access token', { typ: 'at+jwt' }],
    ['a logout token', { typ: 'logout+jwt' }],
  ];
  test.each(rows)('%s is exchanged for nothing [P2]', async (_what, change) => {
    const answered = await exchangeAt(running.origin, newKey(), await idTokenOf(sandbox, 'ada', change));
    expect([answered.status, codeOf(answered)]).toEqual([403, 'identity_refused']);
    expect(answered.body).not.toContain('access_token');
  });

  test('a token without a proof of a key, or with one that was shown, is old, or is of another request [P2]', async () => {
    const token = await idTokenOf(sandbox, 'ada');
    const key = newKey();
    const url = at('/v1/token');
    const good = await proofOf(key, { method: 'POST', url });
    expect((await exchangeAt(running.origin, key, token, { proof: good })).status).toBe(200);
    const proofs: Record<string, string | undefined> = {
      none: undefined,
      'shown before': good,
      'of long ago': await proofOf(key, { method: 'POST', url }, { iat: Math.floor(Date.now() / 1000) - 300 }),
      'of tomorrow': await proofOf(key, { method: 'POST', url }, { iat: Math.floor(Date.now() / 1000) + 300 }),
      'of another method': await proofOf(key, { method: 'GET', url }),
      'of another address': await proofOf(key, { method: 'POST', url: 'https://evil.example/v1/token' }),
      'of another path': await proofOf(key, { method: 'POST', url: at('/v1/use-cases/startSession') }),
      'of another type': await proofOf(key, { method: 'POST', url }, {}, { typ: 'JWT' }),
      'without an id': await proofOf(key, { method: 'POST', url }, { jti: '' }),
      two: `${await proofOf(key, { method: 'POST', url })}, ${await proofOf(key, { method: 'POST', url })}`,
      nonsense: 'e30.e30.e30',
    };
    for (const [what, proof] of Object.entries(proofs)) {
      const answered = await exchangeAt(running.origin, key, token, { proof });
      expect([what, answered.status]).toEqual([what, 403]);
    }
  });

  test('a session shown as a bearer token, in a cookie, with another key, or with a proof of another session is none [P2]', async () => {
    const path = '/v1/use-cases/listSessions';
    const url = at(path);
    const thief = newKey();
    const other = await callerAt(running.origin, await idTokenOf(sandbox, 'grace'));
    const shown: Record<string, Record<string, string>> = {
      bearer: {
        authorization: `Bearer ${ada.token}`,
        dpop: await proofOf(ada.key, { method: 'POST', url, token: ada.token }),
      },
      'another key': {
        authorization: `DPoP ${ada.token}`,
        dpop: await proofOf(thief, { method: 'POST', url, token: ada.token }),
      },
      'no proof': { authorization: `DPoP ${ada.token}` },
      'a proof beside another token': {
        authorization: `DPoP ${ada.token}`,
        dpop: await proofOf(ada.key, { method: 'POST', url, token: other.token }),
      },
      'a proof without a token': {
        authorization: `DPoP ${ada.token}`,
        dpop: await proofOf(ada.key, { method: 'POST', url }),
      },
      'a made-up token': {
        authorization: 'DPoP aaaaaaaaaaaaaaaa',
        dpop: await proofOf(ada.key, { method: 'POST', url, token: 'aaaaaaaaaaaaaaaa' }),
      },
      'a cookie': { cookie: `session=${ada.token}; __Host-session=${ada.token}` },
      nothing: {},
    };
    for (const [what, headers] of Object.entries(shown)) {
      const body = JSON.stringify({ request: { all: false }, asking });
      const question = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
      const answered = await patiently(() => ask(url, question));
      expect([what, [401, 403].includes(answered.status)]).toEqual([what, true]);
    }
  });

  test('an access token counts for this console alone, and in its own way [P2]', async () => {
    const origin = running.origin;
    const path = '/v1/use-cases/listConnections';
    const key = newKey();
    const jkt = await thumbprintOf(key);
    const good = { aud: origin, client_id: 'a-program' };
    const use = async (change: TokenChange, scheme = 'Bearer') => {
      const token = await idTokenOf(sandbox, 'ada', { typ: 'at+jwt', ...change });
      // One for each try: what is refused as too often has shown its proof.
      return await patiently(async () =>
        ask(at(path), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `${scheme} ${token}`,
            ...(scheme === 'DPoP' && { dpop: await proofOf(key, { method: 'POST', url: at(path), token }) }),
          },
          body: JSON.stringify({ request: {}, asking }),
        }),
      );
    };
    expect((await use({ claims: good })).status).toBe(200);
    expect((await use({ claims: { ...good, cnf: { jkt } } }, 'DPoP')).status).toBe(200);
    const refused: Record<string, [TokenChange, string?]> = {
      'for the commands': [{ claims: { client_id: 'a-program' } }],
      'for another resource': [{ claims: { ...good, aud: 'https://other.example' } }],
      'for others too': [{ claims: { ...good, aud: [origin, 'https://other.example'] } }],
      'an ID token': [{ claims: good, typ: 'JWT' }],
      'without a client': [{ claims: { aud: origin } }],
      'signed by a stranger': [{ claims: good, signedBy: 'stranger' }],
      'that has expired': [{ claims: { ...good, exp: 1_700_000_000 } }],
      'that is bound, shown without its key': [{ claims: { ...good, cnf: { jkt } } }],
      'that is bound to another key': [{ claims: { ...good, cnf: { jkt: 'another' } } }, 'DPoP'],
      'that is bound in a way that is not known': [{ claims: { ...good, cnf: { 'x5t#S256': 'x' } } }],
      'that is not bound, shown as if it were': [{ claims: good }, 'DPoP'],
    };
    for (const [what, [change, scheme]] of Object.entries(refused)) {
      expect([what, [401, 403].includes((await use(change, scheme)).status)]).toEqual([what, true]);
    }
  });
});

async function thumbprintOf(key: ReturnType<typeof newKey>): Promise<string> {
  const { calculateJwkThumbprint, exportJWK } = await import('jose');
  return await calculateJwkThumbprint(await exportJWK(key.publicKey));
}

describe('what a request is', () => {
  test('another Host, a word of a proxy that nobody named, and too much are refused', async () => {
    const asked = async (headers: Record<string, string>, path = '/v1/token') =>
      (await ask(at(path), { method: 'POST', headers })).status;
    expect(await asked({ host: 'evil.example' })).toBe(421);
    expect(await asked({ host: `localhost:${running.port}` })).toBe(421);
    expect(await asked({ 'x-forwarded-for': '127.0.0.1' })).toBe(403);
    expect(await asked({ 'x-forwarded-proto': 'https', 'x-forwarded-for': '10.0.0.1' })).toBe(403);
    expect((await ask(at('/metrics'), { headers: { 'x-forwarded-for': '127.0.0.1' } })).status).toBe(403);
    const large = await patiently(() =>
      ada.ask('/v1/use-cases/listSessions', { body: `"${'x'.repeat(1024 * 1024)}"` }),
    );
    expect(large.status).toBe(413);
    for (const body of ['{', '[]', '{"request":{}}', JSON.stringify({ request: {}, asking, person: 'grace' })]) {
      expect((await patiently(() => ada.ask('/v1/use-cases/listSessions', { body }))).status).toBe(400);
    }
    const plain = await patiently(() =>
      ada.ask('/v1/use-cases/listSessions', { body: '{}', headers: { 'content-type': 'text/plain' } }),
    );
    expect(plain.status).toBe(400);
  });

  test('every error has an id, and no answer has a secret or a stack [P3]', async () => {
    const { status, headers, body } = await patiently(() => ask(at('/v1/use-cases/listSessions'), { method: 'POST' }));
    const { error } = JSON.parse(body) as { error: { id: string } };
    expect([status, headers['x-request-id'], headers['cache-control']]).toEqual([401, error.id, 'no-store']);
    expect(running.journal()).toContain(error.id);
    for (const text of [running.journal(), body]) {
      for (const secret of [sandbox.platform.apiKey, ada.token, ...sandbox.issuedSecrets()])
        expect(text).not.toContain(secret);
    }
  });

  test('a run of somebody else is not there: not to answer, not to interrupt [P1]', async () => {
    const grace = await callerAt(running.origin, await idTokenOf(sandbox, 'grace'));
    const body = {
      request: { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false },
      asking,
    };
    const waiting = patiently(() => ada.ask('/v1/use-cases/connect', { body }));
    const begun = () => /use-cases\/connect","method":"POST","status":200/.test(running.journal());
    await expect.poll(begun, { timeout: 20_000 }).toBe(true);
    const id = /"id":"([\w-]+)","route":"\/v1\/use-cases\/connect","method":"POST","status":200/.exec(
      running.journal(),
    )?.[1];
    for (const path of [`/v1/runs/${id}/interrupt`, `/v1/runs/${id}/answers/1`]) {
      expect(codeOf(await patiently(() => grace.ask(path, { body: { port: 4711 } })))).toBe('usage');
    }
    expect((await patiently(() => ada.ask(`/v1/runs/${id}/interrupt`, { body: {} }))).status).toBe(204);
    expect(linesOf(await waiting).find(({ kind }) => kind === 'error')).toMatchObject({
      error: { code: 'interrupted' },
    });
  });

  test('the description is made of what judges requests, and names exactly the routes', async () => {
    const { status, body } = await patiently(() => ada.ask('/v1/openapi.json', { method: 'GET' }));
    expect(status).toBe(200);
    const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(
      routes()
        .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`)
        .sort(),
    );
    expect(JSON.stringify(paths['/v1/use-cases/startSession'])).toContain('"agent"');
  });
});
