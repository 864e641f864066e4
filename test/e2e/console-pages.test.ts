/**
 * People who never open a terminal: two of them in two browsers at one console, with a script and without one, by mouse and by
 * keyboard. What the pages look like is kept in `test-artefacts/console/`, light and dark, from 320 pixels to wide.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
      .fill('call notion notion-create-pages {"title":"Plan <b>x</b>"}');
    await ada.page.getByRole('button', { name: 'Start' }).click();
    await ada.page.waitForSelector('#asks');
    await look(ada.page, 'session-asks');
    expect(await ada.page.locator('#asks pre').textContent()).toBe('{"title":"Plan <b>x</b>"}');
    expect(unexpected).toEqual([]);
    await ada.context.close();
  });
});
