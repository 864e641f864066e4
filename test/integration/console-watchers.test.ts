/**
 * More watchers than a console has places for: those beyond are refused, nobody else is held up, and a place that is free can be
 * had again. `MAI_WATCHERS=10000` has so many come.
 */
import { type ClientRequest, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { browserAt } from '../support/console-browser.ts';
import { asking, type CallerKey, exchangeAt, idTokenOf, newKey, proofOf } from '../support/console-caller.ts';
import { soon } from '../support/soon.ts';

// biome-ignore lint/style/noProcessEnv: how many come, for whoever tries it by hand
const watchers = Number(process.env['MAI_WATCHERS'] ?? 1_000);
/** What one person, and everybody together, may have at once. */
const [ofOne, ofAll] = [20, 500];

let sandbox: Sandbox;
let running: RunningConsole;
beforeAll(async () => {
  sandbox = await startSandbox();
  running = await beginSecrets()(() =>
    startConsole(sandbox, (content) => {
      content.people.roles.approver = { groups: ['support'] };
    }),
  );
});
afterAll(async () => {
  await running.stop();
  await sandbox.close();
});

/** Somebody who watches, or was not let. */
interface Watcher {
  status: number | 'dropped';
  retryAfter: string | undefined;
  /** Settles when nothing more comes. */
  over: Promise<void>;
  leave(): void;
}

/** Opens a stream and waits for its head. Each comes from an address of their own, as people do. */
async function watch(
  place: number,
  options: { path: string; method: string; headers: Record<string, string>; body?: string },
): Promise<Watcher> {
  let over = () => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  return await new Promise((resolve) => {
    const localAddress = `127.${1 + (place >> 16)}.${(place >> 8) & 255}.${1 + (place & 127)}`;
    const { path, method, headers, body } = options;
    const sent: ClientRequest = request(
      { host: '127.0.0.1', port: running.port, localAddress, path, method, headers, agent: false },
      (response) => {
        response.on('error', over).on('close', over).resume();
        const retryAfter = response.headers['retry-after'];
        resolve({ status: response.statusCode ?? 0, retryAfter, over: ended, leave: () => sent.destroy() });
      },
    );
    sent.on('error', () => {
      over();
      resolve({ status: 'dropped', retryAfter: undefined, over: ended, leave() {} });
    });
    sent.end(body);
  });
}

/** Watches what waits for a yes, as `setup-session approvals --watch` does. */
async function watchApprovals(place: number, { key, token }: { key: CallerKey; token: string }): Promise<Watcher> {
  const path = '/v1/use-cases/listApprovals';
  const url = `${running.origin}${path}`;
  return await watch(place, {
    path,
    method: 'POST',
    headers: {
      host: new URL(running.origin).host,
      authorization: `DPoP ${token}`,
      dpop: await proofOf(key, { method: 'POST', url, token }),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ request: { watch: true }, asking: { ...asking, timeoutSeconds: 3_600 } }),
  });
}

/** Somebody of a crowd. */
async function member(name: string): Promise<{ key: CallerKey; token: string }> {
  const token = await idTokenOf(sandbox, 'ada', { claims: { sub: name, email: `${name}@example.test` } });
  const key = newKey();
  const { status, body } = await exchangeAt(running.origin, key, token);
  expect([status, body]).toEqual([200, expect.any(String)]);
  return { key, token: (JSON.parse(body) as { access_token: string }).access_token };
}

test('of watchers beyond the limit each is refused, the others go on, and a place that is free is had again', async () => {
  const people: Awaited<ReturnType<typeof member>>[] = [];
  while (people.length < watchers / ofOne) people.push(await member(`crowd-${people.length}`));
  const all = await Promise.all(
    people.flatMap((each, at) => Array.from({ length: ofOne }, (_, own) => watchApprovals(at * ofOne + own, each))),
  );
  const open = all.filter(({ status }) => status === 200);
  const refused = all.filter(({ status }) => status === 429);
  const dropped = all.filter(({ status }) => status === 'dropped');
  expect([open.length, open.length + refused.length + dropped.length]).toEqual([Math.min(ofAll, watchers), watchers]);
  expect(new Set(refused.map(({ retryAfter }) => retryAfter))).toEqual(new Set(['1']));
  // Whoever only asks for something is let in by their own limits alone.
  expect((await ask(`${running.origin}/health/ready`)).status).toBe(200);
  expect((await ask(`${running.origin}/metrics`)).body).toContain(`console_runs_now ${ofAll}\n`);
  open[0]?.leave();
  const late = await member('late');
  const again = await soon(async () => {
    const watcher = await watchApprovals(0, late);
    expect(watcher.status).toBe(200);
    return watcher;
  });
  again.leave();
  for (const each of open) each.leave();
  await soon(async () => expect((await ask(`${running.origin}/metrics`)).body).toContain('console_runs_now 0\n'));
  expect(running.journal()).not.toContain('"bug"');
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  const figures = `${open.length} open, ${refused.length} refused, ${dropped.length} dropped`;
  process.stdout.write(
    `${watchers} watchers: ${figures}, ${peakMiB} MiB at most with what stands in for the platform\n`,
  );
}, 300_000);

test('one person has so many streams of pages, and one more once one of them has ended', async () => {
  const { cookie } = await browserAt(running.origin, 'grace');
  const headers = {
    host: new URL(running.origin).host,
    cookie,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
  };
  const stream = async () => await watch(0, { path: '/events?approvals=1', method: 'GET', headers });
  const open: Watcher[] = [];
  while (open.length < ofOne) {
    const one = await stream();
    if (one.status === 200) open.push(one);
    // As often as one person may ask.
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const more = await stream();
  expect([more.status, more.retryAfter]).toEqual([429, '30']);
  open[0]?.leave();
  await soon(async () => {
    const again = await stream();
    again.leave();
    expect(again.status).toBe(200);
  });
  for (const each of open) each.leave();
});
