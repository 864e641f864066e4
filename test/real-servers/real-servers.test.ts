/** Real servers that nobody here wrote, connected as anybody would: better-auth, and the MCP SDK's own example. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { begin } from '../support/begin.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { startBetterAuth } from './better-auth.ts';

const world = sandboxPerTest();

/** Has the service of the sandbox's file be another one. */
const service = (mcpUrl: string, issuer: string, account?: object) =>
  world.configure('services/notion.yaml', (file) => {
    file.mcp_server_url = mcpUrl;
    file.authorization = { issuers: [issuer], registration: 'dynamic' };
    file.account = account;
    file.tools = { read: ['whoami'] };
  });

/** The identity provider's pages by the sandbox's browser, those of the service by another. */
const browsing =
  (origin: string, other: (url: string, headers: Record<string, string>) => Promise<unknown>) =>
  async (start: string) => {
    const begun = await begin(start);
    const { href } = begun.authorization;
    return href.startsWith(origin) ? await other(href, begun.headers) : await visit(href, { person: 'ada', begun });
  };

test('better-auth is connected, tried, and renewed by the platform', async () => {
  const { origin, mcpUrl, visit: other } = await startBetterAuth();
  await service(mcpUrl, origin, { tool: 'whoami', name: 'email', match: 'email' });
  const setting = { browse: browsing(origin, other) };
  expect(await world.connectJson(['notion', '--timeout', '15'], setting)).toMatchObject({
    account: 'ada@example.test',
    change: 'created',
    refreshable: true,
    status: 'valid',
  });
  expect(await world.connectJson(['notion', '--timeout', '15'], setting)).toMatchObject({ status: 'valid' });
  expect(await world.connectJson(['check', 'notion'])).toMatchObject({ services: [{ status: 'connected' }] });
  expect(await world.credentials()).toHaveLength(1);
});

test.each([[[]], [['--oauth-strict']]])('the example server of the MCP SDK is connected, with %j', async (words) => {
  const [port, authPort] = [await freePort(), await freePort()];
  const main = fileURLToPath(import.meta.resolve('@modelcontextprotocol/sdk/examples/server/simpleStreamableHttp.js'));
  const onLoopback = fileURLToPath(new URL('../conformance/on-loopback.cjs', import.meta.url));
  const example = spawn(process.execPath, ['--require', onLoopback, main, '--oauth', ...words], {
    env: { MCP_PORT: String(port), MCP_AUTH_PORT: String(authPort) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (example.exitCode !== null || example.signalCode !== null) return;
    example.kill('SIGKILL');
    await once(example, 'exit');
  });
  // Read on, or its own words would end it once nobody takes them.
  await new Promise<void>((resolve, reject) => {
    example.once('exit', () => reject(new Error('the example ended')));
    example.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes(`listening on port ${port}`)) resolve();
    });
  });
  const issuer = `http://localhost:${authPort}/`;
  await service(`http://localhost:${port}/mcp`, issuer);
  const follow = async (url: string, headers: Record<string, string>) =>
    await ask(String((await ask(url)).headers['location']), { headers });
  const connected = await world.connectJson(['notion', '--timeout', '15'], { browse: browsing(issuer, follow) });
  // It gives no refresh token, and no tool says whose account it is.
  expect(connected).toMatchObject({ account: null, refreshable: false, status: 'valid' });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
