/**
 * A person presses the buttons: the built executable, a real browser and the sandbox. What the pages look like is kept as
 * pictures in `test-artefacts/screenshots/`, light and dark, on a desk and on a phone.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitAnswer } from '../../internal/oauth/answer.ts';
import type { AuthorizationServer } from '../../internal/oauth/authorization-server.ts';
import { listenOnLoopback as listenForAnswer } from '../../internal/outside/loopback.ts';
import { redirectFile } from '../../internal/outside/redirect-file.ts';
import { listenOnLoopback } from '../sandbox/listener.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { chromiumPath, type OpenBrowser, startChromium } from '../support/chromium.ts';
import { skipped } from '../support/skip.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';
import { startPageCommand } from './page-command.ts';

const artefacts = join(root, 'test-artefacts', 'screenshots');
const pictures: string[] = [];

const missing = chromiumPath === undefined && { reason: 'no Chromium to press the buttons with', installable: true };

describe.skipIf(skipped(missing))('the page of buttons, in Chromium', () => {
  let built: BuiltCopy;
  let browser: OpenBrowser;
  beforeAll(async () => {
    built = await copyOfBuild();
    browser = await startChromium();
    await rm(artefacts, { recursive: true, force: true });
    await mkdir(artefacts, { recursive: true });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await built?.remove();
    const where = relative(root, artefacts);
    process.stderr.write(`pictures of the pages: ${pictures.map((name) => join(where, name)).join(', ')}\n`);
  });

  let sandbox: Sandbox;
  let running: ChildProcess | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(async () => {
    if (running?.exitCode === null) running.kill('SIGKILL');
    for (const page of browser.context.pages().slice(1)) await page.close();
    await sandbox.close();
  });

  async function start(...words: string[]) {
    const command = await startPageCommand(built, sandbox, words);
    running = command.child;
    return command;
  }

  /** Keeps what a page looks like: in every light on every device, or where that says nothing new, two of them. */
  async function picture(page: Page, name: string, views: readonly View[] = everyView): Promise<void> {
    for (const [device, colorScheme] of views) {
      await page.setViewportSize(devices[device]);
      await page.emulateMedia({ colorScheme });
      const file = `${name}-${device}-${colorScheme}.png`;
      await page.screenshot({ path: join(artefacts, file), fullPage: true });
      pictures.push(file);
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), file).toBe(true);
    }
    await page.setViewportSize(devices.desk);
    await page.emulateMedia({ colorScheme: 'light' });
  }

  /** Signs in with a click on the person and one on allow. */
  async function signIn(page: Page, person = 'ada'): Promise<void> {
    await page.locator(`button[name=person][value=${person}]`).click();
    await page.locator('button[value=allow]').click();
  }

  async function activeCredentials() {
    const client = new Anthropic({ apiKey: sandbox.platform.apiKey, baseURL: sandbox.platform.baseUrl });
    const found = [];
    for await (const vault of client.beta.vaults.list()) {
      for await (const each of client.beta.vaults.credentials.list(vault.id)) found.push(each);
    }
    return found.map(({ display_name }) => display_name).sort();
  }

  test('two services are connected, one again, and one is taken out; one of them by keyboard alone [b12] [b13] [page]', async () => {
    const command = await start('--json');
    const page = await browser.context.newPage();
    const unexpected: string[] = [];
    page.on('console', (message) => unexpected.push(message.text()));
    page.on('pageerror', (error) => unexpected.push(String(error)));

    await page.goto(await command.sentTo(1));
    await signIn(page);
    await page.waitForSelector('h1:text-is("Connections")');
    const home = page.url().replace(/\?.*/, '');
    expect(home).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/$/);
    expect(await stateOf(page, 'notion')).toBe('Not connected');
    await picture(page, 'page-empty', twoViews);

    await button(page, 'Connect Notion').click();
    await signIn(page);
    await page.waitForSelector('.notice.ok:has-text("Notion is connected")');
    expect(page.url().replace(/\?.*/, '')).toBe(home);
    // Whoever does not see the page is read first what was done.
    expect(await page.evaluate('[document.activeElement.id, document.title]')).toEqual([
      'said',
      'Notion is connected · Connections',
    ]);
    expect(await stateOf(page, 'notion')).toBe('Connected');
    expect(await page.locator('#notion').textContent()).toContain('ada@example.test');

    await reachByKeyboard(page, 'Connect Linear');
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[name=person]');
    await reachByKeyboard(page, 'Ada Lovelace');
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[value=allow]');
    await reachByKeyboard(page, 'Allow');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.notice.ok:has-text("Linear is connected")');
    expect(await activeCredentials()).toEqual(['Linear: ada@example.test', 'Notion: ada@example.test']);
    await picture(page, 'page-connected');

    await button(page, 'Reconnect Notion').click();
    await signIn(page);
    await page.waitForSelector('.notice.ok:has-text("Notion is connected")');
    expect(await activeCredentials()).toHaveLength(2);

    await button(page, 'Disconnect Linear').click();
    await page.waitForSelector('h1:has-text("Disconnect Linear?")');
    expect(await activeCredentials()).toHaveLength(2);
    await picture(page, 'page-disconnect', twoViews);
    await button(page, 'Disconnect').click();
    await page.waitForSelector('.notice.ok:has-text("Linear is disconnected")');
    expect(await stateOf(page, 'linear')).toBe('Not connected');
    expect(await activeCredentials()).toEqual(['Notion: ada@example.test']);

    await button(page, 'Check Notion').click();
    await page.waitForSelector('.notice.ok:has-text("Notion works")');
    await button(page, 'Finish').click();
    await page.waitForSelector('h1:has-text("That is all")');
    await picture(page, 'page-end', twoViews);
    const { exit, stdout, stderr } = await command.ended;
    const acts = JSON.parse(stdout).acts.map(({ act, service, change }: Record<string, string>) => [
      act,
      service,
      change,
    ]);
    expect([exit, acts]).toEqual([
      0,
      [
        ['connected', 'notion', 'created'],
        ['connected', 'linear', 'created'],
        ['connected', 'notion', 'updated'],
        ['disconnected', 'linear', 'disconnected'],
      ],
    ]);
    expect(stderr).not.toContain('enter?once=');
    expect(unexpected).toEqual([]);
  }, 90_000);

  test('seven tabs are there by one connection, one from the past is loaded anew, and none asks an ended place for ever [page]', async () => {
    const command = await start('--json');
    /** Every connection that a tab opens is known to it. */
    const counting = `window.sources = [];
      window.EventSource = class extends EventSource { constructor(...words) { super(...words); sources.push(this); } };`;
    const first = await browser.context.newPage();
    await first.addInitScript(counting);
    await first.goto(await command.sentTo(1));
    await signIn(first);
    await first.waitForSelector('h1:text-is("Connections")');
    const tabs = [first];
    while (tabs.length < 7) {
      const tab = await browser.context.newPage();
      await tab.addInitScript(counting);
      await tab.goto(first.url());
      await tab.waitForSelector('h1:text-is("Connections")');
      tabs.push(tab);
    }
    const states = async () =>
      await Promise.all(tabs.map((tab) => tab.evaluate('sources.map((each) => each.readyState)')));
    await expect.poll(states, { timeout: 30_000 }).toEqual([[1], [], [], [], [], [], []]);
    const [, , , , , , last = first] = tabs;
    const [again] = await Promise.all([
      last.waitForRequest((request) => request.isNavigationRequest()),
      last.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"),
    ]);
    expect(again.url()).toBe(first.url().replace(/#.*/, ''));
    await last.waitForSelector('h1:text-is("Connections")');
    await button(last, 'Finish').click();
    await last.waitForSelector('h1:has-text("That is all")');
    expect((await command.ended).exit).toBe(0);
    for (const tab of tabs.slice(0, 6)) await tab.waitForSelector('.gone:has-text("This page has ended")');
    tabs.pop();
    await expect.poll(states, { timeout: 60_000 }).toEqual([[2], [], [], [], [], []]);
  }, 120_000);

  test("what is denied, cancelled or somebody else's is said, and connects nothing [page]", async () => {
    const command = await start();
    const page = await browser.context.newPage();
    await page.goto(await command.sentTo(1));
    await signIn(page);
    await page.waitForSelector('h1:text-is("Connections")');
    const home = page.url().replace(/\?.*/, '');

    await button(page, 'Connect Notion').click();
    await page.locator('button[name=person][value=ada]').click();
    await page.locator('button[value=deny]').click();
    await page.waitForSelector('.notice.bad:has-text("Notion was not connected")');
    await picture(page, 'page-denied', twoViews);

    await button(page, 'Connect Notion').click();
    await signIn(page, 'grace');
    await page.waitForSelector('h1:has-text("is this right?")');
    await picture(page, 'page-other-account', twoViews);
    await button(page, 'Store nothing').click();
    await page.waitForSelector('.notice.bad:has-text("grace@example.test")');
    await picture(page, 'page-wrong-account', twoViews);

    await button(page, 'Connect Notion').click();
    await page.waitForSelector('button[name=person]');
    const second = await browser.context.newPage();
    await second.goto(home);
    await second.waitForSelector('.notice:has-text("Notion is being connected")');
    await picture(second, 'page-under-way', twoViews);
    await button(second, 'Connect Linear').click();
    await second.waitForSelector('.notice:has-text("Notion is being connected")');
    await page.goBack();
    await page.waitForSelector('.notice:has-text("Notion is being connected")');
    await button(page, 'Connect Notion').dblclick();
    await page.waitForSelector('button[name=person]');
    await button(second, 'Cancel').click();
    await second.waitForSelector('.notice:has-text("Notion: cancelled")');
    expect(await activeCredentials()).toEqual([]);

    command.child.kill('SIGINT');
    const { exit, stdout } = await command.ended;
    expect([exit, stdout]).toEqual([0, 'nothing was changed\n']);
    await second.waitForSelector('.gone:has-text("has ended")');
    await picture(second, 'page-gone', twoViews);
  }, 90_000);

  test('started with a file, where no kernel says whose a connection is, it begins, is sent on and comes back', async () => {
    const folder = await mkdtemp(join(sandbox.folder, 'own-'));
    const service = await listenOnLoopback();
    service.serve((request, response) => {
      const query = new URL(request.url ?? '', service.origin).searchParams;
      response.writeHead(302, { location: `${query.get('redirect_uri')}?code=c&state=${query.get('state')}` }).end();
    });
    const listener = { ...(await listenForAnswer({ host: 'localhost', path: '/callback' })), namesPeers: false };
    const { signal } = new AbortController();
    const server = { issuer: service.origin } as AuthorizationServer;
    const asked = { server, listener, path: '/callback', signal, timeoutMs: 20_000, warn: () => {} };
    const authorization = new URL(`/authorize?redirect_uri=${listener.redirectUri}&state=s`, service.origin);
    const wait = awaitAnswer(asked, 's', authorization);
    const file = await redirectFile(folder, wait.start());
    const page = await browser.context.newPage();
    await page.goto(file?.url.href ?? '');
    expect((await wait.answer).get('code')).toBe('c');
    await listener.finish({ ok: true, title: 'Signed in' });
    await page.waitForSelector('h1:text-is("Signed in")');
    expect(
      (await browser.context.cookies(listener.redirectUri)).filter(({ name }) => name.startsWith('sign-in-')),
    ).toEqual([]);
    await service.close();
  }, 60_000);

  test('another profile that opens the address ends it, and both read so', async () => {
    const command = await start('list');
    const other = await startChromium();
    try {
      const address = await command.sentTo(1);
      const page = await browser.context.newPage();
      await page.goto(address);
      await page.waitForSelector('button[name=person]');
      const second = await other.context.newPage();
      await second.goto(address);
      await second.waitForSelector('h1:text-is("This sign-in was ended")');
      await picture(second, 'sign-in-contested', twoViews);
      const { exit, stderr } = await command.ended;
      expect([exit, stderr]).toEqual([3, expect.stringContaining('[sign_in_contested]')]);
    } finally {
      await other.close();
    }
  }, 60_000);

  test.each([
    ['signs in and connects', 'ada', ['Signed in', 'Notion is connected']],
    ['signs in and is somebody else at the service', 'grace', ['Signed in', 'Notion was not connected']],
  ])(
    'who %s reads on the callback pages what really happened [b13]',
    async (_does, account, titles) => {
      const command = await start('notion');
      for (const [index, title] of titles.entries()) {
        const page = await browser.context.newPage();
        await page.goto(await command.sentTo(index + 1));
        await signIn(page, index === 0 ? 'ada' : account);
        await page.waitForSelector(`h1:text-is("${title}")`);
        expect(new URL(page.url()).pathname).toMatch(/^\/done\/[\w-]{22}$/);
        if (index > 0 || account === 'ada') await picture(page, `callback-${title.toLowerCase().replaceAll(' ', '-')}`);
      }
      expect((await command.ended).exit).toBe(account === 'ada' ? 0 : 3);
    },
    60_000,
  );
});

const devices = { desk: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };

type View = readonly [device: keyof typeof devices, light: 'light' | 'dark'];
const twoViews: readonly View[] = [
  ['desk', 'light'],
  ['phone', 'dark'],
];
const everyView: readonly View[] = [...twoViews, ['desk', 'dark'], ['phone', 'light']];

/** A button or a link that looks like one, by the words that a screen reader says. */
function button(page: Page, name: string) {
  return page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true }));
}

async function stateOf(page: Page, service: string): Promise<string> {
  return ((await page.locator(`#${service} .state`).textContent()) ?? '').trim();
}

/** Presses Tab until a button has the focus, and makes sure that this can be seen. */
async function reachByKeyboard(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    const [words, outline] = (await page.evaluate(
      '[document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]',
    )) as [string | undefined, string];
    if (words?.replace(/\s+/g, ' ').trim().startsWith(name) !== true) continue;
    expect(outline).not.toBe('none');
    return;
  }
  throw new Error(`Tab does not reach ${name}`);
}
