/**
 * What pages show at once and look at again: what was known a while ago with its time, a stream that goes on for long, a sign-in
 * that has to be a better one, and what somebody is asked on the way to a service.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { inTimeOf, machineClock } from '../../internal/clock/clock.ts';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask } from '../support/ask.ts';
import { runCommand } from '../support/command.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { browserAt, type ConsoleBrowser } from '../support/console-browser.ts';
import { patiently } from '../support/console-caller.ts';
import type { Content } from '../support/sandboxed-commands.ts';
import { soon } from '../support/soon.ts';

let sandbox: Sandbox;
let running: RunningConsole;
let ada: ConsoleBrowser;

/** What is looked at every five seconds and more is looked at twenty times as often, and what is silent for 15 s for 300 ms. */
const hasty = {
  ...machineClock,
  pause: (ms: number, signal?: AbortSignal) => machineClock.pause(ms >= 5_000 ? ms / 20 : ms, signal),
  after: (ms: number, act: () => void) => machineClock.after(ms === 15_000 ? 300 : ms, act),
};

beforeAll(async () => {
  sandbox = await startSandbox();
  const applied = await runCommand(setupSession, ['agents', 'apply'], { environment: sandbox.environment });
  expect([applied.exit, applied.stderr]).toEqual([0, expect.any(String)]);
  running = await inTimeOf(hasty, () =>
    beginSecrets()(() =>
      startConsole(sandbox, (content) => {
        content.people.operators = { groups: [], principals: [people.grace.subject] };
      }),
    ),
  );
  ada = await browserAt(running.origin, 'ada');
}, 120_000);
afterAll(async () => {
  await running?.stop();
  await sandbox?.close();
});

const textOf = ({ body }: Answered) =>
  body
    .replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&quot;', '"');
