/**
 * The pages on which agents are drafted, tools are looked through, the record is read and people are let go, of one console:
 * with 2,000 people and a service of 400 tools. What they do is seen in what it comes to: a patch that git applies, a sheet that
 * `tools accept` takes. In a real browser they are looked at on every width, and used by the keyboard and without a script.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { recordIn } from '../../internal/record/log.ts';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { readPins } from '../../internal/tool-review/pin.ts';
import { type PersonName, people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { violationsOn } from '../support/accessibility.ts';
import { type Answered, ask } from '../support/ask.ts';
import { chromiumPath, type OpenBrowser, startChromium } from '../support/chromium.ts';
import { runCommand } from '../support/command.ts';
import { type RunningConsole, startConsole, withoutKey } from '../support/console.ts';
import { browserAt, type ConsoleBrowser } from '../support/console-browser.ts';
import { asking, callerAt, idTokenOf, linesOf, patiently } from '../support/console-caller.ts';
import { tabTo } from '../support/keyboard.ts';
import type { Content } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';

const run = promisify(execFile);
const toolCount = 400;
const personCount = 2_000;
const largestPage = 100_000;

let sandbox: Sandbox;
let running: RunningConsole;
let big: Server;
/** Ada is a user and an auditor, Grace a user and an operator, Linus a user. */
let ada: ConsoleBrowser;
let grace: ConsoleBrowser;
let linus: ConsoleBrowser;

const toolNamed = (index: number) => `big-${index % 3 === 0 ? 'get' : index % 3 === 1 ? 'list' : 'delete'}-${index}`;
const tools = Array.from({ length: toolCount }, (_, index) => ({
  name: toolNamed(index),
  description: index % 3 === 2 ? 'Deletes one thing for good.' : 'Reads one thing.',
  inputSchema: { type: 'object', properties: { id: { type: 'string', description: 'Which one.' } } },
  annotations: index % 3 === 2 ? { readOnlyHint: false, destructiveHint: true } : { readOnlyHint: true },
}));

/** A server of so many tools, which shows them to anybody. */
async function startBigServer(): Promise<Server> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { id, method } = JSON.parse(body || '{}') as { id?: number; method?: string };
      if (request.url !== '/mcp' || id === undefined) {
        response.writeHead(request.url === '/mcp' ? 202 : 404).end();
        return;
      }
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } }
          : { tools };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const command = async (
  executable: Executable,
  argv: string[],
  person: PersonName = 'ada',
  environment = sandbox.environment,
) =>
  await runCommand(executable, argv, { person, environment, folder: await mkdtemp(join(sandbox.folder, 'machine-')) });
const change = async (path: string, act: (content: Content) => void) => {
  const file = join(sandbox.configFolder, path);
  const content: Content = parse(await readFile(file, 'utf8'));
  act(content);
  await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
};

beforeAll(async () => {
  sandbox = await startSandbox();
  big = await startBigServer();
  const origin = `http://127.0.0.1:${(big.address() as AddressInfo).port}`;
  const file = (end: number) => tools.filter((_, index) => (index % 3 === 2 ? 2 : 0) === end).map(({ name }) => name);
  await writeFile(
    join(sandbox.configFolder, 'services', 'big.yaml'),
    stringify({
      title: 'Big',
      mcp_server_url: `${origin}/mcp`,
      authorization: { issuers: [origin] },
      tools: { read: file(0), write: [], destructive: file(2) },
    }),
  );
  await change('agents/support.yaml', (content) => {
    // More than an agent can have on.
    content.services.big = { read: 'off', write: 'off' };
  });
  const seeding = {
    displayName: (index: number) => `person-${String(index).padStart(4, '0')}@example.test`,
    metadata: (index: number) => ({
      mai_owner_kind: 'sso',
      mai_owner_issuer: sandbox.identityProvider.issuer,
      mai_owner_subject: `seeded-${index}`,
    }),
  };
  sandbox.platform.control.seedVaults(personCount, seeding);
  running = await beginSecrets()(() =>
    startConsole(sandbox, (content) => {
      const only = (...names: PersonName[]) => ({ groups: [], principals: names.map((name) => people[name].subject) });
      content.people.groups.support.big = { read: 'on', write: 'ask' };
      content.people.roles = { user: only('ada', 'grace', 'linus'), auditor: only('ada') };
      content.people.principals = { [people.linus.subject]: { notion: { read: 'on' } } };
      content.people.operators = only('grace');
    }),
  );
  for (const argv of [
    ['tools', 'refresh', 'big'],
    ['agents', 'apply'],
  ]) {
    const { exit, stderr } = await command(setupSession, argv);
    expect([exit, stderr]).toEqual([0, expect.any(String)]);
  }
  for (const person of ['ada', 'linus'] as const) {
    const { exit, stderr } = await command(
      serviceConnection,
      ['notion'],
      person,
      withoutKey(sandbox) as typeof sandbox.environment,
    );
    expect([exit, stderr]).toEqual([0, expect.any(String)]);
  }
  ada = await browserAt(running.origin, 'ada');
  grace = await browserAt(running.origin, 'grace');
  linus = await browserAt(running.origin, 'linus');
}, 240_000);
afterAll(async () => {
  await running?.stop();
  big.close();
  big.closeAllConnections();
  await sandbox.close();
});

