/** The system's Firefox, with an empty profile, driven by WebDriver BiDi over its own websocket (W3C, no driver between). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { searchPath } from '../demo/executables.ts';
import { type DrivenBrowser, longestWaitMs } from './driven-browser.ts';
import { pathOf } from './programs.ts';

/** Where Firefox is, if it is. */
export const firefoxPath: string | undefined = pathOf('firefox-esr') ?? pathOf('firefox');

/** Nothing to ask at the first start, and nobody to tell anything. */
const preferences = {
  'app.update.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'http://127.0.0.1:1/',
  'toolkit.telemetry.enabled': false,
};

/** What is shown, and where the button or the link is that begins with some words: what a person would press. */
const find = `(words) => [...document.querySelectorAll('button, a[href], summary')].find((each) =>
  each.checkVisibility() && each.innerText.replace(/\\s+/g, ' ').trim().startsWith(words))`;

/** A Firefox of a person that was never started before. */
export async function startFirefox(): Promise<DrivenBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'firefox-'));
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), lines.join(''));
  const words = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'];
  const child = spawn(firefoxPath ?? 'firefox', words, {
    env: { PATH: searchPath, HOME: profile, TMPDIR: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(child, 'exit');
  const address = await new Promise<string>((resolve, reject) => {
    gone.then(() => reject(new Error('Firefox ended before it could be driven')), reject);
    createInterface({ input: child.stderr }).on('line', (line) => {
      const [, found] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const socket = new WebSocket(`${address}/session`);
  await once(socket, 'open');

  const waiting = new Map<number, (answer: { type: string; message?: string; result?: unknown }) => void>();
  socket.on('message', (data) => {
    const answer = JSON.parse(String(data)) as { id?: number; type: string };
    waiting.get(answer.id ?? 0)?.(answer);
    waiting.delete(answer.id ?? 0);
  });
  let last = 0;
  const send = async (method: string, params: object): Promise<unknown> => {
    last += 1;
    const id = last;
    const answered = new Promise<{ type: string; message?: string; result?: unknown }>((resolve) => {
      waiting.set(id, resolve);
    });
    socket.send(JSON.stringify({ id, method, params }));
    const { type, message, result } = await answered;
    if (type === 'error') throw new Error(`${method}: ${message}`);
    return result;
  };

  await send('session.new', { capabilities: {} });
  const { contexts } = (await send('browsingContext.getTree', {})) as { contexts: { context: string }[] };
  const context = contexts[0]?.context ?? '';
  const call = async (declaration: string, ...given: string[]) => {
    const { result } = (await send('script.callFunction', {
      functionDeclaration: declaration,
      arguments: given.map((value) => ({ type: 'string', value })),
      target: { context },
      awaitPromise: false,
    })) as { result?: { type: string; value?: unknown; sharedId?: string } };
    return result;
  };
  /** Asks the page until it says something; while one page goes and the next comes, nothing answers. */
  const until = async <Found>(what: string, ask: () => Promise<Found | undefined>): Promise<Found> => {
    const end = Date.now() + longestWaitMs;
    for (;;) {
      const found = await ask().catch(() => undefined);
      if (found !== undefined) return found;
      if (Date.now() > end) {
        const shown = await call('() => document.body.innerText').catch(() => undefined);
        throw new Error(`Firefox does not show ${what}:\n${String(shown?.value)}`);
      }
      await sleep(50);
    }
  };

  return {
    goesOn: true,
    async open(address) {
      await send('browsingContext.navigate', { context, url: address, wait: 'none' });
    },
    async press(words) {
      const sharedId = await until(`a button ${words}`, async () => (await call(find, words))?.sharedId);
      await call(`(words) => (${find})(words).scrollIntoView({ block: 'center' })`, words);
      const origin = { type: 'element', element: { sharedId } };
      const pointer = [
        { type: 'pointerMove', x: 0, y: 0, origin },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ];
      await send('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions: pointer }] });
    },
    shows: (...words) =>
      until(words.join(' or '), async () => {
        const shown = String((await call('() => document.body.innerText'))?.value ?? '');
        return words.some((each) => shown.includes(each)) ? shown : undefined;
      }),
    async close() {
      await send('browser.close', {}).catch(() => child.kill('SIGKILL'));
      const stop = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(stop);
      socket.terminate();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
