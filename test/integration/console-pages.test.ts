/**
 * The pages of a console: who comes to which, by one table of page × role × method that is walked whole; what counts as a
 * browser of somebody, and what a form has to be.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pages } from '../../internal/console/pages/table.ts';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { type PersonName, people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type Answered, ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { browserAt, type ConsoleBrowser, visitAt } from '../support/console-browser.ts';
import { asking, callerAt, idTokenOf, patiently } from '../support/console-caller.ts';

let sandbox: Sandbox;
let running: RunningConsole;
let ada: ConsoleBrowser;

/** One role each, so that none can stand in for another. */
const holders = { user: 'ada', approver: 'grace', auditor: 'linus', admin: 'mallory' } as const;

beforeAll(async () => {
  sandbox = await startSandbox();
  running = await beginSecrets()(() =>
    startConsole(sandbox, (content) => {
      const only = (person: PersonName) => ({ groups: [], principals: [people[person].subject] });
      content.people.roles = Object.fromEntries(Object.entries(holders).map(([role, person]) => [role, only(person)]));
      content.people.operators = { groups: ['operators'] };
    }),
  );
  ada = await browserAt(running.origin, 'ada');
});
afterAll(async () => {
  await running.stop();
  await sandbox.close();
});

const at = (path: string) => `${running.origin}${path}`;
const placeOf = (path: string) => path.replace(':service', 'notion').replace(/:\w+/g, 'none');
const textOf = ({ body }: Answered) =>
  body.replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '').replace(/<[^>]+>/g, ' ');
/** Ada's browser, signed in with other claims than she has. */
async function signedInAs(claims: Record<string, unknown>): Promise<ConsoleBrowser> {
  sandbox.identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge(claims),
  }));
  try {
    return await browserAt(running.origin, 'ada');
  } finally {
    sandbox.identityProvider.control.tamperTokenResponse();
  }
}

describe('the table of pages', () => {
  test('lets each role come to what the table says, with its method, and to nothing else [P4]', async () => {
    const browsers: Record<string, ConsoleBrowser> = {
      user: ada,
      approver: await browserAt(running.origin, holders.approver),
      auditor: await browserAt(running.origin, holders.auditor),
      admin: await browserAt(running.origin, holders.admin),
      operator: await signedInAs({ sub: 'an-operator', groups: ['operators'] }),
      'no role': await signedInAs({ sub: 'nobody-in-particular', groups: [] }),
    };
    const wrong: string[] = [];
    const walk = async (role: string, browser: ConsoleBrowser) => {
      for (const { path, method: kind, audience } of pages) {
        const own = kind === 'POST' ? 'POST' : 'GET';
        const isIn = audience === 'proven' || audience.some((each) => each === role);
        for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
          if (
            method !== own &&
            pages.some((page) => page.path === path && (page.method === 'POST' ? 'POST' : 'GET') === method)
          )
            continue;
          const form = { origin: running.origin, 'content-type': 'application/x-www-form-urlencoded' };
          const headers = { 'sec-fetch-site': 'same-origin', ...(method === 'POST' && form) };
          const streaming = kind === 'stream' ? { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' } : {};
          const answered = await browser.get(placeOf(path), {
            method,
            headers: { ...headers, ...streaming },
            body: '',
          });
          const { status } = answered;
          const isRefused = textOf(answered).includes('has no role');
          // A form without its token does nothing, whoever sends it; who may not send it at all hears that first.
          const good =
            method !== own
              ? status === 404
              : isIn
                ? status !== 401 && status !== 404 && !isRefused
                : status === 403 && isRefused;
          if (!good) wrong.push(`${role} ${method} ${path}: ${status} ${textOf(answered)}`);
        }
      }
    };
    // Each waits for the limit of one person: they do so beside each other.
    await Promise.all(Object.entries(browsers).map(([role, browser]) => walk(role, browser)));
    expect(wrong).toEqual([]);
  }, 240_000);

  test('sends whoever is not signed in to sign in, and lets them do nothing', async () => {
    for (const { path, method } of pages) {
      const { status, headers } = await patiently(() =>
        ask(at(placeOf(path)), { method: method === 'POST' ? 'POST' : 'GET' }),
      );
      const place = String(headers['location'] ?? '').split('?')[0];
      expect([path, status, place]).toEqual([
        path,
        method === 'GET' ? 303 : method === 'POST' ? 415 : 401,
        method === 'GET' ? '/sign-in' : '',
      ]);
    }
  });
});