const textOf = ({ body }: Answered) =>
  body
    .replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'");
const good = (answered: Answered): string => {
  expect([answered.status, textOf(answered).slice(0, 300)]).toEqual([200, expect.anything()]);
  expect(answered.body.length).toBeLessThan(largestPage);
  return textOf(answered);
};

describe('agents', () => {
  test('are shown with what is for whom, and each tool with the rule that decided [P5]', async () => {
    const listed = good(await ada.get('/agents'));
    expect(listed).toMatch(/support.*notion \d+ on/);
    const shown = good(await ada.get('/agents/support?service=notion'));
    expect(shown).toMatch(/notion-search On read/);
    expect(shown).toMatch(/notion-create-pages Off write agents\/support\.yaml: services\.notion\.write is off/);
    expect(good(await ada.get('/agents/support?service=notion&verdict=off'))).not.toContain('notion-search On');
    const pages = [1, 2, 9].map((page) => ada.get(`/agents/support?service=big&page=${page}`));
    const [first, second, last] = (await Promise.all(pages)).map(good);
    expect(first).toMatch(/400 of 4\d\d tools.*big-get-0 .*Page 1 of 5 Next/);
    expect(second).not.toContain('big-get-0 ');
    expect(last).toContain('Page 5 of 5');
  });

  test('are drafted as a patch that git applies, with what somebody would get, and nothing is written [P6]', async () => {
    const before = await readFile(join(sandbox.configFolder, 'agents', 'support.yaml'), 'utf8');
    const made = sandbox.platform.control.log.entries.length;
    const form = {
      name: 'helper',
      description: 'Helps: with "quotes" & more',
      model: 'claude-sonnet-5-5',
      system: 'First line.\r\n\r\nThird line.',
      'service:notion': 'ask',
      'group:support': 'on',
      environment: 'default',
      'for:support': 'on',
    };
    const taken = await grace.press('/new-agent', '/new-agent', { ...form, name: 'support' });
    expect([taken.status, textOf(taken)]).toEqual([
      409,
      expect.stringContaining('there is an agent "support" already'),
    ]);
    expect(taken.body).toContain('Third line.');
    expect(taken.body).toMatch(/name="service:notion" value="ask" checked/);
    const drafted = await grace.press('/new-agent', '/new-agent', form);
    const words = good(drafted);
    expect(words).toContain('helper is created');
    expect(words).toMatch(/What they would get .*notion-create-pages Asks first/);
    const many = await grace.press('/new-agent', '/new-agent', { ...form, 'service:big': 'off' });
    expect(textOf(many)).toContain('an agent takes at most 128');
    // The page offers the patch, also twice.
    const inside = /action="\/new-agent\/patch">(.*?)<\/form>/s.exec(drafted.body)?.[1] ?? '';
    const fields = [...inside.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']): [string, string] => [name, value.replaceAll('&quot;', '"').replaceAll('&amp;', '&')],
    );
    const sent = await grace.form('/new-agent', '/new-agent');
    const patched = { ...sent, target: '/new-agent/patch', body: new URLSearchParams(fields).toString() };
    const patches = [await ask(running.origin, patched), await ask(running.origin, patched)];
    expect(patches.map(({ status, headers }) => [status, headers['content-disposition']])).toEqual(
      patches.map(() => [200, 'attachment; filename="agent-helper.patch"']),
    );
    expect(patches[1]?.body).toBe(patches[0]?.body);
    const repository = await mkdtemp(join(tmpdir(), 'repository-'));
    await cp(sandbox.configFolder, join(repository, 'config'), { recursive: true });
    await writeFile(join(repository, 'helper.patch'), patches[0]?.body ?? '');
    await run('git', ['init', '--quiet'], { cwd: repository });
    await run('git', ['apply', '--check', 'helper.patch'], { cwd: repository });
    await run('git', ['apply', 'helper.patch'], { cwd: repository });
    const { agents } = await loadConfiguration(join(repository, 'config'));
    expect(agents.get('helper')).toMatchObject({
      description: form.description,
      system: 'First line.\n\nThird line.',
      services: { notion: { read: 'on', write: 'ask' } },
      allowed: { groups: ['support'], principals: [] },
    });
    expect(await readFile(join(sandbox.configFolder, 'agents', 'support.yaml'), 'utf8')).toBe(before);
    const asked = sandbox.platform.control.log.entries.slice(made).map(({ method }) => method);
    expect(new Set(asked)).toEqual(new Set(['GET']));
    expect((await ada.get('/new-agent')).status).toBe(403);
  });
});

