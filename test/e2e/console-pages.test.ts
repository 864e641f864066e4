/**
 * People who never open a terminal: two of them in two browsers at one console. The whole way is gone three times: with a
 * mouse, without a script, and by the keyboard alone. What the pages look like is kept in `test-artefacts/console-story/`,
 * from 320 pixels to wide, and dark.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { type PersonName, people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { partedWordsOn, tooWideOn, violationsOn } from '../support/accessibility.ts';
import { chromiumFlags, chromiumPath } from '../support/chromium.ts';
import { runCommand } from '../support/command.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { type Hands, withKeyboard, withMouse } from '../support/hands.ts';
import { skipped } from '../support/skip.ts';
import { root } from './build.ts';

const artefacts = join(root, 'test-artefacts', 'console-story');
const missing = chromiumPath === undefined && { reason: 'no Chromium to press the buttons with', installable: true };
const widths = [320, 375, 768, 1280];
/** Connecting is asked of a sandbox that everything else on the machine runs beside. */
const patience = 60_000;
const run = promisify(execFile);
type Name = Exclude<PersonName, 'mallory'>;

describe.skipIf(skipped(missing))('the pages of a console, in Chromium', () => {
  let sandbox: Sandbox;
  let running: RunningConsole;
  let browser: Browser;
  beforeAll(async () => {
    await rm(artefacts, { recursive: true, force: true });
    await mkdir(artefacts, { recursive: true });
    sandbox = await startSandbox();
    const agent = join(sandbox.configFolder, 'agents', 'support.yaml');
    const content = parse(await readFile(agent, 'utf8'));
    content.services.notion.write = 'ask';
    await writeFile(agent, stringify(content));
    const slack = join(sandbox.configFolder, 'services', 'slack.yaml');
    const client = parse(await readFile(slack, 'utf8'));
    client.authorization.token_endpoint_auth_method = 'client_secret_post';
    await writeFile(slack, stringify(client));
    const applied = await runCommand(setupSession, ['agents', 'apply'], {
      folder: join(sandbox.folder, 'operator'),
      environment: { ...sandbox.environment, MAI_CONFIG: sandbox.configFolder },
    });
    expect([applied.exit, applied.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    running = await startConsole(sandbox, (content) => {
      // Somebody else of the group says yes to what an agent would write.
      const support = { groups: ['support'] };
      content.approvals = {
        services: {
          notion: { tools: { 'notion-create-pages': support } },
          linear: { tools: { save_issue: support } },
        },
      };
      content.people.operators = { principals: [people.ada.subject, people.grace.subject] };
    });
    browser = await chromium.launch({
      executablePath: chromiumPath ?? 'chromium',
      headless: true,
      args: chromiumFlags,
    });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await running?.stop();
    await sandbox?.close();
  });

  type Context = NonNullable<Parameters<Browser['newContext']>[0]>;

  /** A person with a browser of their own, at the first page. */
  async function signedIn(person: Name, { hands = withMouse, ...options }: Context & { hands?: Hands } = {}) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    await page.goto(running.origin);
    await allow(page, hands, person);
    await page.waitForSelector('h1:text-is("My connections")');
    return { context, page };
  }

  /** Signs in at the provider or a service, and allows what is asked there. */
  async function allow(page: Page, { press }: Hands, person: Name): Promise<void> {
    await page.waitForSelector('button[name=person]');
    await press(page, people[person].name);
    await page.waitForSelector('button[value=allow]');
    await press(page, 'Allow');
  }

  /** Keeps what a page looks like, and looks at it with axe: nothing serious, nothing to be scrolled to the side. */
  async function look(page: Page, name: string): Promise<void> {
    const found: string[] = [];
    const before = page.viewportSize();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        found.push(...(await tooWideOn(page)).map((each) => `${name} ${width}: wide ${each}`));
        found.push(...(await partedWordsOn(page)).map((each) => `${name} ${width}: ${each}`));
        if (colorScheme === 'light' || width === 320 || width === 1280)
          await page.screenshot({ path: join(artefacts, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
      found.push(...(await violationsOn(page)).map((each) => `${name} ${colorScheme}: ${each}`));
    }
    await page.emulateMedia({ colorScheme: 'light' });
    // Text of twice its size, on the smallest screen.
    await page.setViewportSize({ width: 320, height: 800 });
    await page.evaluate("document.documentElement.style.fontSize = '200%'");
    found.push(...(await tooWideOn(page)).map((each) => `${name} 320, large: wide ${each}`));
    found.push(...(await partedWordsOn(page)).map((each) => `${name} 320, large: ${each}`));
    await page.screenshot({ path: join(artefacts, `${name}-320-large.png`), fullPage: true });
    await page.evaluate("document.documentElement.style.fontSize = ''");
    if (before !== null) await page.setViewportSize(before);
    expect(found).toEqual([]);
    expect(await page.evaluate('document.documentElement.outerHTML.length')).toBeLessThan(100_000);
  }

  /** What a reviewer does with the patch of a page: it is put where it belongs, and CI applies what was reviewed. */
  async function review(patch: string): Promise<void> {
    await run('git', ['apply', '--check', patch], { cwd: sandbox.folder });
    await run('git', ['apply', patch], { cwd: sandbox.folder });
    const applied = await runCommand(setupSession, ['agents', 'apply'], {
      folder: join(sandbox.folder, 'operator'),
      environment: sandbox.environment,
    });
    expect([applied.exit, applied.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  }

  const mainOf = async (page: Page) => ((await page.locator('main').textContent()) ?? '').replace(/\s+/g, ' ');

  /** Waits for a page to say something: by itself where a script runs, and where none does by looking again. */
  async function says(page: Page, { press }: Hands, selector: string, isScripted: boolean): Promise<void> {
    if (isScripted) return void (await page.waitForSelector(selector));
    await expect
      .poll(
        async () => {
          if ((await page.locator(selector).count()) > 0) return true;
          await press(page, 'Look again');
          await page.waitForLoadState();
          return false;
        },
        { timeout: patience, interval: 500 },
      )
      .toBe(true);
  }

  const ways: [way: string, hands: Hands, isScripted: boolean][] = [
    ['with a mouse', withMouse, true],
    ['without a script', withMouse, false],
    ['by the keyboard alone', withKeyboard, true],
    ['by the keyboard alone, and without a script', withKeyboard, false],
  ];
  test.each(ways)(
    'two people sign in, connect, make an agent with writes off, have sessions of it, ask, approve and read the record %s [P1] [P4]',
    { timeout: 300_000 },
    async (way, hands, isScripted) => {
      const { press, type, choose } = hands;
      const agent = `helper-${ways.findIndex(([each]) => each === way)}`;
      const looked = new Set<string>();
      /** Each page is looked at once. */
      const seen = async (page: Page, name: string) => {
        if (way !== 'with a mouse' || looked.has(name)) return;
        looked.add(name);
        await look(page, name);
      };
      const unexpected: string[] = [];
      const enter = async (person: Name) => {
        const { context, page } = await signedIn(person, { hands, javaScriptEnabled: isScripted });
        page.on('console', (message) => unexpected.push(message.text()));
        page.on('pageerror', (error) => unexpected.push(String(error)));
        return { person, context, page, name: people[person] };
      };
      const ada = await enter('ada');
      const grace = await enter('grace');
      await seen(ada.page, 'connections-none');
      for (const { page, person } of [ada, grace]) {
        for (const service of ['Notion', 'Linear']) {
          await press(page, `Connect ${service}`);
          await allow(page, hands, person);
          await page.waitForSelector(`.notice.ok:has-text("${service} is connected")`);
        }
        expect(await page.locator('#notion .state').textContent()).toBe('Connected');
        expect(await mainOf(page)).toContain(`${person}@example.test`);
      }
      await seen(ada.page, 'connections');

      await press(ada.page, 'New agent');
      await ada.page.waitForSelector('h1:text-is("New agent")');
      await type(ada.page, 'Name', agent);
      await choose(ada.page, 'service:linear', 'ask');
      await choose(ada.page, 'service:notion', 'off');
      await choose(ada.page, 'group:support', 'on');
      await seen(ada.page, 'new-agent');
      await press(ada.page, 'Show the change');
      await ada.page.waitForSelector(`h1:text-is("New agent ${agent}")`);
      await seen(ada.page, 'new-agent-change');
      expect(sandboxAgents(await loadConfiguration(sandbox.configFolder))).not.toContain(agent);
      const [download] = await Promise.all([ada.page.waitForEvent('download'), press(ada.page, 'Download the patch')]);
      const patch = join(sandbox.folder, `${agent}.patch`);
      await download.saveAs(patch);
      await review(patch);

      await press(ada.page, 'Agents');
      await press(ada.page, agent);
      await ada.page.waitForSelector(`h1:text-is("${agent}")`);
      const rows = ada.page.locator('.rows > li');
      const verdictOf = async (tool: string) =>
        ((await rows.filter({ hasText: tool }).first().textContent()) ?? '').replace(/\s+/g, ' ');
      expect(await verdictOf('notion-create-pages')).toMatch(/Off.*services\.notion\.write is off/);
      expect(await verdictOf('save_issue')).toContain('Asks first');
      await seen(ada.page, 'agent');

      for (const [owner, other] of [
        [ada, grace],
        [grace, ada],
      ] as const) {
        const title = `Plan <b>of ${owner.person}</b>`;
        await press(owner.page, 'Sessions');
        await owner.page.waitForSelector('h1:text-is("Sessions")');
        expect(await mainOf(owner.page)).toContain('No session runs now');
        await seen(owner.page, 'sessions-none');
        await press(owner.page, 'Start a session');
        await press(owner.page, `Choose ${agent}`);
        await owner.page.waitForSelector(`h1:text-is("Start ${agent}")`);
        expect(await mainOf(owner.page)).not.toContain('notion-create-pages');
        await seen(owner.page, 'session-new');
        await type(
          owner.page,
          'What should it do first?',
          `call notion notion-create-pages {"pages":[{"title":"x"}]}\ncall linear save_issue {"title":"${title}"}`,
        );
        await press(owner.page, 'Start');
        await owner.page.waitForSelector(`h1:text-is("${agent}")`);
        await says(owner.page, hands, '#asks', isScripted);
        await seen(owner.page, 'session-asks');
        // The write that is off was never asked about, and the other one is shown as it is.
        expect(await owner.page.locator('#asks pre').allTextContents()).toEqual([JSON.stringify({ title })]);
        // Whoever owns the session is told whose yes it takes, and is offered none of their own.
        expect(await owner.page.locator('#asks').textContent()).toContain('not its owner');
        expect(await owner.page.getByRole('button', { name: 'Yes to' }).count()).toBe(0);

        await press(other.page, 'Sessions');
        await other.page.waitForSelector('h1:text-is("Sessions")');
        expect(await mainOf(other.page)).toContain('No session runs now');
        await press(other.page, 'Of everybody');
        await other.page.waitForSelector('p:has-text("Every session that runs")');
        expect(await mainOf(other.page)).toMatch(new RegExp(`waiting for a yes.*${people[owner.person].subject}`));
        await seen(other.page, 'sessions-of-everybody');
        await press(other.page, 'Approvals');
        await other.page.waitForSelector('h1:text-is("Approvals")');
        await seen(other.page, 'approvals');
        expect(await other.page.locator('pre').allTextContents()).toEqual([JSON.stringify({ title })]);
        await press(other.page, 'Yes to linear save_issue');
        await other.page.waitForSelector('.notice:has-text("You said yes")');
        await seen(other.page, 'approvals-none');

        await says(owner.page, hands, '#now:has-text("done")', isScripted);
        const calls = await owner.page.locator('.calls').allTextContents();
        expect(calls.join(' ')).toMatch(/save_issue (was let|ran)/);
        expect(await mainOf(owner.page)).toContain(`${owner.person}@example.test`);
        await seen(owner.page, 'session-done');

        await press(owner.page, 'Audit');
        await owner.page.waitForSelector('h1:text-is("Audit")');
        const own = await mainOf(owner.page);
        for (const act of ['credential.create', 'session.create']) expect(own).toContain(act);
        expect(own).not.toContain(`${other.person}@example.test`);
        await seen(owner.page, 'audit');
        await press(other.page, 'Audit');
        await other.page.waitForSelector('h1:text-is("Audit")');
        expect(await mainOf(other.page)).toMatch(/answer\.giveyes.*linear\/save_issue, .*as approver/);
        await press(other.page, 'Everybody’s');
        await other.page.waitForSelector('p:has-text("What everybody did")');
        expect(await mainOf(other.page)).toContain(people[owner.person].subject);
        await press(other.page, 'Verify');
        await other.page.waitForSelector('.notice.ok:has-text("all as they were written")');
        await seen(other.page, 'audit-verified');

        await press(owner.page, 'Sessions');
        await press(owner.page, agent);
        await press(owner.page, 'End it');
        await owner.page.waitForSelector('.notice.ok:has-text("The session is")');
        await seen(owner.page, 'session-ended');
      }

      for (const { page, context } of [ada, grace]) {
        for (const service of ['Notion', 'Linear']) {
          await press(page, 'My connections');
          await press(page, `Details ${service}`);
          await page.waitForSelector(`h1:text-is("${service}")`);
          await press(page, `Disconnect ${service}`);
          await page.waitForSelector(`.notice.ok:has-text("${service} is disconnected")`);
          expect(await page.locator(`#${service.toLowerCase()} .state`).textContent()).toBe('Not connected');
        }
        await press(page, 'Sign out');
        await page.waitForSelector('h1:text-is("You are signed out")');
        await seen(page, 'signed-out');
        await context.close();
      }
      expect(unexpected).toEqual([]);
    },
  );

  test('all tabs of a browser show what moves on, by one stream, and a yes that is pressed twice is one', {
    timeout: 180_000,
  }, async () => {
    const ada = await signedIn('ada');
    await ada.page.getByRole('button', { name: 'Connect Notion' }).click();
    await allow(ada.page, withMouse, 'ada');
    await ada.page.waitForSelector('.notice.ok:has-text("Notion is connected")');
    await ada.page.getByRole('button', { name: 'Connect Linear' }).click();
    await allow(ada.page, withMouse, 'ada');
    await ada.page.waitForSelector('.notice.ok:has-text("Linear is connected")');
    await ada.page.goto(`${running.origin}/sessions/new?agent=support`);
    await ada.page
      .getByLabel('What should it do first?')
      .fill('call notion notion-create-pages {"pages":[{"title":"Plan <b>x</b>"}]}');
    const before = (await confirmations()).length;
    await ada.page.getByRole('button', { name: 'Start' }).click();
    await ada.page.waitForSelector('#asks');

    // Every tab of a browser shows it; one of them holds the stream.
    const streams: string[] = [];
    ada.context.on('request', (request) => {
      if (request.url().includes('/events')) streams.push(request.url());
    });
    const second = await ada.context.newPage();
    await second.goto(ada.page.url());
    await second.waitForSelector('#asks');

    const grace = await signedIn('grace');
    await grace.page.getByRole('link', { name: 'Approvals', exact: true }).click();
    // What waits is told by the stream as well: a page that shows it stays as it is.
    await grace.page.waitForSelector('html[data-live=yes]');
    await grace.page.getByRole('button', { name: 'Yes to notion notion-create-pages' }).dblclick();
    await grace.page.waitForSelector('.notice:has-text("You said yes")');
    for (const page of [ada.page, second]) {
      await page.waitForSelector('#now:has-text("done")');
      expect(await page.locator('.calls').textContent()).toMatch(/ran|was let/);
    }
    expect(streams).toEqual([]);
    expect((await confirmations()).slice(before).map(({ result }) => result)).toEqual(['allow']);

    await ada.page.getByLabel('Say something to it').fill('What is this?\nThank you.');
    await ada.page.getByRole('button', { name: 'Send' }).click();
    await ada.page.waitForSelector('.turn:nth-of-type(2) .answer');
    await look(ada.page, 'session-two-turns');

    await ada.page.goto(`${running.origin}/connections/notion`);
    expect(await mainOf(ada.page)).toMatch(/Agents: .*support/);
    expect(await ada.page.locator('main .list li').count()).toBe(1);
    await look(ada.page, 'connection');
    await ada.context.close();
    await grace.context.close();
  });

  test('what is asked on the way to a service, and who may not use one, is there for everybody', {
    timeout: 180_000,
  }, async () => {
    const { context, page } = await signedIn('grace');
    await withMouse.press(page, 'Connect Linear');
    await allow(page, withMouse, 'ada');
    await page.waitForSelector('h1:text-is("Linear: is this right?")');
    await look(page, 'question-other-account');
    await withMouse.press(page, 'Store nothing');
    await page.waitForSelector('.notice.bad:has-text("Linear could not be connected")');
    await look(page, 'connections-failed');
    await withMouse.press(page, 'Connect Slack');
    await page.waitForSelector('input[type=password]');
    await look(page, 'question-secret');
    await withMouse.press(page, 'Cancel');
    await page.waitForSelector('.notice:has-text("Slack: cancelled")');
    await page.goto(`${running.origin}/sessions/new?agent=support`);
    await page.waitForSelector('.notice.warn:has-text("It cannot be started as things are")');
    await look(page, 'session-new-not-connected');
    await context.close();
    const linus = await signedIn('linus');
    await linus.page.waitForSelector('p:text-is("You may not use it")');
    await look(linus.page, 'connections-not-for-you');
    await linus.context.close();
  });

  test('a stream that an answer ended is there again, and a page that Back brings shows what is so now', {
    timeout: 120_000,
  }, async () => {
    const { context, page } = await signedIn('ada');
    let refused = 0;
    await context.route('**/events?*', async (route) => {
      refused += 1;
      if (refused > 1) return await route.continue();
      await route.fulfill({ status: 502, body: 'a proxy of its own' });
    });
    await page.goto(`${running.origin}/approvals`);
    await page.waitForSelector('html[data-live=yes]');
    expect(refused).toBeGreaterThan(1);

    await page.goto(`${running.origin}/connections`);
    // As a browser does that keeps pages, and brings one back as it was: it is not shown, and loaded again.
    const event = (name: string) => `dispatchEvent(new PageTransitionEvent('${name}', { persisted: true }))`;
    await page.evaluate(event('pagehide'));
    expect(await page.locator('body').isHidden()).toBe(true);
    const [loaded] = await Promise.all([page.waitForRequest(/\/connections$/), page.evaluate(event('pageshow'))]);
    expect(loaded.isNavigationRequest()).toBe(true);
    await page.waitForSelector('h1:text-is("My connections")');
    await page.goto('about:blank');
    const file = join(sandbox.configFolder, 'interface.yaml');
    const before = await readFile(file, 'utf8');
    const content = parse(before);
    content.people.roles.user = { groups: [], principals: [] };
    await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
    try {
      await page.goBack();
      await page.waitForSelector('h1:text-is("That is not for you")');
      expect(await page.locator('.service').count()).toBe(0);
      await look(page, 'refused');
    } finally {
      await writeFile(file, before);
    }
    await context.close();
  });

  async function confirmations() {
    const client = new Anthropic({ apiKey: sandbox.platform.apiKey, baseURL: sandbox.platform.baseUrl });
    const found: { result: string }[] = [];
    for await (const session of client.beta.sessions.list()) {
      const { data } = await client.beta.sessions.events.list(session.id, { types: ['user.tool_confirmation'] });
      found.push(...(data as unknown as { result: string }[]));
    }
    return found;
  }
});

function sandboxAgents({ agents }: Configuration): string[] {
  return [...agents.keys()];
}