const fetched = { headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' } };
const asked = (of: RegExp) => sandbox.platform.control.log.count(({ method, path }) => of.test(`${method} ${path}`));
const tries = () => asked(/mcp_oauth_validate$/);

/** Presses a button that leads to a service, allows it there as somebody, and goes to where that leads. */
async function through(page: string, action: string, account = 'ada', fields = {}): Promise<Answered> {
  const left = await ada.press(page, action, fields);
  expect([left.status, textOf(left)]).toEqual([200, expect.stringContaining('Going to')]);
  const to = /url=([^"]*)"/.exec(left.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const away = new URL((await visit(to, { account, comesBack: false })).url);
  // The cookie that knows which run waits for it.
  const [kept = ''] = [left.headers['set-cookie'] ?? []].flat().map((each) => each.split(';')[0]);
  const came = await ada.get(`${away.pathname}${away.search}`, { headers: { cookie: `${ada.cookie}; ${kept}` } });
  expect(came.status).toBe(303);
  const back = String(came.headers['location']);
  const shown = await ada.get(back);
  if (shown.status !== 303) return { ...shown, headers: { ...shown.headers, location: back } };
  const said = [shown.headers['set-cookie'] ?? []].flat().map((each) => each.split(';')[0]);
  return await ada.get('/connections', { headers: { cookie: [ada.cookie, ...said].join('; ') } });
}

/** Changes the file of a service: a console looks at it each time. */
async function change(service: string, act: (content: Content) => void): Promise<void> {
  const file = join(sandbox.configFolder, 'services', `${service}.yaml`);
  const content: Content = parse(await readFile(file, 'utf8'));
  act(content);
  await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
}

/** Answers what a page asks. */
async function answered(page: string, answer: string): Promise<Answered> {
  return await ada.press(page, `${page}/answer`, { answer });
}

describe('connections', () => {
  test('are there at once, whatever their services answer; whether they work comes after, with its time', async () => {
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Not connected/);
    expect(textOf(await through('/connections', '/connections/notion/connect'))).toMatch(
      /Notion is connected .*Notion Connected ada@example\.test/,
    );
    const before = tries();
    const page = await ada.get('/connections');
    expect([tries(), page.body.includes('<div data-late')]).toEqual([before, false]);
    expect(textOf(page)).toMatch(/Checked 20\d\d-\d\d-\d\d \d\d:\d\d UTC/);
    // What the service says now is asked of it by the script, and by a button.
    sandbox.services.notion.control.revokeGrants('ada');
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Connected/);
    expect(textOf(await ada.get('/connections-now', fetched))).toMatch(/Notion Has to be reconnected/);
    expect(tries()).toBe(before + 1);
    // From then on it is known.
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Has to be reconnected/);
    expect((await ada.press('/connections', '/connections-check')).status).toBe(303);
    expect(tries()).toBe(before + 2);
    // What was known of it before it was connected anew counts no more.
    await through('/connections', '/connections/notion/connect');
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Connected/);
  });

  test('that are gone are not shown for what was known of them', async () => {
    await ada.press('/connections/notion', '/connections/notion/disconnect');
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Not connected/);
    expect((await ada.get('/connections')).body).not.toContain('ada@example.test</bdi></p>');
  });

  test('with the account of somebody else are asked about: another one, this one all the same, or none', async () => {
    const first = await through('/connections', '/connections/notion/connect', 'grace');
    expect(textOf(first)).toMatch(
      /is this right\?.*grace@example\.test.*not the account of.*Use this account anyway Store nothing/,
    );
    expect(textOf(first)).not.toContain('--accept-account');
    const page = String(first.headers['location']);
    expect(textOf(await answered(page, 'no'))).toBe('');
    expect(textOf(await ada.get('/connections'))).toMatch(/Notion Not connected/);
    // To choose another one is no, and once more.
    const second = await through('/connections', '/connections/notion/connect', 'grace');
    const third = await through(String(second.headers['location']), `${second.headers['location']}/answer`, 'grace', {
      answer: 'again',
    });
    expect((await answered(String(third.headers['location']), 'yes')).status).toBe(303);
    const over = await ada.get(String(third.headers['location']));
    expect(over.status).toBe(303);
    expect(textOf(await ada.get('/connections'))).toMatch(
      /Notion Another account grace@example\.test.*accepted by name/,
    );
  });

  test('that take the secret of a client say whose that is, and show it nowhere', async () => {
    await change('slack', (content) => {
      content.authorization.token_endpoint_auth_method = 'client_secret_post';
    });
    const left = await ada.press('/connections', '/connections/slack/connect');
    expect([left.status, textOf(left)]).toEqual([200, expect.stringMatching(/whoever administers that has it/)]);
    const page = /action="(\/connecting\/[\w-]+)\/answer"/.exec(left.body)?.[1] ?? '';
    expect(left.body).toMatch(/type="password" autocomplete="off"/);
    const typed = 'a-secret-that-was-typed';
    const after = await ada.press(page, `${page}/answer`, { line: typed });
    const shown = await ada.get(page);
    expect([after.status, textOf(shown)]).toEqual([303, expect.stringContaining('Going to Slack')]);
    const record = await readFile(join(running.data, 'state', 'record', 'record-000001.jsonl'), 'utf8');
    for (const text of [after.body, shown.body, running.journal(), record]) expect(text).not.toContain(typed);
  });
});

describe('the list of people', () => {
  test('is read once for all who look, says when, and is read anew where somebody asks', async () => {
    const grace = await browserAt(running.origin, 'grace');
    const lists = () => asked(/^GET \/v1\/vaults$/);
    const before = lists();
    for (let count = 0; count < 3; count += 1) {
      expect(textOf(await grace.get('/people'))).toMatch(/1 person as of \d\d:\d\d:\d\d UTC/);
    }
    expect(lists()).toBe(before + 1);
    await grace.get('/people?now=');
    await grace.get('/people-now', fetched);
    expect(lists()).toBe(before + 3);
    expect((await ada.get('/people-now', fetched)).status).toBe(403);
  });
});