describe('the catalogue', () => {
  test('of 400 tools is found through, page by page, each of them small', async () => {
    expect(good(await linus.get('/catalogue'))).toMatch(/Big 400 wait for a review/);
    const first = good(await linus.get('/catalogue/big'));
    expect(first).toMatch(/400 of 400 tools .*new, and waits for a review.*Page 1 of 4 Next/);
    expect(good(await linus.get('/catalogue/big?class=destructive&find=DELETE-2'))).toMatch(
      /\d+ of 400 tools .*big-delete-2 /,
    );
    expect((await linus.get('/catalogue/none')).status).toBe(400);
    expect((await linus.get('/review')).status).toBe(403);
  });

  test('is reviewed over pages without a script, and ends in a sheet that tools accept takes [P4]', async () => {
    const page = await grace.get('/review');
    expect(good(page)).toMatch(/\d+ to look at, 0 ticked\. Page 1 of \d+/);
    const all = /name="(t:[0-9a-f]{20})"[^>]*><span>All of them are right/.exec(page.body)?.[1] ?? '';
    const single = /name="(t:[0-9a-f]{20})"[^>]*><span>Right as: cannot be undone/.exec(page.body)?.[1] ?? '';
    expect([all, single]).not.toContain('');
    const second = await grace.press('/review', '/review', { [all]: 'on', [single]: 'on', go: 'next' });
    expect(good(second)).toMatch(/2 ticked\. Page 2 of/);
    // What was ticked came along.
    for (const tick of [all, single]) expect(second.body).toContain(`name="${tick}" value="on"`);
    const nothing = await grace.press('/review', '/review', { go: 'sheet' });
    expect([nothing.status, textOf(nothing)]).toEqual([400, expect.stringContaining('nothing is ticked')]);
    const sheet = await grace.press('/review', '/review', { [all]: 'on', [single]: 'on', go: 'sheet' });
    expect([sheet.status, sheet.headers['content-disposition']]).toEqual([200, 'attachment; filename="review.md"']);
    expect(sheet.body.match(/^- \[x\] /gm)).toHaveLength(2);
    // A download leaves its page as it is: the same form, with another tick, is another sheet, and leads to the next page.
    const form = await grace.form('/review', '/review', { [all]: 'on', go: 'sheet' });
    const again = async (...added: [string, string][]) => {
      const fields = new URLSearchParams(form.body);
      for (const [name, value] of added) fields.set(name, value);
      return await patiently(() => ask(running.origin, { ...form, body: fields.toString() }));
    };
    const sheets = [await again(), await again([single, 'on'])];
    expect(sheets.map(({ body }) => body.match(/^- \[x\] /gm)?.length)).toEqual([1, 2]);
    expect(good(await again([single, 'on'], ['go', 'next']))).toMatch(/2 ticked\. Page 2 of/);
    const path = join(sandbox.folder, 'review.md');
    await writeFile(path, sheet.body);
    const pinned = async () => {
      const pins = await readPins(await loadConfiguration(sandbox.configFolder));
      return tools.filter(({ name }) => pins.pinVerdict('big', name).verdict === 'on').length;
    };
    expect(await pinned()).toBe(0);
    const accepted = await command(setupSession, ['tools', 'accept', '--from', path], 'grace');
    expect([accepted.exit, accepted.stderr]).toEqual([0, expect.any(String)]);
    const reading = tools.filter((_, index) => index % 3 !== 2).length;
    expect(await pinned()).toBe(reading + 1);
    // A tick of what was settled meanwhile is none any more.
    const late = await grace.press('/review', '/review', { [single]: 'on', go: 'sheet' });
    expect(late.status).toBe(400);
    const caller = await callerAt(running.origin, await idTokenOf(sandbox, 'grace'));
    const request = { ticks: [single.slice('t:'.length)], reasons: {} };
    const asked = await caller.ask('/v1/use-cases/tickToolSheet', { body: { request, asking } });
    expect(linesOf(asked)).toContainEqual(
      expect.objectContaining({ kind: 'error', error: expect.objectContaining({ code: 'drift' }) }),
    );
  });
});

