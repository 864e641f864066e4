import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { expect, it } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

function start(...args: string[]): { child: ChildProcessWithoutNullStreams; output: AsyncIterator<string> } {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: 'pipe' });
  return { child, output: child.stdout.setEncoding('utf8')[Symbol.asyncIterator]() };
}

it('prints one line of JSON and lives until stdin closes', async () => {
  const { child, output } = start('--json');
  const { value } = await output.next();
  expect(value.match(/\n/g)).toHaveLength(1);
  const sandbox = JSON.parse(value);
  expect(sandbox).toMatchObject({
    platform: { baseUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/), apiKey: expect.any(String) },
    identityProvider: { issuer: expect.any(String) },
    workloadIssuer: { issuer: expect.any(String), actions: { ACTIONS_ID_TOKEN_REQUEST_URL: expect.any(String) } },
    services: {
      notion: {},
      slack: {},
      linear: {},
      github: {},
      google: { registration: { clientSecret: expect.any(String) } },
    },
  });
  expect(sandbox.people.map(({ person }: { person: string }) => person)).toContain('grace');
  expect((await fetch(`${sandbox.identityProvider.issuer}/.well-known/openid-configuration`)).status).toBe(200);

  child.stdin.end();
  const [[code], errors] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  expect([code, errors]).toEqual([0, '']);
  expect((await output.next()).done).toBe(true);
  expect(existsSync(sandbox.environment.MAI_CONFIG)).toBe(false);
});

it('tells a person what to set and what to try, and ends when interrupted', async () => {
  const { child, output } = start();
  const { value } = await output.next();
  expect(value).toContain('export ANTHROPIC_BASE_URL=http://127.0.0.1:');
  expect(value).toContain('Grace Hopper');
  expect(value).toContain('node dist/service-connection.js notion');
  for (const name of ['github', 'google']) {
    expect(value).toMatch(
      new RegExp(`^  echo [\\w-]{20,} \\| node dist/service-connection.js ${name} --client-secret-fd 0$`, 'm'),
    );
  }
  const folder = /MAI_CONFIG=(\S+)/.exec(value)?.[1] ?? '';
  expect(existsSync(folder)).toBe(true);
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(existsSync(folder)).toBe(false);
});

it.each([
  ['--jsn', 'usage: npm run sandbox [-- --json] [--vary[=<what>]]'],
  ['--vary=vault.metadata mising', '--vary knows:\n  vault.display_name missing'],
])('refuses a flag that it does not know: %s', async (flag, said) => {
  const { child } = start(flag);
  const [[code], errors] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  expect([code, errors]).toEqual([2, expect.stringContaining(`sandbox: ${said}\n`)]);
});

it('varies what the platform answers where it is told to', async () => {
  const { child, output } = start('--json', '--vary=vault.metadata missing');
  const { baseUrl, apiKey } = JSON.parse((await output.next()).value).platform;
  const client = new Anthropic({ baseURL: baseUrl, apiKey });
  const vault = await client.beta.vaults.create({ display_name: 'Ada', metadata: { a: 'b' } });
  expect([vault.display_name, vault.metadata]).toEqual(['Ada', undefined]);
  child.stdin.end();
  await once(child, 'close');
});