describe('a browser', () => {
  test('comes back to where it was going, and sees whose page it is', async () => {
    const { status, url, body } = await visitAt(at('/connections?x=1'), 'ada');
    expect([status, url]).toEqual([200, at('/connections?x=1')]);
    expect(body).toContain('<bdi>ada@example.test</bdi>');
    expect(body.length).toBeLessThan(100_000);
  });

  test('counts by its cookie at the pages alone, and a session of a command counts at none of them [P2]', async () => {
    const cookie = /__Host-console=([\w-]+)/.exec(ada.cookie)?.[1] ?? '';
    expect(cookie).toMatch(/^[\w-]{43}$/);
    const command = await callerAt(running.origin, await idTokenOf(sandbox, 'ada'));
    for (const headers of [
      { cookie: ada.cookie },
      { authorization: `Bearer ${cookie}` },
      { authorization: `DPoP ${cookie}` },
    ]) {
      const question = {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ request: {}, asking }),
      };
      expect([401, 403]).toContain((await patiently(() => ask(at('/v1/use-cases/listConnections'), question))).status);
    }
    for (const headers of [
      { cookie: `__Host-console=${command.token}` },
      { authorization: `DPoP ${command.token}` },
      { cookie: `${ada.cookie}; ${ada.cookie}` },
    ]) {
      expect((await patiently(() => ask(at('/connections'), { headers }))).status).toBe(303);
    }
  });

  test('is signed out for good, and only by its own form', async () => {
    const other = await browserAt(running.origin, 'ada');
    const form = await other.form('/connections', '/sign-out');
    for (const wrong of [
      { ...form, headers: { ...form.headers, origin: 'https://evil.example' } },
      { ...form, headers: { ...form.headers, 'sec-fetch-site': 'cross-site' } },
      { ...form, headers: { ...form.headers, cookie: ada.cookie } },
      { ...form, body: 'token=x' },
    ]) {
      expect((await patiently(() => ask(running.origin, wrong))).status).toBe(403);
    }
    expect((await other.get('/connections')).status).toBe(200);
    const { status, headers } = await patiently(() => ask(running.origin, form));
    expect([status, headers['location']]).toEqual([303, '/signed-out']);
    expect((await other.get('/connections')).headers['location']).toMatch(/^\/sign-in/);
  });

  test('hears nothing more once it is signed out: its stream ends [P4]', async () => {
    const grace = await browserAt(running.origin, 'grace');
    const { cookie } = grace;
    const streamed = await fetch(at('/events?approvals=1'), { headers: { cookie, 'sec-fetch-mode': 'cors' } });
    const reader = streamed.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    // Who signs out is at a page that is for anybody.
    const { status } = await grace.press('/approvals', '/sign-out');
    expect(status).toBe(303);
    while ((await reader?.read())?.done === false);
  });

  test('has no run begun by a HEAD, which nobody would ever read', async () => {
    const grace = await browserAt(running.origin, 'grace');
    const headers = { cookie: grace.cookie };
    for (let count = 0; count < 25; count += 1) {
      await patiently(() => ask(at('/events?approvals=1'), { method: 'HEAD', headers }));
    }
    expect((await grace.get('/approvals')).status).toBe(200);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['other groups', { groups: ['<b>sales</b>'] }, 'the claim "groups" of the ID token says "<b>sales</b>"'],
    ['a group called like a word of a terminal', { groups: ['terminal --all'] }, 'says "terminal --all"'],
    ['numbers for groups', { groups: [7] }, 'holds "7", which is not a text'],
    ['no groups', { groups: undefined }, 'the ID token has no claim "groups"'],
  ])(
    'of somebody with %s is told which claim was looked at and what is in it [P9, P10]',
    async (_what, claims, said) => {
      const nobody = await signedInAs({ sub: `nobody-${JSON.stringify(claims)}`, ...claims });
      const { status, body } = await nobody.get('/');
      expect([status, body]).toEqual([403, expect.stringContaining('no role of this console is yours')]);
      const escaped = said.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
      expect(body.replaceAll(/<\/?bdi>/g, '')).toContain(escaped);
      expect(body).not.toContain('<b>');
    },
  );

  const refused: [what: string, path: string, status: number, headers?: Record<string, string>][] = [
    ['an answer that no sign-in of it began', '/callback?code=x&state=y', 401],
    ['an answer without a state', '/callback?code=x', 401],
    ['a page in a frame', '/connections', 403, { 'sec-fetch-dest': 'iframe' }],
    [
      'a page that a script of another page fetches',
      '/connections',
      403,
      { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    ],
    ['what is not there', '/nothing', 404],
  ];
  test.each(refused)('is refused %s, with the id of its request', async (_what, path, status, headers) => {
    const answered = await ada.get(path, headers && { headers });
    expect(answered.status).toBe(status);
    expect(answered.headers['content-type']).toMatch(/^text\/html/);
    expect(textOf(answered)).toContain(String(answered.headers['x-request-id']));
  });

  test('goes nowhere else after a sign-in than to a page of the console', async () => {
    for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example', 'evil', '/%2f%2fevil.example']) {
      const { url } = await visitAt(at(`/sign-in?to=${encodeURIComponent(to)}`), 'ada');
      expect(new URL(url).origin).toBe(running.origin);
    }
  });

  test('keeps and loads nothing beside the page', async () => {
    const { headers } = await ada.get('/connections');
    expect(headers['cache-control']).toBe('no-store, no-transform');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toMatch(/unsafe|https?:/);
  });
});