describe('the record', () => {
  test('is one’s own, and everybody’s for auditors alone [P4] [P7]', async () => {
    const own = good(await linus.get('/audit?act=credential.create'));
    expect(own).toMatch(/credential\.create success/);
    expect(own).toContain('Connections of linus@example.test');
    expect(own).not.toContain('ada@example.test');
    expect(good(await linus.get('/audit?whose=all&subject=user-7c1e0a5b&act=credential.create'))).not.toContain(
      'Everybody',
    );
    const mine = good(await ada.get('/audit?act=credential.create'));
    expect(mine).not.toContain('linus@example.test');
    const all = good(await ada.get('/audit?whose=all&act=credential.create'));
    for (const { subject } of [people.ada, people.linus]) expect(all).toContain(subject);
    expect(good(await ada.get(`/audit?whose=all&subject=${people.linus.subject}`))).not.toContain('user-7c1e0a5b');
    for (const path of ['/audit/export?format=jsonl']) expect((await linus.get(path)).status).toBe(403);
  });

  test('is seen whole page by page: calls that were written late, calls of one time, and none of a namesake [P7]', async () => {
    const log = recordIn({ folder: join(running.data, 'state', 'record') });
    const { issuer } = sandbox.identityProvider;
    const { subject } = people.linus;
    const called = async (tool: string, second: number, of: string) =>
      await log.append({
        kind: 'call',
        session: 'sesn_walked',
        call: tool,
        happened: new Date(Date.UTC(2020, 0, 1, 0, 0, second)).toISOString(),
        responsible: { kind: 'person', proof: 'sso', issuer: of, subject, label: 'Linus' },
        agent: { id: 'agent_walked', version: '1' },
        service: 'walked',
        tool,
        input: '',
        characters: 0,
        permission: 'allow',
        result: 'success',
        platform: 'https://api.example',
      });
    await called('of-a-namesake', 0, 'https://other.example');
    // The latest is written first, and all others are of the time of another one.
    const all = Array.from({ length: 61 }, (_, index) => `call-${index}`);
    for (const [index, tool] of all.entries()) await called(tool, 100 - Math.ceil(index / 2), issuer);
    const seen = new Set<string>();
    let path: string | undefined = '/audit?service=walked';
    for (let count = 0; count < 4 && path !== undefined; count += 1) {
      const { body }: Answered = await linus.get(path);
      expect(body).not.toContain('of-a-namesake');
      for (const [, tool = ''] of body.matchAll(/walked\/(call-\d+)</g)) seen.add(tool);
      path = /href="([^"]*)">Older</.exec(body)?.[1]?.replaceAll('&amp;', '&');
    }
    expect([path, [...seen].sort()]).toEqual([undefined, all.sort()]);
  });

  test('is verified and handed over whole', async () => {
    expect(good(await ada.press('/audit', '/audit/verify'))).toMatch(/\d+ lines, all as they were written/);
    const copy = await ada.get('/audit/export?format=jsonl');
    expect([copy.status, copy.headers['content-disposition']]).toEqual([
      200,
      'attachment; filename="record-jsonl.jsonl"',
    ]);
    const record = await readFile(join(running.data, 'state', 'record', 'record-000001.jsonl'), 'utf8');
    expect(copy.body.trimEnd().split('\n')).toHaveLength(record.trimEnd().split('\n').length);
    expect((await ada.get('/audit/export?format=cef')).body).toMatch(/^CEF:/);
  });
});

