/**
 * People who never open a terminal: two of them in two browsers at one console, with a script and without one, by mouse and by
 * keyboard. What the pages look like is kept in `test-artefacts/console/`, light and dark, from 320 pixels to wide.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { violationsOn } from '../support/accessibility.ts';
import { chromiumFlags, chromiumPath } from '../support/chromium.ts';
import { runCommand } from '../support/command.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { skipped } from '../support/skip.ts';
import { root } from './build.ts';

const artefacts = join(root, 'test-artefacts', 'console');
const missing = chromiumPath === undefined && { reason: 'no Chromium to press the buttons with', installable: true };
const widths = [320, 375, 768, 1280];

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
    const applied = await runCommand(setupSession, ['agents', 'apply'], {
      folder: join(sandbox.folder, 'operator'),
      environment: { ...sandbox.environment, MAI_CONFIG: sandbox.configFolder },
    });
    expect([applied.exit, applied.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    running = await startConsole(sandbox, (content) => {
      // Somebody else says yes to what the editor would write.
      content.approvals = { services: { notion: { tools: { 'notion-create-pages': { groups: ['support'] } } } } };
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

  /** A person with a browser of their own, at the first page. */
  async function signedIn(person: string, options: Parameters<Browser['newContext']>[0] = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(running.origin);
    await allow(page, person);
    await page.waitForSelector('h1:text-is("My connections")');
    return { context, page };
  }

  /** Presses the buttons of a sign-in at the provider or a service. */
  async function allow(page: Page, person: string): Promise<void> {
    await page.locator(`button[name=person][value=${person}]`).click();
    await page.locator('button[value=allow]').click();
  }

  /** Keeps what a page looks like, and looks at it with axe: nothing serious, nothing to be scrolled to the side. */
  async function look(page: Page, name: string): Promise<void> {
    const found: string[] = [];
    const before = page.viewportSize();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        if (await page.evaluate('document.documentElement.scrollWidth > innerWidth'))
          found.push(`${name} ${width}: wide`);
        if (width === 320 || width === 1280) {
          await page.screenshot({ path: join(artefacts, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        }
      }
      found.push(...(await violationsOn(page)).map((each) => `${name} ${colorScheme}: ${each}`));
    }
    await page.emulateMedia({ colorScheme: 'light' });
    if (before !== null) await page.setViewportSize(before);
    expect(found).toEqual([]);
    expect(await page.evaluate('document.documentElement.outerHTML.length')).toBeLessThan(100_000);
  }

  test('two people: sign in, connect, a session, its ask, an approval', { timeout: 180_000 }, async () => {
    const ada = await signedIn('ada');
    const unexpected: string[] = [];
    ada.page.on('console', (message) => unexpected.push(message.text()));
    ada.page.on('pageerror', (error) => unexpected.push(String(error)));
    await look(ada.page, 'connections-none');

    for (const service of ['Notion', 'Linear']) {
      await ada.page.getByRole('button', { name: `Connect ${service}` }).click();
      await allow(ada.page, 'ada');
      await ada.page.waitForSelector(`.notice.ok:has-text("${service} is connected")`);
    }
    expect(await ada.page.locator('#notion .state').textContent()).toBe('Connected');
    await look(ada.page, 'connections');

    await ada.page.getByRole('link', { name: 'Sessions', exact: true }).click();
    await look(ada.page, 'sessions-none');
    await ada.page.getByRole('link', { name: 'Start a session' }).click();
    await ada.page.getByRole('link', { name: 'Choose support' }).click();
    await look(ada.page, 'session-new');
    await ada.page
      .getByLabel('What should it do first?')
      .fill('call notion notion-create-pages {"pages":[{"title":"Plan <b>x</b>"}]}');
    await ada.page.getByRole('button', { name: 'Start' }).click();
    await ada.page.waitForSelector('#asks');
    await look(ada.page, 'session-asks');
    expect(await ada.page.locator('#asks pre').textContent()).toBe('{"pages":[{"title":"Plan <b>x</b>"}]}');
    // Whoever owns the session is told whose yes it takes, and is offered none of their own.
    expect(await ada.page.locator('#asks').textContent()).toContain('not its owner');
    expect(await ada.page.getByRole('button', { name: 'Yes to' }).count()).toBe(0);

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
    await look(grace.page, 'approvals');
    expect(await grace.page.locator('pre').textContent()).toBe('{"pages":[{"title":"Plan <b>x</b>"}]}');
    // What waits is told by the stream as well: a page that shows it stays as it is.
    await grace.page.waitForSelector('html[data-live=yes]');
    await grace.page.getByRole('button', { name: 'Yes to notion notion-create-pages' }).dblclick();
    await grace.page.waitForSelector('.notice:has-text("You said yes")');
    await look(grace.page, 'approvals-none');
    await grace.page.goto(`${running.origin}/sessions`);
    expect(await grace.page.locator('main').textContent()).toContain('No session runs now');
    for (const page of [ada.page, second]) {
      await page.waitForSelector('#now:has-text("done")');
      expect(await page.locator('.calls').textContent()).toMatch(/ran|was let/);
    }
    expect(streams).toEqual([]);
    expect((await confirmations()).map(({ result }) => result)).toEqual(['allow']);

    await ada.page.getByLabel('Say something to it').fill('What is this?\nThank you.');
    await ada.page.getByRole('button', { name: 'Send' }).click();
    await ada.page.waitForSelector('.turn:nth-of-type(2) .answer');
    await look(ada.page, 'session-done');
    expect(unexpected).toEqual([]);

    await ada.page.goto(`${running.origin}/connections/notion`);
    expect(await ada.page.locator('main').textContent()).toMatch(/Agents: .*support/);
    expect(await ada.page.locator('main .list li').count()).toBe(1);
    await look(ada.page, 'connection');
    await ada.page.getByRole('button', { name: 'Disconnect Notion' }).click();
    await ada.page.waitForSelector('.notice.ok:has-text("Notion is disconnected")');
    expect(await ada.page.locator('#notion .state').textContent()).toBe('Not connected');
    await ada.context.close();
    await grace.context.close();
  });

  test('without a script, and by keyboard alone', { timeout: 120_000 }, async () => {
    const { context, page } = await signedIn('grace', { javaScriptEnabled: false });
    await reach(page, 'Connect Notion');
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[name=person]');
    await page.locator('button[name=person][value=grace]').focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[value=allow]');
    await page.locator('button[value=allow]').focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.notice.ok:has-text("Notion is connected")');
    await page.keyboard.press('Tab');
    await reach(page, 'Sessions');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:text-is("Sessions")');
    await reach(page, 'Start a session');
    await page.keyboard.press('Enter');
    await reach(page, 'Choose support');
    await page.keyboard.press('Enter');
    await page.waitForSelector('textarea');
    await page.getByLabel('What should it do first?').focus();
    await page.keyboard.type('call notion notion-search {"query":"x"}');
    await reach(page, 'Start');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:text-is("support")');
    // The page of a session that goes on loads itself again.
    await page.waitForSelector('.calls:has-text("notion-search")', { timeout: 30_000 });
    await context.close();
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

/** Goes on with Tab until what is wanted has the focus, as somebody without a mouse does. */
async function reach(page: Page, name: string): Promise<void> {
  for (let steps = 0; steps < 60; steps += 1) {
    const focused = page.locator(':focus');
    if ((await focused.count()) === 1 && (await focused.textContent())?.replace(/\s+/g, ' ').trim() === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no way to ${name} by keyboard`);
}
