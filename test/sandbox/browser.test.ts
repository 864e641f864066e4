import { execFile } from 'node:child_process';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackListener, listenOnLoopback } from './listener.ts';
import { startNotion } from './services/notion.ts';
import { authorizeUrl, jsonIn, postJson } from './services/requests.ts';
import type { SandboxService } from './services/service.ts';
import { visit } from './visit.mjs';

const browser = fileURLToPath(new URL('browser.mjs', import.meta.url));
const requests: { url: URL; headers: IncomingHttpHeaders }[] = [];
let notion: SandboxService;
let command: LoopbackListener;
let url: string;

/** What a command serves: the callback, which sends the browser on to a page without the code. */
const serve: RequestListener = (request, response) => {
  requests.push({ url: new URL(request.url ?? '', command.origin), headers: request.headers });
  if (request.url === '/done') response.end('<p>You can close this page.</p>');
  else response.writeHead(303, { location: '/done' }).end();
};

beforeAll(async () => {
  notion = await startNotion(Date.now);
  command = await listenOnLoopback();
  command.serve(serve);
  const redirectUri = `${command.origin}/callback`;
  const registered = await postJson(`${notion.issuer}/register`, {
    application_type: 'native',
    client_name: '<b>"somebody\'s" client</b>',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
  });
  const clientId = String((await jsonIn(registered))['client_id']);
  url = authorizeUrl(notion, clientId, { redirect_uri: redirectUri }).href;
});
afterAll(() => Promise.all([notion.close(), command.close()]));

function run(env: Record<string, string>, ...args: string[]): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) => {
    execFile(browser, args, { env: { PATH: dirname(process.execPath), ...env } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
}

it('signs in, allows and follows the answer to the last page', async () => {
  const page = await visit(url, { person: 'grace' });
  expect(page).toMatchObject({ url: `${command.origin}/done`, status: 200 });
  const [callback, done] = requests.splice(0);
  expect(callback?.url.searchParams.get('code')).toBeTruthy();
  expect(done?.url.search).toBe('');
});

it('sends what a navigation sends', async () => {
  await visit(url);
  const [callback] = requests.splice(0);
  expect(callback?.headers).toMatchObject({
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'same-site',
  });
  expect(callback?.headers).not.toHaveProperty('origin');
});

it('denies where it is told to', async () => {
  await visit(url, { deny: true });
  const [callback] = requests.splice(0);
  expect(callback?.url.searchParams.get('error')).toBe('access_denied');
  expect(callback?.url.searchParams.get('iss')).toBe(notion.issuer);
});

it('shows the name of a client as text', async () => {
  const jar = await fetch(url, { redirect: 'manual' });
  const interaction = await fetch(new URL(jar.headers.get('location') ?? '', notion.issuer), {
    headers: { cookie: jar.headers.getSetCookie().join('; ') },
  });
  const html = await interaction.text();
  expect(html).toContain('&#60;b&#62;');
  expect(html).not.toContain('<b>');
  expect(html).not.toContain('<script');
  expect(interaction.headers.get('content-security-policy')).toContain("default-src 'none'");
});

it('is a program that BROWSER can name', async () => {
  expect(await run({ SANDBOX_PERSON: 'linus' }, url)).toEqual({ code: 0, stderr: '' });
  expect(requests.splice(0)).toHaveLength(2);
  await run({ SANDBOX_DENY: '1' }, url);
  expect(requests.splice(0)[0]?.url.searchParams.get('error')).toBe('access_denied');
});

it('says what it could not do', async () => {
  const stranger = await run({ SANDBOX_PERSON: 'nobody' }, url);
  expect(stranger).toEqual({ code: 1, stderr: 'browser: the page has no button for person "nobody"\n' });
  expect((await run({})).code).toBe(2);
});