describe('the first page', () => {
  test('of somebody among 2,000 people is there at once, and so are the others: their time at the server is printed', async () => {
    for (const path of ['/connections', '/agents', '/catalogue', '/audit']) {
      for (let count = 0; count < 5; count += 1) good(await ada.get(path));
      const times = running
        .journal()
        .split('\n')
        .filter((line) => line.includes(`"route":"${path}"`))
        .map((line) => (JSON.parse(line) as { ms: number }).ms)
        .slice(-5)
        .sort((one, other) => one - other);
      const [median = 0, worst = 0] = [times[2], times.at(-1)];
      process.stderr.write(`${path} at ${personCount} people: ${median} ms at the server, ${worst} ms at most\n`);
      expect(median, path).toBeLessThan(2_000);
    }
  });
});

describe('people', () => {
  test('are found among 2,000, fifty a page', async () => {
    const first = good(await grace.get('/people'));
    expect(first).toMatch(/200\d people.*Page 1 of 41 Next/);
    expect(good(await grace.get('/people?find=person-1999'))).toMatch(
      /1 person .*person-1999@example\.test Active seeded-1999/,
    );
    expect(good(await grace.get(`/people?find=${people.linus.subject}`))).toMatch(
      /1 person as of .*linus@example\.test Active/,
    );
    expect((await ada.get('/people')).status).toBe(403);
  });

  test('are off-boarded by their subject, with the evidence, and let in again [P8]', async () => {
    const { subject } = people.linus;
    const who = `/people/one?${new URLSearchParams({ subject, issuer: sandbox.identityProvider.issuer, kind: 'sso' })}`;
    expect(good(await grace.get(who))).toMatch(/notion linus@example\.test/);
    const wrong = await grace.press(who, '/people/off-board', { typed: 'linus' });
    expect([wrong.status, String(wrong.headers['location'])]).toEqual([303, expect.stringContaining('#said')]);
    expect((await linus.get('/agents')).status).toBe(200);
    const done = good(await grace.press(who, '/people/off-board', { typed: subject }));
    expect(done).toMatch(
      /All of it ended in .*To be ended by hand .*Evidence .*vault\.mark Done.*credential\.archive Done/,
    );
    expect((await linus.get('/agents')).status).toBe(303);
    expect(good(await grace.get(who))).toContain('Let in again');
    // The list that was known says it too.
    expect(good(await grace.get(`/people?find=${subject}`))).toContain('Off-boarded');
    const back = await grace.press(who, '/people/let-in', { typed: subject });
    expect(back.status).toBe(303);
    expect((await browserAt(running.origin, 'linus')).cookie).not.toBe('');
  });
});

const missing = chromiumPath === undefined && { reason: 'no Chromium to look at the pages with', installable: true };
const artefacts = join(import.meta.dirname, '..', '..', 'test-artefacts', 'console');

