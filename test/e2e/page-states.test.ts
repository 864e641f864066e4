/**
 * Every state of every page in Chromium, with words as long and as odd as they come from outside: nothing that axe finds,
 * also where the text is twice as large on a small phone, and nothing to be scrolled to the side. What it looks like is kept
 * in `test-artefacts/states/`.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '../../internal/config/definitions.ts';
import type { ServiceState } from '../../internal/connection/check/list.ts';
import type { ConnectionStatus } from '../../internal/connection/check/status.ts';
import type { Connection } from '../../internal/connection/credentials.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { callbackPage } from '../../internal/markup/callback-page.ts';
import { beginFlow, type Flow, type Stage } from '../../internal/page/flow.ts';
import {
  checkedNotice,
  disconnectedNotice,
  failureNotice,
  type Notice,
  noticeOf,
  stateInWords,
} from '../../internal/page/notice.ts';
import type { ServicesController, View } from '../../internal/page/services-controller.ts';
import { servicesPage } from '../../internal/page/services-page.ts';
import {
  contestedPage,
  disconnectPage,
  endPage,
  questionPage,
  type RefusalStatus,
  refusalPage,
  strangerPage,
  waitingPage,
} from '../../internal/page/small-pages.ts';
import { partedWordsOn, violationsOn } from '../support/accessibility.ts';
import { chromiumPath, type OpenBrowser, startChromium } from '../support/chromium.ts';
import { skipped } from '../support/skip.ts';
import { root } from './build.ts';

const long = 'Zusammenarbeitsplattformverwaltung-von-überall@ein-sehr-langer-name.example.test';
const arabic = 'مساحة العمل (2026)';
const service = (name: string, title: string) =>
  ({ name, title, mcp_server_url: `https://${name}.example/mcp`, unlisted: true }) as unknown as Service;
const notion = service('notion', 'Notion');
const principal = {
  kind: 'sso',
  issuer: 'https://login.example.test/tenants/1',
  subject: '1',
  label: long,
  groups: [],
} as unknown as Principal;

function connection(scopes: string): Connection {
  const record = { account: long, workspace: arabic, scopes, connectedAt: '2026-11-30T08:00:00.000Z' };
  return { refreshable: false, expiresAt: '2026-12-01T08:00:00Z', record } as unknown as Connection;
}

const states = (Object.keys(stateInWords) as ConnectionStatus[]).map(
  (status, index): ServiceState =>
    ({
      service: service(`service-${index}`, index === 1 ? `${arabic} ${long}` : `Service ${index}`),
      status,
      reason: 'the service does not take the token any more: "invalid_token"',
      next: 'reconnect',
      left: true,
      connection:
        status === 'not-connected'
          ? undefined
          : connection(Array.from({ length: index * 3 }, (_, at) => `scope.of.it:${at}`).join(' ')),
    }) as unknown as ServiceState,
);

function services(view: Partial<View>, { allowed = true } = {}): Promise<string> {
  const list = states.map((state) => ({ service: state.service, state, toEnd: undefined }));
  const run = {
    principal,
    configuration: { interface: { unlisted_services: allowed ? 'confirm' : 'off' }, services: new Map() },
  };
  const whole: View = { services: list, examinedAt: new Date(0), notice: undefined, flow: undefined, ...view };
  return servicesPage({ run } as unknown as ServicesController, whole, 'token');
}

/** What is below a notice says the same on every page. */
const few = states.slice(0, 1).map((state) => ({ service: state.service, state, toEnd: undefined }));

function at(stage: Stage): Flow {
  const flow = beginFlow('notion');
  flow.moveTo(stage);
  return flow;
}

const start = () => new URL('http://127.0.0.1:1/start/x');
const stages: Stage[] = [
  { kind: 'starting' },
  { kind: 'at the terminal', what: `Enter the secret of the client "${long}" of notion.` },
  { kind: 'at the service', start },
  { kind: 'finishing' },
];
const asking = (about: 'change' | 'other account') =>
  ({ kind: 'asking', about, id: 'q', question: `the service says "${long}", and you are "ada@example.test"` }) as const;
const removed = [connection('a')];
const done = { vault: undefined, removed, told: async () => {} };
const failure = new AppError('account_mismatch', `the account "${long}" is not yours: ${'x'.repeat(200)}`);

const notices: [name: string, notice: Notice][] = [
  [
    'connected',
    noticeOf(
      {
        ok: true,
        title: 'Notion is connected',
        facts: [
          ['Account', long],
          ['Workspace', arabic],
        ],
      },
      [],
    ),
  ],
  ['connected with a warning', noticeOf({ ok: true, title: 'Notion is connected' }, ['no scope "write" was granted'])],
  ['not connected', failureNotice('Notion was not connected', failure, { service: notion, warnings: [] })],
  ['disconnected', disconnectedNotice(notion, principal, done)],
  ['nothing to disconnect', disconnectedNotice(notion, principal, { ...done, removed: [] })],
  ['checked', checkedNotice(states.filter(({ status }) => status === 'connected'))],
  ['checked and failing', checkedNotice(states)],
  ['cancelled', { look: 'plain', title: 'Notion: cancelled', lines: ['Nothing was connected.'] }],
];

