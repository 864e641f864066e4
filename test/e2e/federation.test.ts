/** A CI job without a stored key, as processes of its own: our executables, the official SDK, and what their children see. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ExecutableName, searchPath } from '../demo/executables.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';
import { filesIn, findLeaks, printed } from './leaks.ts';

let built: BuiltCopy;
let sandbox: Sandbox;
let home: string;

beforeAll(async () => {
  [built, sandbox] = await Promise.all([copyOfBuild(), startSandbox()]);
  home = join(sandbox.folder, 'runner');
  await mkdir(home);
  await cp(join(root, 'skills'), join(home, 'skills'), { recursive: true });
}, 60_000);
afterAll(() => Promise.all([built.remove(), sandbox.close()]));
beforeEach(() => sandbox.platform.control.log.reset());

type Variables = Record<string, string>;

/** What a job of GitHub Actions has around it that was told of no key. */
const jobOf = (more: Variables = {}): Variables => {
  const { ANTHROPIC_API_KEY: _, ...environment } = sandbox.environment;
  return { PATH: searchPath, HOME: home, ...environment, ...sandbox.federation, CI: 'true', ...more };
};

async function run(words: readonly string[], environment: Variables, cwd = home) {
  const [program = '', ...argv] = words;
  const child = spawn(program, argv, { env: environment, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [[exit], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { command: words.join(' '), exit: exit as number, stdout, stderr };
}

const ours = (name: ExecutableName, words: readonly string[], environment: Variables) =>
  run([...built.locate(name), ...words], environment);

test('pushes skills; nothing that it printed or left behind holds a secret, however much it was told to say [P3]', async () => {
  const outcome = await ours('skill-sync', ['--debug', 'skills'], {
    ...jobOf(sandbox.workloadIssuer.actions),
    ANTHROPIC_LOG: 'debug',
    DEBUG: '*',
  });
  expect([outcome.exit, outcome.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  const issued = sandbox.issuedSecrets();
  expect(issued.filter((secret) => secret.startsWith('sk-ant-oat01-'))).toHaveLength(1);
  expect(findLeaks(issued, [...printed([outcome]), ...(await filesIn(home))])).toEqual([]);
});

test('the official SDK, unmodified, is let in by the same variables', async () => {
  const script = `
    import Anthropic from '@anthropic-ai/sdk';
    const skills = [];
    for await (const skill of new Anthropic({ maxRetries: 0 }).skills.list({ source: 'custom' })) skills.push(skill.id);
    console.log(JSON.stringify(skills));`;
  const token = await sandbox.workloadIssuer.sign('https://api.anthropic.com');
  const outcome = await run(
    [process.execPath, '--input-type=module', '--eval', script],
    jobOf({ ANTHROPIC_IDENTITY_TOKEN: token }),
    root,
  );
  expect([outcome.exit, outcome.stderr]).toEqual([0, '']);
  expect(Array.isArray(JSON.parse(outcome.stdout))).toBe(true);
  expect(sandbox.platform.control.log.count('POST /v1/oauth/token')).toBe(1);
});

test('a profile on disk is not looked at, whatever names it [P3]', async () => {
  const { ANTHROPIC_API_KEY: _, ...environment } = sandbox.environment;
  const anthropic = join(home, '.config', 'anthropic');
  await mkdir(join(anthropic, 'configs'), { recursive: true });
  await mkdir(join(anthropic, 'credentials'), { recursive: true });
  const profile = { authentication: { type: 'user_oauth' }, base_url: sandbox.platform.baseUrl };
  await writeFile(join(anthropic, 'configs', 'default.json'), JSON.stringify(profile));
  const credentials = { type: 'oauth_token', access_token: sandbox.platform.apiKey };
  await writeFile(join(anthropic, 'credentials', 'default.json'), JSON.stringify(credentials), { mode: 0o600 });
  const outcome = await ours('skill-sync', ['--check', 'skills'], {
    PATH: searchPath,
    HOME: home,
    ...environment,
    MAI_HOME: '',
    XDG_CONFIG_HOME: join(home, '.config'),
    ANTHROPIC_CONFIG_DIR: anthropic,
    ANTHROPIC_PROFILE: 'default',
  });
  expect([outcome.exit, outcome.stderr]).toEqual([2, expect.stringContaining('[platform_key_missing]')]);
  expect(sandbox.platform.control.log.entries).toEqual([]);
});

test('no child inherits the variables, nor what they lead to [P3]', async () => {
  const seen = join(home, 'seen');
  const browser = join(home, 'browser');
  await writeFile(browser, `#!/bin/sh\nenv > ${seen}.tmp && mv ${seen}.tmp ${seen}\n`, { mode: 0o755 });
  const token = await sandbox.workloadIssuer.sign('https://api.anthropic.com');
  const { CI: _, ...environment } = jobOf({
    ...sandbox.workloadIssuer.actions,
    ANTHROPIC_IDENTITY_TOKEN: token,
    ANTHROPIC_IDENTITY_TOKEN_FILE: '/run/token',
    BROWSER: browser,
    DISPLAY: ':0',
  });
  // People sign in here, so that a child is started at all.
  const outcome = await ours('service-connection', ['list', '--timeout', '2'], environment);
  const inherited = await readFile(seen, 'utf8').catch(() => `no browser was started: ${outcome.stderr}`);
  expect(inherited).toContain('MAI_CONFIG=');
  expect(inherited).not.toMatch(/^(ANTHROPIC_|ACTIONS_ID_TOKEN_REQUEST_)/m);
  expect(findLeaks(sandbox.issuedSecrets(), [{ where: 'environment of the browser', text: inherited }])).toEqual([]);
});
