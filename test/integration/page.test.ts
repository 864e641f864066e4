/** The page of buttons over plain HTTP: what it does for the person in front of it, and for nobody else. */
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { deferred } from '../../internal/async/deferred.ts';
import { type Clock, machineClock } from '../../internal/clock/clock.ts';
import type { ConnectionStatus } from '../../internal/connection/check/status.ts';
import { stateInWords } from '../../internal/page/notice.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask, type Question } from '../support/ask.ts';
import { begin } from '../support/begin.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { enterPage, signInFor, type Visitor } from '../support/page-visitor.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { soon } from '../support/soon.ts';
import { fakeTerminal } from '../support/terminal.ts';

/** A run of the command whose browser does as told, once for each address that it is given. */
function openPage(
  run: (setting: Partial<CommandSetting>) => Promise<CommandOutcome>,
  setting: Partial<CommandSetting> = {},
  person = 'ada',
): { invitation: Promise<string>; ended: Promise<CommandOutcome> } {
  let invite: (address: Promise<string>) => void = () => {};
  const invitation = new Promise<string>((resolve) => {
    invite = resolve;
  });
  const ended = run({
    browse: async (address) => {
      // The second address is the invitation itself, where the browser did not come by itself.
      if (new URL(address).pathname.startsWith('/start/')) invite(signInFor(address, person));
      return await invitation;
    },
    ...setting,
  });
  return { invitation, ended };
}