const pages: [name: string, page: () => Promise<string>][] = [
  ['services', () => services({})],
  ['services that may not be used', () => services({}, { allowed: false })],
  [
    'services that were disconnected',
    () =>
      services({
        services: states.map((state) => ({
          service: state.service,
          state: undefined,
          toEnd: `the access that ${long} granted can only be ended there.`,
        })),
      }),
  ],
  ...notices.map(([name, notice]): [string, () => Promise<string>] => [
    `notice ${name}`,
    () => services({ notice, services: few }),
  ]),
  ...stages.map((stage): [string, () => Promise<string>] => [
    `under way ${stage.kind}`,
    () => services({ flow: at(stage), services: few }),
  ]),
  ['under way asking', () => services({ flow: at(asking('change')), services: few })],
  ...stages.map((stage): [string, () => Promise<string>] => [
    `waiting ${stage.kind}`,
    () => waitingPage(arabic, at(stage), 'token'),
  ]),
  ['question change', () => questionPage('Notion', asking('change'), 'token')],
  ['question other account', () => questionPage(long, asking('other account'), 'token')],
  ['disconnect', () => disconnectPage(notion, connection('a'), 'token')],
  ['end', endPage],
  ['stranger', strangerPage],
  ['contested', contestedPage],
  ...([403, 500] as RefusalStatus[]).map((status): [string, () => Promise<string>] => [
    `refusal ${status}`,
    () => refusalPage(status),
  ]),
  ['callback working', () => callbackPage(undefined)],
  ['callback done', () => callbackPage({ ok: true, title: 'Notion is connected', facts: [['Account', long]] })],
  ['callback failed', () => callbackPage({ ok: false, title: 'Notion was not connected' })],
];

/** Those of which pictures are kept: one of each kind. */
const pictured: ReadonlySet<string> = new Set([
  'services',
  'notice not connected',
  'notice disconnected',
  'waiting at the service',
  'question other account',
  'disconnect',
  'end',
  'callback done',
  'ended services',
]);

const artefacts = join(root, 'test-artefacts', 'states');
const missing = chromiumPath === undefined && { reason: 'no Chromium to look at the pages with', installable: true };

describe.skipIf(skipped(missing))('a page', { timeout: 600_000 }, () => {
  let browser: OpenBrowser;
  beforeAll(async () => {
    browser = await startChromium();
    await rm(artefacts, { recursive: true, force: true });
    await mkdir(artefacts, { recursive: true });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    process.stderr.write(`pictures of every state: ${artefacts}\n`);
  });

  /** Shows a page at an address of its own; where nobody is there any more, its connection breaks. */
  async function shown(content: string, { isThere = true } = {}) {
    const page = await browser.context.newPage();
    await page.route('http://127.0.0.1:9/**', async (route) => {
      const path = new URL(route.request().url()).pathname;
      if (path === '/') return await route.fulfill({ contentType: 'text/html; charset=UTF-8', body: content });
      // Open for as long as the page is.
      return isThere ? undefined : await route.abort();
    });
    await page.goto('http://127.0.0.1:9/', { waitUntil: 'domcontentloaded' });
    return page;
  }

  type Shown = Awaited<ReturnType<typeof shown>>;
  const isTooWide = (page: Shown) =>
    page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  const large = (page: Shown, size: string) => page.evaluate(`document.documentElement.style.fontSize = '${size}'`);

  /** What is wrong with a page, in every light and size; what it looks like is kept. */
  async function judge(page: Shown, name: string): Promise<string[]> {
    const wrong: string[] = [];
    const views = [
      ['1280', 1280, 'light', '100%'],
      ['1280-dark', 1280, 'dark', '100%'],
      ['320', 320, 'light', '100%'],
      ['320-dark-200', 320, 'dark', '200%'],
    ] as const;
    for (const [view, width, colorScheme, size] of views) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await large(page, size);
      if (await isTooWide(page)) wrong.push(`${view}: wider than the screen`);
      wrong.push(...(await partedWordsOn(page)).map((each) => `${view}: parts ${each}`));
      if (view === '1280' || view === '320-dark-200')
        wrong.push(...(await violationsOn(page)).map((each) => `${view}: ${each}`));
      if (pictured.has(name))
        await page.screenshot({ path: join(artefacts, `${name.replaceAll(' ', '-')}-${view}.png`), fullPage: true });
    }
    return wrong;
  }

  test('has nothing that axe finds, and fits, in every state [page]', async () => {
    const wrong: Record<string, string[]> = {};
    for (const [name, content] of pages) {
      const page = await shown(await content());
      const found = await judge(page, name);
      await page.close();
      if (found.length > 0) wrong[name] = found;
    }
    expect(wrong).toEqual({});
  });

  test('has nothing that axe finds, and fits, when its command has ended, and says so [page]', async () => {
    for (const [name, content] of pages.filter(([each]) =>
      ['services', 'disconnect', 'waiting finishing'].includes(each),
    )) {
      const page = await shown(await content(), { isThere: false });
      await page.waitForSelector('.gone:has-text("This page has ended")', { timeout: 60_000 });
      expect(await page.evaluate("[...document.querySelectorAll('button')].every((each) => each.disabled)")).toBe(true);
      expect([name, await judge(page, `ended ${name}`)]).toEqual([name, []]);
      // On the phone of the last view as on the desk: none takes a place, and none is shown.
      const heights =
        "[...document.querySelectorAll('button, .button')].filter((each) => each.offsetHeight > 0).length";
      expect([name, await page.evaluate(heights)]).toEqual([name, 0]);
      await page.close();
    }
  });

  test('never loads itself again where scripts run: that would take the focus away [page]', async () => {
    const content = await waitingPage('Notion', at({ kind: 'finishing' }), 'token');
    const page = await shown(content);
    expect(await page.evaluate(`document.querySelectorAll('meta[http-equiv]').length`)).toBe(0);
    expect(content).toMatch(/<noscript><meta http-equiv="refresh" content="5"><\/noscript>/);
    await page.close();
  });
});