describe('a better sign-in', () => {
  test('comes back to the page where it was found out, and to no other place', async () => {
    await change('linear', (content) => {
      content.require = { acr: ['urn:example:loa:9'] };
    });
    try {
      const form = await ada.form('/connections', '/connections/linear/connect');
      const pressed = async (referer: string) => {
        const again = await ada.form('/connections', '/connections/linear/connect');
        const sent = { ...again, headers: { ...form.headers, referer } };
        const { body } = await patiently(() => ask(running.origin, sent));
        const address = /href="(\/sign-in\?[^"]*acr=[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? '';
        return new URL(address, running.origin).searchParams.get('to');
      };
      expect(await pressed(`${running.origin}/connections?x=1#linear`)).toBe('/connections?x=1');
      for (const elsewhere of ['https://evil.example/connections', 'nonsense', '']) {
        expect(await pressed(elsewhere)).toBe('/');
      }
    } finally {
      await change('linear', (content) => {
        content.require = undefined;
      });
    }
  });
});

describe('a stream', () => {
  const streamed = async (query: string) => {
    const over = new AbortController();
    const { cookie } = ada;
    const answer = await fetch(`${running.origin}/events?${query}`, {
      headers: { cookie, 'sec-fetch-mode': 'cors' },
      signal: over.signal,
    });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const heard: unknown[] = [];
    const next = async (): Promise<void> => {
      const piece = String((await reader?.read())?.value);
      for (const [, data = ''] of piece.matchAll(/^data: (.*)$/gm)) heard.push(JSON.parse(data));
    };
    return { heard, next, end: () => over.abort() };
  };

  test('says something at once, and goes on saying so: no proxy and no browser takes it for dead', async () => {
    const stream = await streamed('approvals=1');
    for (let count = 0; stream.heard.length < 3 && count < 10; count += 1) await stream.next();
    expect(stream.heard.slice(0, 3)).toEqual([{ here: true }, { here: true }, { here: true }]);
    stream.end();
  });

  test('of a session in which nothing goes on is looked at ever more seldom, and no look has a line', async () => {
    for (const service of ['notion', 'linear']) await through('/connections', `/connections/${service}/connect`);
    const started = await ada.press('/sessions/new?agent=support', '/sessions', { message: '' });
    const id = /^\/sessions\/([^#]*)/.exec(String(started.headers['location']))?.[1] ?? '';
    expect(id).toMatch(/^sesn_/);
    const looks = () => asked(new RegExp(`^GET /v1/sessions/${id}$`));
    const runs = () => running.journal().split('"use_case":"showSession"').length - 1;
    const stream = await streamed(`session=${id}`);
    const [before, lines] = [looks(), runs()];
    await soon(() => expect(looks()).toBeGreaterThan(before + 3));
    expect(runs()).toBe(lines);
    stream.end();
    // A look that fails is a line.
    const refused = await streamed('session=sesn_of_nobody');
    await soon(() => expect(running.journal()).toMatch(/"use_case":"showSession".*"code":"(?!done)/));
    refused.end();
  });
});

describe('a form', () => {
  test('acts once, however often it is sent, and says each time what came of it [P8]', async () => {
    const begun = () => asked(/^POST \/v1\/sessions$/);
    const form = await ada.form('/sessions/new?agent=support', '/sessions', { message: '' });
    const before = begun();
    const send = async (body = form.body) => {
      const { status, headers } = await patiently(() => ask(running.origin, { ...form, body }));
      return [status, headers['location']];
    };
    const [first, ...others] = await Promise.all([send(), send(), send()]);
    expect(first).toEqual([303, expect.stringMatching(/^\/sessions\/sesn_/)]);
    expect([...others, await send()]).toEqual([first, first, first]);
    expect(begun()).toBe(before + 1);
    // Without what makes it one form, or with that of another browser, it is none.
    for (const name of ['once', 'token']) {
      const fields = new URLSearchParams(form.body);
      fields.delete(name);
      expect(await send(fields.toString())).toEqual([name === 'once' ? 400 : 403, undefined]);
    }
    const grace = await browserAt(running.origin, 'grace');
    const theirs = new URLSearchParams((await grace.form('/connections', '/sign-out')).body);
    expect(await send(`${theirs}&agent=support&message=`)).toEqual([403, undefined]);
    expect(begun()).toBe(before + 1);
    // The page has another form the next time.
    expect(await ada.press('/sessions/new?agent=support', '/sessions', { message: '' })).toMatchObject({ status: 303 });
    expect(begun()).toBe(before + 2);
  });
});
