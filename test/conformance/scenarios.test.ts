/**
 * The client scenarios of the public conformance suite that are about authorization, one test each, against the built
 * executable. `CONFORMANCE_SUITE=<folder>` runs another version of the suite, such as a pre-release, and
 * `CONFORMANCE_REVISION=<date>` only the scenarios of one revision of the specification, in its dialect.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ErrorCode, exitCodeOf } from '../../internal/errors/exit-codes.ts';
import { type BuiltCopy, copyOfBuild } from '../e2e/build.ts';
import { caseOf } from './cases.ts';
import { setStage } from './stage.ts';
import { openSuite } from './suite.ts';

// biome-ignore lint/style/noProcessEnv: a test may be told what to run against
const { CONFORMANCE_SUITE, CONFORMANCE_REVISION } = process.env;
const suite = await openSuite(CONFORMANCE_SUITE, CONFORMANCE_REVISION);
const baseline = parse(await readFile(new URL('baseline.yaml', import.meta.url), 'utf8')) as Record<string, string>;
const results = new Map<string, string>();
const seen: string[] = [];

const folder = await mkdtemp(join(tmpdir(), 'conformance-client-'));
const client = join(folder, 'client.mjs');
let built: BuiltCopy | undefined;
beforeAll(async () => {
  built = await copyOfBuild();
  // One file that starts at once: the suite's time is for the command.
  const entry = fileURLToPath(new URL('client.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile: client, bundle: true, platform: 'node', format: 'esm' });
}, 120_000);
afterAll(async () => {
  await Promise.all([built?.remove(), rm(folder, { recursive: true })]);
  const lines = suite.scenarios.map((scenario) => `  ${results.get(scenario) ?? 'FAILED, or not run'}: ${scenario}`);
  process.stderr.write(`\nconformance ${suite.version}, client scenarios of authorization:\n${lines.join('\n')}\n`);
});

describe.concurrent('the client passes', () => {
  passes('auth/metadata-default [A1.1]', 'connected');
  passes('auth/metadata-var1 [A1.2, A1.7]', 'connected');
  passes('auth/metadata-var2 [A1.2, A1.5]', 'connected');
  passes('auth/metadata-var3 [A1.1, A1.5]', 'connected');
  passes('auth/basic-cimd [A1.12]', 'connected');
  passes('auth/pre-registration [A1.12]', 'connected');
  passes('auth/scope-from-www-authenticate [A1.10]', 'connected');
  passes('auth/scope-from-scopes-supported [A1.10]', 'connected');
  passes('auth/scope-omitted-when-undefined [A1.10]', 'connected');
  passes('auth/scope-step-up [A1.18]', 'connected');
  // Nothing helps there: the command has to give up, and say so.
  passes('auth/scope-retry-limit [A1.18]', 'service_refused');
  passes('auth/token-endpoint-auth-basic [A1.9, A1.13]', 'connected');
  passes('auth/token-endpoint-auth-post [A1.9, A1.13]', 'connected');
  passes('auth/token-endpoint-auth-none [A1.9, A1.13]', 'connected');
  passes('auth/offline-access-scope [A1.11]', 'connected');
  passes('auth/offline-access-not-supported [A1.11]', 'connected');
  passes('auth/resource-mismatch [A1.3]', 'service_metadata');
  passes('auth/2025-03-26-oauth-metadata-backcompat [A4]', 'connected');
  passes('auth/2025-03-26-oauth-endpoint-fallback [A4]', 'connected');

  passes('auth/enterprise-managed-authorization [A8.1, A8.2, A8.8]', 'connected');
  passes('auth/cross-app-access-complete-flow [A8.1, A8.2]', 'connected');

  // issuer.test.ts has the same with every case of each table.
  passes('auth/authorization-server-migration [A1.15]', 'connected');
  passes('auth/iss-supported [A1.14]', 'connected');
  passes('auth/iss-not-advertised [A1.14]', 'connected');
  passes('auth/iss-supported-missing [A1.14]', 'callback_refused');
  passes('auth/iss-wrong-issuer [A1.14]', 'callback_refused');
  passes('auth/iss-unexpected [A1.14]', 'callback_refused');
  passes('auth/iss-normalized [A1.14]', 'callback_refused');
  passes('auth/metadata-issuer-mismatch [A1.6]', 'issuer_mismatch');
});

for (const scenario of suite.scenarios.filter((name) => name in baseline)) {
  seen.push(scenario);
  test.concurrent(`does not apply: ${scenario}`, { timeout: 120_000 }, async ({ skip }) => {
    const { verdict, runs } = await play(scenario);
    expect(verdict.passed, 'it passes: take it out of the baseline').toBe(false);
    // Done another way, or not to be done: something else than a command line, a file or a program that is wrong.
    expect(runs.at(-1)?.exit, verdict.report).toBeOneOf([0, 1]);
    results.set(scenario, `not applicable (${baseline[scenario]})`);
    skip(baseline[scenario]);
  });
}

test('every scenario of the suite is in one of these lists, and in one only', () => {
  expect(suite.scenarios.length).toBeGreaterThan(CONFORMANCE_REVISION === undefined ? 20 : 0);
  expect([...seen].sort()).toEqual([...suite.scenarios].sort());
});

/**
 * A scenario that has to pass, named with the rows of docs/oauth-conformance.md that it proves. The suite is content with
 * a client that only fails where one has to refuse: ours has to refuse for the right reason, and keep nothing.
 */
function passes(title: string, end: 'connected' | ErrorCode): void {
  const [scenario = ''] = title.split(' ');
  if (!suite.scenarios.includes(scenario)) return;
  seen.push(scenario);
  test(title, { timeout: 120_000 }, async () => {
    const { verdict, runs, connected } = await play(scenario);
    expect(verdict.passed, verdict.report).toBe(true);
    expect(verdict.succeeded, verdict.report).not.toEqual([]);
    expect(runs).toHaveLength(caseOf(scenario).times ?? 1);
    if (end === 'connected') {
      expect(runs.map(({ exit }) => exit)).toEqual(runs.map(() => 0));
      expect(connected).toEqual([expect.stringMatching(/^http:\/\/localhost:\d+\/mcp$/)]);
    } else {
      expect(runs.at(-1)).toMatchObject({ exit: exitCodeOf[end], stderr: expect.stringContaining(`[${end}]`) });
      expect(connected).toEqual([]);
    }
    results.set(scenario, 'pass');
  });
}

/** Runs a scenario on a stage of its own. */
async function play(scenario: string) {
  const stage = await setStage(built?.locate('service-connection').at(-1) ?? '');
  try {
    const { results: written, environment } = stage;
    const command = [process.execPath, client];
    const verdict = await suite.run(scenario, { command, environment, folder: written });
    return { verdict, runs: await stage.runs(), connected: await stage.connected() };
  } finally {
    await stage.close();
  }
}