describe('the page refuses', () => {
  let sandbox: Sandbox;
  let visitor: Visitor;
  let invitation: string;
  let ended: Promise<CommandOutcome>;
  beforeAll(async () => {
    sandbox = await startSandbox();
    const opened = openPage((setting) =>
      runCommand(serviceConnection, [], { ...setting, environment: sandbox.environment }),
    );
    ended = opened.ended;
    invitation = await opened.invitation;
    visitor = await enterPage(invitation);
    expect((await visitor.connect('notion')).body).toContain('Notion is connected');
  });
  afterAll(async () => {
    await visitor?.press('end');
    await ended;
    await sandbox?.close();
  });

  async function connected(): Promise<number> {
    const client = new Anthropic({ apiKey: sandbox.platform.apiKey, baseURL: sandbox.platform.baseUrl });
    let count = 0;
    for await (const vault of client.beta.vaults.list()) {
      for await (const each of client.beta.vaults.credentials.list(vault.id)) if (each.archived_at === null) count += 1;
    }
    return count;
  }

  /** Every way in which a request to take Notion out is not one of the person's own clicks. */
  const spoiled: [what: string, status: number, spoil: (good: Required<Question>, visitor: Visitor) => Question][] = [
    ['another host (DNS rebinding)', 421, header('host', 'evil.example')],
    [
      'this host by another name',
      421,
      (good) => header('host', good.headers['host']?.replace('127.0.0.1', 'localhost'))(good),
    ],
    ['an opaque origin', 403, header('origin', 'null')],
    ['a foreign origin', 403, header('origin', 'https://evil.example')],
    ['the origin of another port', 403, header('origin', 'http://127.0.0.1:1')],
    ['cross-site fetch metadata', 403, header('sec-fetch-site', 'cross-site')],
    ['same-site fetch metadata', 403, header('sec-fetch-site', 'same-site')],
    ['a script that fetches', 403, header('sec-fetch-mode', 'cors')],
    ['a frame', 403, header('sec-fetch-dest', 'iframe')],
    ['no cookie', 403, header('cookie', undefined)],
    ['a wrong cookie', 403, header('cookie', `page=${'A'.repeat(43)}`)],
    ['two cookies', 403, (good) => header('cookie', `page=planted; ${good.headers['cookie']}`)(good)],
    ['no token', 403, (good) => ({ ...good, body: 'service=notion' })],
    ['a wrong token', 403, (good) => ({ ...good, body: `service=notion&token=${'A'.repeat(43)}` })],
    [
      'the cookie as its token',
      403,
      (good, { cookie }) => ({ ...good, body: `service=notion&token=${cookie.slice(5)}` }),
    ],
    ['a token that comes twice', 403, (good, { token }) => ({ ...good, body: `${good.body}&token=${token}` })],
    ['JSON', 415, header('content-type', 'application/json')],
    ['plain text', 415, header('content-type', 'text/plain')],
    ['a file upload', 415, header('content-type', 'multipart/form-data; boundary=x')],
    ['no content type', 415, header('content-type', undefined)],
    ['a large body', 413, (good) => ({ ...good, body: `${good.body}&more=${'x'.repeat(5_000)}` })],
    ['PUT', 405, (good) => ({ ...good, method: 'PUT' })],
    ['DELETE', 405, (good) => ({ ...good, method: 'DELETE' })],
    ['OPTIONS, as private network access asks', 405, (good) => ({ ...good, method: 'OPTIONS' })],
    ['a slash more', 404, target((path) => `${path}/`)],
    ['two slashes', 404, target((path) => path.replace(/\/(?=\w+$)/, '//'))],
    ['dots', 404, target((path) => path.replace(/\/(?=\w+$)/, '/x/../'))],
    ['encoded dots', 404, target((path) => path.replace(/\/(?=\w+$)/, '/x/%2e%2e/'))],
    ['an encoded letter', 404, target((path) => path.replace('disconnect', '%64isconnect'))],
    ['a backslash', 404, target((path) => path.replace(/\/(?=\w+$)/, '\\'))],
    ['a whole address', 404, (good, { origin }) => target((path) => `${origin}${path}`)(good)],
    ['no word in front', 404, target(() => '/disconnect')],
    ['another word in front', 404, target(() => `/${'A'.repeat(22)}/disconnect`)],
    ['a long address', 414, target((path) => `${path}?${'x'.repeat(8 * 1024)}`)],
    [
      'a service that is not catalogued',
      404,
      (good, { token }) => ({ ...good, body: `service=__proto__&token=${token}` }),
    ],
  ];

  test.each(spoiled)('an act with %s: %i, and nothing happens [b7] [page]', async (_what, status, spoil) => {
    const answer = await ask(visitor.home, spoil(visitor.form('disconnect', { service: 'notion' }), visitor));
    expect([answer.status, await connected()]).toEqual([status, 1]);
    // In words, and none of them says anything of anybody.
    expect(answer.body).toMatch(/<h1>[^<]+<\/h1>|^[A-Z][^<]+\n$/);
    expect(answer.body).not.toMatch(/ada@example|Notion|name="token"/);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('an act by GET: there is none [page]', async () => {
    const query = `?service=notion&token=${visitor.token}&answer=yes`;
    for (const act of ['connect', 'check', 'answer', 'cancel', 'end']) {
      expect([act, (await visitor.get(`${act}${query}`)).status]).toEqual([act, 404]);
    }
    const asks = await visitor.get(`disconnect${query}`);
    expect([asks.status, asks.body.includes('Disconnect Notion?'), await connected()]).toEqual([200, true, 1]);
  });

  test.each([
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['an image', { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }],
    ['a script that fetches', { 'sec-fetch-mode': 'cors' }],
    ['a request that says another origin', { origin: 'https://evil.example' }],
    ['a stranger', { cookie: 'page=planted' }],
  ])('to show anything to %s [page]', async (_who, headers) => {
    for (const path of ['', 'flow', 'disconnect?service=notion']) {
      const { status, body } = await visitor.get(path, { headers });
      expect([path, status]).toEqual([path, 403]);
      expect(body).not.toMatch(/ada@example|Notion|name="token"/);
    }
  });

  test('nothing of what text browsers send, and of what some engines say behind a redirect [page]', async () => {
    for (const origin of [visitor.origin, 'null'])
      expect((await visitor.get('', { headers: { origin } })).status).toBe(200);
    const { headers, ...form } = visitor.form('check', { service: 'notion' });
    const { host = '', cookie = '' } = headers;
    const type = 'application/x-www-form-urlencoded';
    const sent = await ask(visitor.home, { ...form, headers: { host, cookie, 'content-type': type } });
    expect([sent.status, sent.headers['location']]).toEqual([303, expect.stringMatching(/^\/[\w-]{22}\/\?\d+#said$/)]);
  });

  test('a sign of life from another site [page]', async () => {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }, { cookie: '' }]) {
      const { status } = await visitor.get('here', { headers: { 'sec-fetch-site': 'same-origin', ...headers } });
      expect(status).toBe(403);
    }
  });

  test('an invitation that is none: no cookie, and a page that says nothing of anybody [page]', async () => {
    for (const address of [invitation.replace(/once=.*/, 'once=x'), invitation.replace(/\?.*/, '')]) {
      const { status, headers, body } = await ask(address);
      expect([status, headers['set-cookie']]).toEqual([403, undefined]);
      expect(body).toContain('This address does not open anything here');
      expect(body).not.toMatch(/ada@example|Notion|name="token"/);
    }
    const again = await ask(invitation, { headers: { cookie: visitor.cookie } });
    expect([again.status, again.headers['location']]).toEqual([303, new URL(visitor.home).pathname]);
  });

  test("nothing that is the person's own: the same act then works, and so does the page from a link elsewhere [page]", async () => {
    expect((await visitor.get('')).status).toBe(200);
    const { status, headers } = await visitor.press('disconnect', { service: 'notion' });
    expect([status, headers['location'], await connected()]).toEqual([303, expect.stringMatching(/#said$/), 0]);
  });

  test('to be anything but a page of its own: every answer has these headers [b12] [page]', async () => {
    const answers = await Promise.all([
      visitor.get(''),
      visitor.get('nothing'),
      visitor.get('flow'),
      visitor.press('check', { service: 'notion' }),
      ask(invitation.replace(/once=.*/, 'once=x')),
      ask(visitor.home, { target: '/' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 303, 303, 403, 404]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; script-src 'sha256-[\w+/]{43}='; connect-src 'self'; form-action 'self' https: http:\/\/127\.0\.0\.1:\* http:\/\/localhost:\*; frame-ancestors 'none'; base-uri 'none'$/,
        ),
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

function header(name: string, value: string | undefined) {
  return (good: Required<Question>): Question => {
    const { [name]: _, ...others } = good.headers;
    return { ...good, headers: value === undefined ? others : { ...others, [name]: value } };
  };
}

function target(change: (path: string) => string) {
  return (good: Required<Question>): Question => ({ ...good, target: change(good.target) });
}

describe('the page', () => {
  const world = sandboxPerTest();
  let visitor: Visitor | undefined;
  let running: Promise<CommandOutcome> | undefined;
  afterEach(async () => {
    await visitor?.press('end').catch(() => {});
    await running;
    visitor = undefined;
  });

  async function enter(argv: readonly string[] = [], setting: Partial<CommandSetting> = {}, person = 'ada') {
    const { invitation, ended } = openPage((given) => world.connect(argv, given), setting, person);
    running = ended;
    visitor = await enterPage(await invitation);
    return { page: visitor, ended, invitation: await invitation };
  }

  test('lets one browser in, with a cookie for its own path and a secret that no address shows [page]', async () => {
    const { invitation, ended } = openPage((given) => world.connect([], given));
    const address = await invitation;
    // What no navigation sends uses nothing up.
    expect((await ask(address, { method: 'HEAD' })).status).toBe(405);
    expect((await ask(address, { headers: { 'sec-fetch-dest': 'image' } })).status).toBe(403);
    const { status, headers } = await ask(address);
    const path = /^\/[\w-]{22}\/$/;
    expect([status, headers['location']]).toEqual([303, expect.stringMatching(path)]);
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(new RegExp(`^page=[\\w-]{43}; Path=${headers['location']}; HttpOnly; SameSite=Lax$`)),
    ]);
    const cookie = String(headers['set-cookie']).split(';')[0] ?? '';
    const home = new URL(String(headers['location']), address);
    const { body } = await ask(home.href, { headers: { cookie } });
    for (const secret of [cookie.slice(5), new URL(address).searchParams.get('once') ?? '']) {
      expect(body).not.toContain(secret);
    }
    visitor = await enterAgain(home, cookie);
    running = ended;
  });

  test('shows every service in the words of list, and connects, checks and disconnects', async () => {
    const { page, ended } = await enter(['--json']);
    const statesOn = async ({ body }: Answered) =>
      Object.fromEntries(
        [...body.matchAll(/<li class="service" id="(\w+)"[\s\S]*?class="state[^>]*>[\s\S]*?<\/svg>([\w -]+)</g)].map(
          ([, ...pair]) => pair,
        ),
      );
    const listed = async () => {
      const { services } = await world.connectJson(['list']);
      return Object.fromEntries(
        (services as { service: string; status: ConnectionStatus }[]).map(({ service, status }) => [
          service,
          stateInWords[status],
        ]),
      );
    };
    expect(await statesOn(await page.get(''))).toEqual(await listed());
    const connected = await page.connect('notion');
    expect(connected.body).toMatch(/Notion is connected[\s\S]*ada@example\.test[\s\S]*Ada&#39;s Notion[\s\S]*vlt_/);
    expect(await statesOn(connected)).toEqual(await listed());
    await page.press('check', { service: 'notion' });
    expect((await page.get('')).body).toContain('Notion works');
    await page.press('disconnect', { service: 'notion' });
    const after = await page.get('');
    expect(after.body).toMatch(/Notion is disconnected[\s\S]*can only be ended there/);
    expect(await statesOn(after)).toEqual(await listed());
    expect((await page.press('end')).body).toContain('That is all');
    const { exit, stdout } = await ended;
    expect([exit, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({
        acts: [
          expect.objectContaining({ act: 'connected', service: 'notion', account: 'ada@example.test' }),
          expect.objectContaining({ act: 'disconnected', service: 'notion' }),
        ],
      }),
    ]);
  });

  test('holds no secret of anybody, whatever happens on it [b19] [page]', async () => {
    const { page } = await enter();
    const bodies = [
      await page.connect('notion'),
      await page.connect('slack'),
      await page.get('disconnect?service=slack'),
    ];
    const { notion, slack, linear } = world.sandbox.services;
    // What this run has held so far; nobody can recognise a secret that they never saw.
    const held = [notion, slack, world.sandbox.identityProvider].flatMap((issuer) => issuer.issuedSecrets());
    linear.control.failTokenEndpoint({
      status: 400,
      body: { error: 'invalid_grant', error_description: held.toReversed().join(' ') },
    });
    bodies.push(await page.connect('linear'));
    expect(bodies.at(-1)?.body).toContain('Linear was not connected');
    expect(held.length).toBeGreaterThan(8);
    const secrets = [world.sandbox.platform.apiKey, page.cookie.slice(5), ...world.sandbox.issuedSecrets()];
    for (const { body } of bodies) expect(secrets.filter((secret) => body.includes(secret))).toEqual([]);
  });

  test('shows names from outside as names: no markup, nothing that reverses or hides text [c24] [P9]', async () => {
    const nasty = `"><script>alert(1)</script>\u202egnp\u0007\u200b&amp;`;
    await world.configure('services/notion.yaml', (file) => {
      file.title = nasty;
      file.account.match = 'none';
    });
    const { page } = await enter();
    await page.connect('notion');
    for await (const vault of world.client.beta.vaults.list()) {
      for await (const { id } of world.client.beta.vaults.credentials.list(vault.id)) {
        await world.client.beta.vaults.credentials.update(id, {
          vault_id: vault.id,
          metadata: { mai_account: nasty, mai_workspace: nasty, mai_scopes: nasty, mai_connected_at: nasty },
        });
      }
    }
    await page.press('check', {});
    for (const path of ['', 'disconnect?service=notion']) {
      const { body } = await page.get(path);
      expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}gnp\\u{7}\\u{200b}&amp;amp;');
      expect(body).not.toContain('<script>alert');
      for (const char of ['\u202e', '\u0007', '\u200b']) expect(body).not.toContain(char);
    }
  });

  test('asks before another account takes the place of the connected one, and does as it is answered', async () => {
    await world.configure('services/notion.yaml', (file) => {
      file.account.match = 'none';
    });
    const { page } = await enter();
    await page.connect('notion');
    const first = await page.connect('notion', 'grace');
    expect(first.body).toMatch(/Notion: is this right\?[\s\S]*&quot;grace@example\.test&quot;/);
    await page.answer('no');
    const kept = await page.get(String((await page.get('flow')).headers['location']));
    expect(kept.body).toMatch(/Notion was not connected[\s\S]*not confirmed/);
    expect((await world.credentials()).map(({ metadata }) => metadata['mai_account'])).toEqual(['ada@example.test']);

    // Whoever cancels has not said no.
    await page.connect('notion', 'grace');
    await page.press('cancel');
    await soon(async () => expect((await page.get('')).body).toContain('Notion: cancelled'));
    expect((await page.get('')).body).not.toContain('was not connected');

    await page.connect('notion', 'grace');
    await page.answer('yes');
    const changed = await page.get(String((await page.get('flow')).headers['location']));
    expect(changed.body).toMatch(/Notion is connected[\s\S]*grace@example\.test/);
    expect((await world.credentials()).map(({ metadata }) => metadata['mai_account'])).toEqual(['grace@example.test']);
  });

  test('offers to use an account that the rule does not want, to choose another one, or neither [page]', async () => {
    const { page } = await enter();
    const asked = await page.connect('notion', 'grace');
    expect(asked.body).toMatch(/is this right\?[\s\S]*grace@example\.test[\s\S]*Use this account anyway/);
    expect(asked.body).not.toContain('--accept-account');
    await page.answer('no');
    const refused = (await page.get(String((await page.get('flow')).headers['location']))).body;
    expect(refused).toMatch(
      /Notion was not connected[\s\S]*account\.match in config\/services\/notion\.yaml[\s\S]*Choose another account<\/button>/,
    );
    expect(refused).not.toMatch(/--accept-account|\[account_mismatch\]/);
    expect(await world.credentials()).toEqual([]);

    await page.connect('notion', 'grace');
    const again = await page.answer('again');
    expect([again.status, again.headers['location']]).toEqual([303, expect.stringContaining('/start/')]);
    const back = await signInFor(String(again.headers['location']), 'grace');
    await page.get(back);
    await page.answer('yes');
    await page.get('flow');
    expect((await page.get('')).body).toMatch(/Notion is connected[\s\S]*accepted by name/);
    const [credential] = await world.credentials();
    expect(credential?.metadata).toMatchObject({
      mai_account: 'grace@example.test',
      mai_account_accepted: 'grace@example.test',
    });
  });

  test('takes an answer for the question that it was given to, and asks none twice [page]', async () => {
    const { page } = await enter();
    const questionIn = ({ body }: Answered) => /name="question" value="([\w-]+)"/.exec(body)?.[1] ?? '';
    const old = questionIn(await page.connect('notion', 'grace'));
    await page.press('answer', { question: old, answer: 'no' });
    await page.get('flow');
    const asked = await page.connect('notion', 'grace');
    // A page from the past that is sent once more answers nothing that is asked now.
    const late = await page.press('answer', { question: old, answer: 'yes' });
    expect([late.status, late.headers['location']]).toEqual([303, expect.stringMatching(/\/flow\?\d+$/)]);
    expect(questionIn(await page.get('flow'))).toBe(questionIn(asked));
    expect((await page.press('answer', { answer: 'yes' })).status).toBe(400);
    await page.answer('no');
    const over = await page.get('flow');
    expect([over.status, over.headers['location']]).toEqual([303, expect.stringMatching(/#said$/)]);
    expect(await world.credentials()).toEqual([]);
    const nothing = await page.get('disconnect?service=notion');
    expect([nothing.status, nothing.headers['location']]).toEqual([303, expect.stringMatching(/#said$/)]);
  });

  test('acts once on a form that is sent twice, and tells until the end what has to be ended by hand [page]', async () => {
    const { page, ended } = await enter(['--json']);
    await page.connect('notion');
    const { body } = await page.get('disconnect?service=notion');
    const once = /action="disconnect"[\s\S]*?name="once" value="([\w-]+)"/.exec(body)?.[1] ?? '';
    const send = () => page.press('disconnect', { service: 'notion', once });
    const sent = [...(await Promise.all([send(), send()])), await send()];
    expect(sent.map(({ status }) => status)).toEqual([303, 303, 303]);
    const byHand =
      /the access that Notion granted can only be ended there, in the connected apps of <bdi>&quot;ada@example\.test&quot;<\/bdi>/g;
    expect((await page.get('')).body.match(byHand)).toHaveLength(2);
    // From a tab that was open before: nothing is left to take out, and that hides nothing.
    await page.press('disconnect', { service: 'notion' });
    const later = (await page.get('')).body;
    expect(later).toContain('Notion: nothing was connected');
    expect(later.match(byHand)).toHaveLength(1);
    await page.press('end');
    const acts = JSON.parse((await ended).stdout).acts as { act: string }[];
    expect(acts.map(({ act }) => act)).toEqual(['connected', 'disconnected']);
  });

  test('says while a sign-in goes on what it waits for, and that it has moved on, to its own script alone', async () => {
    const { page } = await enter();
    const script = { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' };
    const stage = () => page.get('stage', { headers: script });
    expect((await stage()).status).toBe(204);
    await page.press('connect', { service: 'notion' });
    expect([(await stage()).status, (await stage()).body]).toEqual([200, 'It waits for you to allow access there.']);
    expect((await page.get('stage', { headers: { ...script, 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    await page.press('cancel');
    expect((await stage()).status).toBe(204);
  });

  test('has one sign-in under way: pressing again joins it, another one waits, and cancelling ends it [page]', async () => {
    const { page } = await enter();
    const [one, two] = await Promise.all([
      page.press('connect', { service: 'notion' }),
      page.press('connect', { service: 'notion' }),
    ]);
    // Each press has an address of its own, and both lead to the same sign-in.
    const [first, second] = [
      await begin(String(one.headers['location'])),
      await begin(String(two.headers['location'])),
    ];
    expect(two.headers['location']).not.toBe(one.headers['location']);
    expect([second.state, second.headers]).toEqual([first.state, first.headers]);
    const other = await page.press('connect', { service: 'linear' });
    expect(other.headers['location']).toMatch(new RegExp(`^${new URL(page.home).pathname}\\?\\d+$`));
    expect((await page.get('')).body).toContain('Notion is being connected');
    await page.press('cancel');
    expect((await page.get('')).body).toContain('Notion: cancelled');
    await expect(ask(first.redirectUri)).rejects.toThrow('ECONNREFUSED');
    expect((await page.connect('linear')).body).toContain('Linear is connected');
  });

  test('does not say that nothing was connected where a sign-in is cancelled while that is not known [page]', async () => {
    const { page } = await enter();
    const { faults } = world.sandbox.platform.control;
    const credentials = /^\/v1\/vaults\/[^/]+\/credentials$/;
    let created = false;
    faults.add({
      on: ({ method, path }) => {
        created ||= method === 'POST' && credentials.test(path);
        return created;
      },
      fault: { kind: 'drop-after-commit' },
    });
    let look: () => void = () => {};
    const looking = new Promise<void>((resolve) => {
      look = resolve;
    });
    faults.add({
      on: ({ method, path }) => {
        const looks = created && method === 'GET' && credentials.test(path);
        if (looks) look();
        return looks;
      },
      fault: { kind: 'status', status: 500 },
      // One look with all its attempts.
      times: 3,
    });
    const connecting = page.connect('notion');
    await looking;
    await page.press('cancel');
    await connecting;
    await soon(async () => expect((await page.get('')).body).toContain('It is not known'));
    // What there is now stands below.
    await soon(async () => expect((await page.get('')).body.match(/>Connected</g)).toHaveLength(1));
    const { body } = await page.get('');
    expect(body).toMatch(/It is not known whether Notion was connected[\s\S]*answer was lost/);
    expect(body).not.toContain('Nothing was connected');
  });

  test('says where a client secret is typed, in every tab, and goes on when it was [P3] [page]', async () => {
    const { github } = world.sandbox.services;
    github.registerAs('github-app');
    const { registration } = github;
    const secret = registration.kind === 'pre-registered' ? (registration.clientSecret ?? '') : '';
    const terminal = fakeTerminal();
    const { page, ended } = await enter(['--quiet'], { terminal });
    const pressed = await page.press('connect', { service: 'github' });
    expect([pressed.status, pressed.headers['location']]).toEqual([303, expect.stringContaining('/flow')]);
    for (const path of ['flow', '']) {
      const { body } = await page.get(path);
      expect(body).toMatch(
        /in the terminal where service-connection runs: type it there, not here[\s\S]*secret of the client/,
      );
      expect(body).not.toContain('allow access there');
    }
    // What is typed before the terminal asks answers nothing.
    await soon(() => expect(terminal.modes).toEqual([true]));
    await terminal.type(`${secret}\r`);
    // What was typed is read in its own time: until then the page says where to type.
    const left = await soon(async () => {
      const answer = await page.get('flow');
      expect([answer.status, answer.headers['location']]).toEqual([303, expect.stringContaining('/start/')]);
      return answer;
    });
    const back = await page.get(await signInFor(String(left.headers['location'])));
    expect((await page.get(String(back.headers['location']))).body).toContain('GitHub is connected');
    await page.press('end');
    const { stdout, stderr } = await ended;
    expect(stdout + stderr).not.toContain(secret);
  });

  test('stops asking for a client secret when that is cancelled', async () => {
    world.sandbox.services.github.registerAs('github-app');
    const terminal = fakeTerminal();
    const { page } = await enter([], { terminal });
    await page.press('connect', { service: 'github' });
    await soon(() => expect(terminal.modes).toEqual([true]));
    await page.press('cancel');
    await soon(async () => expect((await page.get('')).body).toContain('GitHub: cancelled'));
    expect(terminal.modes).toEqual([true, false]);
  });

  test('that is opened once more, without its cookie, is ended: both are told, and the command says why', async () => {
    const { page, invitation, ended } = await enter();
    // In the same browser it is only the way back.
    expect((await page.get(invitation)).status).toBe(303);
    const second = await ask(invitation);
    const first = await page.get('');
    expect([second.status, second.headers['set-cookie'], first.status]).toEqual([403, undefined, 403]);
    for (const { body } of [second, first]) expect(body).toContain('This page was ended');
    const { exit, stdout, stderr } = await ended;
    expect([exit, stdout, stderr]).toEqual([3, '', expect.stringMatching(/a second time[\s\S]*\[sign_in_contested\]/)]);
  });

  test('ends with a sign-in at a service that somebody else answers: that one would try again [page]', async () => {
    const { page, ended } = await enter();
    const left = await page.press('connect', { service: 'notion' });
    const { redirectUri, state } = await begin(String(left.headers['location']));
    const sentOn = await ask(`${redirectUri}?code=of-somebody-else&state=${state}`);
    await ask(String(sentOn.headers['location']));
    await soon(async () => {
      const { status, body } = await page.get('');
      expect([status, body]).toEqual([403, expect.stringContaining('This page was ended')]);
    });
    const { exit, stdout, stderr } = await ended;
    expect([exit, stdout, stderr]).toEqual([3, '', expect.stringContaining('[sign_in_contested]')]);
    expect(await world.credentials()).toEqual([]);
  });

  test('says what failed and what to do next, and works on', async () => {
    const { page } = await enter();
    world.sandbox.services.notion.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } });
    const failed = await page.connect('notion');
    world.sandbox.services.notion.control.behave();
    expect(failed.body).toMatch(/Notion was not connected[\s\S]*invalid_grant[\s\S]*Next: press the button again/);
    expect((await page.connect('notion')).body).toContain('Notion is connected');
  });

  test('sends the browser on by itself where the service has to be asked once more', async () => {
    const { page } = await enter();
    await page.connect('notion');
    const { control } = world.sandbox.services.notion;
    control.failTokenEndpoint({ status: 401, body: { error: 'invalid_client' } });
    const first = await page.press('connect', { service: 'notion' });
    const back = await signInFor(String(first.headers['location']));
    const second = await page.get(back);
    control.behave();
    expect([second.status, second.headers['location']]).toEqual([303, expect.stringContaining('/start/')]);
    expect(second.headers['location']).not.toBe(first.headers['location']);
    const over = await page.get(await signInFor(String(second.headers['location'])));
    const { body } = await page.get(String(over.headers['location']));
    expect(body).toMatch(/Notion is connected[\s\S]*no longer knows the client/);
    expect(await world.credentials()).toHaveLength(1);
  });

  test('says what the platform refuses, takes nothing out then, and looks again when asked', async () => {
    const { page } = await enter();
    await page.connect('notion');
    const { faults } = world.sandbox.platform.control;
    const archive = 'POST /v1/vaults/:vault/credentials/:credential/archive';
    faults.add({ on: archive, fault: { kind: 'status', status: 403 } });
    await page.press('disconnect', { service: 'notion' });
    const { body } = await page.get('');
    expect(body).toMatch(/Notion was not disconnected[\s\S]*403/);
    expect(body.match(/>Connected</g)).toHaveLength(1);
    // Without an answer nobody knows: what there is now is shown beside it.
    const lost = faults.add({ on: archive, fault: { kind: 'status', status: 500 }, times: Infinity });
    await page.press('disconnect', { service: 'notion' });
    const unknown = (await page.get('')).body;
    expect(unknown).toContain('It is not known whether Notion was disconnected');
    expect(unknown.match(/>Connected</g)).toHaveLength(1);
    lost.remove();
    await page.press('disconnect', { service: 'notion' });
    expect((await page.get('')).body).toContain('Notion is disconnected');
  });

  test('over SSH says how a browser elsewhere comes to it, with the port of this very page', async () => {
    const terminal = fakeTerminal();
    const signedIn = new Set<string>();
    let address = '';
    const ended = new AbortController();
    const { exit, stderr } = await world.connect(['--quiet'], {
      person: undefined,
      terminal,
      signal: ended.signal,
      environment: { SSH_CONNECTION: '198.51.100.7 50000 192.0.2.10 22' },
      hear: (said) => {
        for (const [, url = ''] of said.matchAll(/, open: (\S+)\r?\n/g)) {
          if (signedIn.has(url)) continue;
          signedIn.add(url);
          if (new URL(url).searchParams.has('once')) address = url;
          // The answer is pasted, so no browser comes by itself.
          else if (new URL(url).searchParams.has('redirect_uri')) void terminal.unseen(1).then(() => pasteAnswer(url));
        }
        if (address !== '' && said.lastIndexOf('--callback-port') > said.indexOf(address)) ended.abort();
      },
    });
    async function pasteAnswer(url: string) {
      await terminal.type(`${(await visit(url, { person: 'ada', comesBack: false })).url}\r`);
    }
    const { port } = new URL(address);
    expect(exit).toBe(0);
    expect(stderr).toContain(`ssh -L ${port}:127.0.0.1:${port} 192.0.2.10`);
    expect(stderr).toContain('--callback-port');
  });

  test('refuses a service that the person may not use, with the reason of the command', async () => {
    const { page } = await enter([], {}, 'linus');
    const { body } = await page.get('');
    expect([body.match(/You may not use it/g)?.length, body.includes('action="connect"')]).toEqual([
      body.match(/class="service"/g)?.length,
      false,
    ]);
    const refused = await page.press('connect', { service: 'notion' });
    await page.get(String(refused.headers['location']));
    expect((await page.get('')).body).toMatch(
      /Notion was not connected[\s\S]*may not use <bdi>&quot;notion&quot;<\/bdi>/,
    );
  });

  test('refuses a service that asks for more than the sign-in has shown, with the command that asks for it', async () => {
    await world.configure('services/notion.yaml', (content) => {
      content.require = { acr: ['urn:sandbox:second-factor'] };
    });
    const { page } = await enter();
    const refused = await page.press('connect', { service: 'notion' });
    await page.get(String(refused.headers['location']));
    expect((await page.get('')).body).toMatch(
      /Notion was not connected[\s\S]*the sign-in is not enough[\s\S]*service-connection notion/,
    );
    expect(await world.credentials()).toEqual([]);
  });

  test('ends with Ctrl-C: a result when nothing is under way, 130 when something is, and no listener stays [b15] [page]', async () => {
    for (const busy of [false, true]) {
      const interruption = new AbortController();
      const { page, ended } = await enter([], { signal: interruption.signal });
      const left = busy ? await page.press('connect', { service: 'notion' }) : undefined;
      interruption.abort();
      const { exit, stdout } = await ended;
      expect([busy, exit, stdout]).toEqual(busy ? [true, 130, ''] : [false, 0, 'nothing was changed\n']);
      const ports = [page.home, left?.headers['location'] && String(left.headers['location'])].filter(Boolean);
      for (const address of ports) expect(await isOpen(Number(new URL(String(address)).port))).toBe(false);
    }
    expect(await world.credentials()).toEqual([]);
  });

  test('that nobody opens ends after --timeout', async () => {
    const { invitation, ended } = openPage((given) => world.connect(['--timeout', '4'], given));
    await invitation;
    const { exit, stderr, visited } = await ended;
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[timed_out]')]);
    // The browser did not come by itself, so it was sent once more, to the page.
    expect([visited.length, new URL(visited[1] ?? '').pathname]).toEqual([2, expect.stringMatching(/\/enter$/)]);
  });

  test('is not there where nobody is: exit 4, and the commands to run instead', async () => {
    const { exit, stdout, stderr } = await world.connect([], { person: undefined });
    expect([exit, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/hint: .*service-connection list.*service-connection <service>/);
  });

  test('tells the browser when the sign-in failed, and shows nothing [b13]', async () => {
    world.sandbox.identityProvider.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } });
    const told = deferred();
    // The page stays until it was read, however long that takes here.
    const patient: Clock = {
      ...machineClock,
      pause: async (milliseconds, signal) =>
        await (milliseconds < 100 ? machineClock.pause(milliseconds, signal) : told.promise),
    };
    const { invitation, ended } = openPage((given) => world.connect([], { ...given, clock: patient }));
    const entered = await ask(await invitation);
    const cookie = String(entered.headers['set-cookie']).split(';')[0] ?? '';
    const { body } = await ask(new URL(String(entered.headers['location']), await invitation).href, {
      headers: { cookie },
    });
    expect(body).toContain('You are not signed in');
    told.resolve();
    expect((await ended).exit).toBe(1);
  });

  test.each(['--read-only', '--new-client', '--device'])(
    'has no use for %s, which is about one service',
    async (flag) => {
      const { exit, stderr, visited } = await world.connect([flag]);
      expect([exit, visited]).toEqual([2, []]);
      expect(stderr).toContain(`${flag} is about one service`);
    },
  );

  async function enterAgain(home: URL, cookie: string): Promise<Visitor> {
    const { body } = await ask(home.href, { headers: { cookie } });
    const token = /name="token" value="([\w-]+)"/.exec(body)?.[1] ?? '';
    return {
      press: () =>
        ask(home.href, {
          method: 'POST',
          target: `${home.pathname}end`,
          headers: {
            host: home.host,
            origin: home.origin,
            cookie,
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: new URLSearchParams({ token }).toString(),
        }),
    } as unknown as Visitor;
  }
});

async function isOpen(port: number): Promise<boolean> {
  const socket = connectSocket({ host: '127.0.0.1', port });
  const open = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return open;
}
