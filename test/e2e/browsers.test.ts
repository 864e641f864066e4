/** The same story at the page of buttons in browsers that are not Chromium, each used as a person would. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox } from '../sandbox/start.ts';
import type { DrivenBrowser } from '../support/driven-browser.ts';
import { firefoxPath, startFirefox } from '../support/firefox.ts';
import { pathOf } from '../support/programs.ts';
import { skipped } from '../support/skip.ts';
import { textBrowser } from '../support/text-browser.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';
import { type PageCommand, startPageCommand } from './page-command.ts';

/** Signs in with a press on the person and one on allow, wherever the browser was sent. */
async function signIn(browser: DrivenBrowser, person: string, decision = 'Allow'): Promise<void> {
  await browser.shows('Choose an account');
  await browser.press(person);
  await browser.shows('Returns to');
  await browser.press(decision);
}

/** Waits until these words are shown; a page that is looked at while something goes on is looked at again by whoever has to. */
async function comesTo(browser: DrivenBrowser, words: string): Promise<string> {
  for (;;) {
    const shown = await browser.shows(words, ...(browser.goesOn ? [] : ['Look again']));
    if (shown.includes(words)) return shown;
    await browser.press('Look again');
    await sleep(500);
  }
}

/** Everything that a person does at the page, from the address to the end. */
async function story(browser: DrivenBrowser, address: string): Promise<void> {
  await browser.open(address);
  await signIn(browser, 'Ada Lovelace');
  // Before it has ended, no browser says that it has.
  expect(await browser.shows('What sessions may reach as you')).not.toContain('has ended');
  // At a service of its own: where somebody changes accounts, oidc-provider has a page that elinks shows from its memory.
  await browser.press('Connect Linear');
  await signIn(browser, 'Grace Hopper');
  expect(await comesTo(browser, 'Use this account anyway')).toContain('grace@example.test');
  await browser.press('Store nothing');
  await comesTo(browser, 'Linear was not connected');
  await browser.press('Connect Notion');
  await signIn(browser, 'Ada Lovelace', 'Deny');
  await comesTo(browser, 'press the button again and allow it');
  await browser.press('Connect Notion');
  await signIn(browser, 'Ada Lovelace');
  expect(await comesTo(browser, 'Notion is connected')).toContain('ada@example.test');
  await browser.press('Check Notion');
  await browser.shows('Notion works');
  await browser.press('Disconnect Notion');
  await browser.shows('Disconnect Notion?');
  await browser.press('Disconnect');
  expect(await browser.shows('Notion is disconnected')).toContain('can only be ended there');
  await browser.press('Finish');
  await browser.shows('That is all');
}

const ofText = (name: 'w3m' | 'lynx' | 'elinks') =>
  [name, [name, 'tmux'].filter((program) => pathOf(program) === undefined), () => textBrowser(name)] as const;
const browsers = [
  ofText('w3m'),
  ofText('lynx'),
  ofText('elinks'),
  ['Firefox', firefoxPath === undefined ? ['firefox-esr'] : [], startFirefox],
] as const;

const needing = (missing: readonly string[]) =>
  skipped(missing.length > 0 && { reason: `no ${missing.join(' and no ')}`, installable: true });

/** What a command said, told beside what went wrong in a browser. */
async function toTheEnd<Result>(command: PageCommand, browser: DrivenBrowser, act: () => Promise<Result>) {
  try {
    return await act();
  } catch (error) {
    command.child.kill('SIGINT');
    const { stderr } = await command.ended;
    throw new Error(`${error instanceof Error ? error.message : error}\nthe command said:\n${stderr}`, {
      cause: error,
    });
  } finally {
    await browser.close();
    command.child.kill('SIGKILL');
  }
}

describe('the page of buttons', { concurrent: true, timeout: 240_000 }, () => {
  let built: BuiltCopy;
  beforeAll(async () => {
    built = await copyOfBuild();
  }, 120_000);
  afterAll(async () => {
    await built?.remove();
  });

  async function start(words: readonly string[]) {
    const sandbox = await startSandbox();
    return { command: await startPageCommand(built, sandbox, words), close: () => sandbox.close() };
  }

  for (const [name, missing, make] of browsers) {
    test.skipIf(needing(missing))(
      `in ${name}: connect, check, disconnect, a wrong account, an error and the end [page]`,
      async () => {
        const { command, close } = await start(['--json']);
        const browser = await make();
        await toTheEnd(command, browser, async () => {
          await story(browser, await command.sentTo(1));
          const { exit, stdout } = await command.ended;
          const acts = (JSON.parse(stdout) as { acts: { act: string }[] }).acts.map(({ act }) => act);
          expect([exit, acts]).toEqual([0, ['connected', 'disconnected']]);
        });
        await close();
      },
    );
  }
});