describe.skipIf(skipped(missing))('in Chromium', () => {
  let chromium: OpenBrowser;
  beforeAll(async () => {
    chromium = await startChromium();
  }, 60_000);
  afterAll(async () => {
    await chromium?.close();
  });
  /** A browser of somebody's own, signed in. */
  const opened = async (person: PersonName, javaScriptEnabled = true) => {
    const context = await chromium.context.browser()?.newContext({ javaScriptEnabled });
    const page = await context?.newPage();
    if (context === undefined || page === undefined) throw new Error('a browser without a page');
    await page.goto(`${running.origin}/sign-in?to=/agents`);
    await page.locator(`button[name=person][value=${person}]`).click();
    await page.locator('button[value=allow]').click();
    await page.waitForURL('**/agents');
    return { page, close: () => context.close() };
  };

  test('every page fits every width, says what it is to everybody, and asks for nothing beside itself [page]', async () => {
    await mkdir(artefacts, { recursive: true });
    const found: string[] = [];
    const figures: string[] = [];
    const { subject } = people.ada;
    const who = `/people/one?${new URLSearchParams({ subject, issuer: sandbox.identityProvider.issuer, kind: 'sso' })}`;
    const views = [
      [
        'grace',
        [
          '/agents',
          '/agents/support?service=big',
          '/new-agent',
          '/catalogue',
          '/catalogue/big',
          '/review',
          '/people',
          who,
        ],
      ],
      ['ada', ['/connections', '/sessions', '/audit?whose=all']],
    ] as const;
    for (const [person, paths] of views) {
      const { page, close } = await opened(person);
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Performance.enable');
      /** How long the main thread was busy with this document, in milliseconds: with all, and with script and layout alone. */
      const busy = async () => {
        const { metrics } = await devtools.send('Performance.getMetrics');
        const of = (name: string) => 1000 * (metrics.find((each) => each.name === name)?.value ?? Number.NaN);
        return ['TaskDuration', 'ScriptDuration', 'LayoutDuration'].map(of);
      };
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      for (const path of paths) {
        requests.length = 0;
        const answered = await page.goto(`${running.origin}${path}`);
        const [all, script, layout] = (await busy()).map(Math.round);
        const bytes = (await answered?.body())?.length ?? 0;
        // What takes longer to know is asked for after it.
        expect([path, requests.filter((url) => !/-now(\?|$)/.test(url)).length]).toEqual([path, 1]);
        expect(bytes, path).toBeLessThan(largestPage);
        const work = await page.evaluate(
          "performance.getEntriesByType('navigation')[0].domComplete - performance.getEntriesByType('navigation')[0].responseEnd",
        );
        figures.push(
          `${path.split('?')[0]}: ${Math.round(bytes / 1000)} kB, 1 request, ready ${Math.round(Number(work))} ms after its last byte, main thread ${all} ms (script ${script}, layout ${layout})`,
        );
        for (const width of [320, 375, 768, 1280]) {
          await page.setViewportSize({ width, height: 900 });
          const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
          if (fits !== true) found.push(`${path} is wider than ${width}`);
          const name = (path.split('?')[0] ?? '').slice(1).replace(/\W+/g, '-');
          if (width === 320 || width === 1280) await page.screenshot({ path: join(artefacts, `${name}-${width}.png`) });
        }
        // What is colored is on these.
        const isColorful = path === '/review';
        for (const colorScheme of isColorful ? (['light', 'dark'] as const) : (['light'] as const)) {
          await page.emulateMedia({ colorScheme });
          found.push(...(await violationsOn(page)).map((each) => `${path} ${colorScheme}: ${each}`));
        }
        await page.emulateMedia({ colorScheme: 'light' });
      }
      await close();
    }
    process.stderr.write(`pages of the console:\n${figures.join('\n')}\n`);
    expect(found).toEqual([]);
  }, 180_000);

  test('an agent is drafted by the keyboard alone, and without a script [page]', async () => {
    for (const scripted of [true, false]) {
      const { page, close } = await opened('grace', scripted);
      await page.goto(`${running.origin}/new-agent`);
      if (scripted) {
        await tabTo(page, 'Skip to the content');
        await page.keyboard.press('Enter');
        await tabTo(page, 'Name');
        await page.keyboard.type('typed');
        await tabTo(page, 'support');
        await page.keyboard.press('Space');
        await tabTo(page, 'Show the change');
        await page.keyboard.press('Enter');
      } else {
        await page.locator('input[name=name]').fill('typed');
        await page.locator('button.primary').click();
      }
      await page.waitForSelector('h1:text-is("New agent typed")');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download the patch' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('agent-typed.patch');
      await close();
    }
  }, 120_000);
});
