/**
 * The sentinel: no secret anywhere (P3). Whatever is said and however it goes wrong, no code, token, verifier or key
 * is in what the executables print, in a file they leave behind, or in what they start a browser with.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Locate } from '../demo/executables.ts';
import { openStage, type Stage } from '../demo/stage.ts';
import { take } from '../demo/step.ts';
import { mainJob, refusals } from '../demo/story.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';
import { filesIn, findLeaks, printed, type Trace } from './leaks.ts';

let built: BuiltCopy;
beforeAll(async () => {
  built = await copyOfBuild();
}, 60_000);
afterAll(() => built.remove());

/** Everything that talks more when it is asked to. */
const talkative = { ANTHROPIC_LOG: 'debug', DEBUG: '*' };

describe.concurrent('the whole demo', { timeout: 240_000 }, () => {
  test.each([
    { flags: [], environment: {} },
    { flags: ['--quiet'], environment: talkative },
    { flags: ['--verbose', '--json'], environment: talkative },
    { flags: ['--debug'], environment: talkative },
  ])('leaves no secret with $flags [A1.17] [b19] [b20] [P1, P2, P3]', async ({ flags, environment }) => {
    await onStage({ flags, environment }, async (stage) => {
      for await (const { asTold, seen, step } of take([...mainJob, ...refusals], stage)) {
        expect(asTold, `${step.told}: ${JSON.stringify(seen)}`).toBe(true);
      }
      expect(await leaksOf(stage)).toEqual([]);
      await expectEverySignInIsWatched(stage);
    });
  });
});

describe.concurrent('a connection that fails', { timeout: 120_000 }, () => {
  const failures: Record<string, (stage: Stage) => void> = {
    'the identity provider refuses the code': ({ sandbox }) =>
      sandbox.identityProvider.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } }),
    'the service refuses the code': ({ sandbox }) =>
      sandbox.services.notion.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } }),
    'the service answers with tokens of an unknown type': ({ sandbox }) =>
      sandbox.services.notion.control.tamperTokenResponse((tokens) => ({ ...tokens, token_type: 'unheard-of' })),
    'the service answers with a token that is a list': ({ sandbox }) =>
      sandbox.services.notion.control.tamperTokenResponse((tokens) => ({
        ...tokens,
        access_token: [tokens['access_token']],
      })),
    'the service does not know whose account it is': ({ sandbox }) =>
      sandbox.services.notion.control.removeTool('notion-fetch'),
    'the platform does not know the key': failing('* /v1/**', 401),
    'the platform cannot create a vault': failing('POST /v1/vaults', 500),
    'the platform cannot store a credential': failing('POST /v1/vaults/:vault/credentials', 500),
    'the platform refuses a credential': failing('POST /v1/vaults/:vault/credentials', 400),
    'the answer to a stored credential is lost': ({ sandbox }) =>
      void sandbox.platform.control.faults.add({
        on: 'POST /v1/vaults/:vault/credentials',
        fault: { kind: 'drop-after-commit' },
      }),
  };

  test.each(Object.entries(failures))('leaves no secret when %s [b19] [P3]', async (_name, fail) => {
    await onStage({ flags: ['--debug'], environment: talkative }, async (stage) => {
      fail(stage);
      const { exit } = await stage.at('ada').run('service-connection', 'notion');
      expect(exit).toBeOneOf([0, 1, 3]);
      expect(await leaksOf(stage)).toEqual([]);
    });
  });

  test('leaves no secret when the platform repeats in its error what it was sent [b19] [P3]', async () => {
    await onStage({ flags: ['--debug'], environment: talkative }, async (stage) => {
      stage.sandbox.platform.control.faults.add({
        on: 'POST /v1/vaults/:vault/credentials',
        fault: {
          kind: 'status',
          status: 400,
          body: { type: 'error', error: tellingAll('message', stage, { type: 'invalid_request_error' }) },
        },
      });
      expect((await stage.at('ada').run('service-connection', 'notion')).exit).toBe(1);
      expect(await leaksOf(stage)).toEqual([]);
    });
  });

  test.each(['identity provider', 'service'])('leaves no secret when the %s repeats them [b19] [P3]', async (whose) => {
    await onStage({ flags: ['--debug'], environment: talkative }, async (stage) => {
      const { identityProvider, services } = stage.sandbox;
      const { control } = whose === 'service' ? services.notion : identityProvider;
      const body = tellingAll('error_description', stage, { error: 'invalid_grant' });
      control.failTokenEndpoint({ status: 400, body });
      expect((await stage.at('ada').run('service-connection', 'notion')).exit).toBe(1);
      expect(await leaksOf(stage)).toEqual([]);
    });
  });
});

describe('the sentinel itself', () => {
  const secret = 'sk-a/b+c=d e~"f"-0123456789-ABCDEFGHI';
  const wrapped = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ q: secret }).toString(),
    JSON.stringify({ secret }),
    Buffer.from(secret).toString('hex'),
    ...['', 'a', 'ab'].flatMap((before) =>
      (['base64', 'base64url'] as const).map((form) => Buffer.from(`${before}${secret} and more`).toString(form)),
    ),
    `${secret.slice(0, 19)}…`,
  ];

  test.each(wrapped)('finds a planted secret in %s', (text) => {
    expect(findLeaks([secret], [{ where: 'here', text: `before ${text} after` }])).not.toEqual([]);
  });

  test('finds nothing where nothing is', () => {
    expect(findLeaks([secret], [{ where: 'here', text: secret.slice(4, -4) }])).toEqual([]);
  });

  test('finds what an executable prints, writes and hands to its browser', async () => {
    const leaky = `
      const { env } = process, key = env.ANTHROPIC_API_KEY;
      console.log(key);
      console.error(encodeURIComponent(Buffer.from('key ' + key).toString('base64')));
      require('node:fs').writeFileSync(env.TMPDIR + '/leak', key);
      require('node:child_process').spawnSync(process.execPath, [env.BROWSER, 'http://127.0.0.1:1/' + key]);`;
    await onStage({ locate: () => [process.execPath, '--eval', leaky, '--'] }, async (stage) => {
      await stage.at('ada').run('setup-session');
      const places = (await leaksOf(stage)).map((leak) => leak.split(/[ ,]/)[0]);
      expect([...new Set(places)].sort()).toEqual([
        expect.stringMatching(/^dump\/browser-/),
        'home/ada/tmp/leak',
        'stderr',
        'stdout',
      ]);
    });
  });
});

function failing(on: string, status: number): (stage: Stage) => void {
  return ({ sandbox }) => {
    sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status }, times: Number.POSITIVE_INFINITY });
  };
}

/** An error whose text holds every secret that is known when it is sent, but for client secrets that nobody has entered. */
function tellingAll(key: string, { sandbox }: Stage, error: Record<string, unknown>): Record<string, unknown> {
  const clients = Object.values(sandbox.services).map(({ registration }) => registration);
  const unknown = clients.flatMap((client) => ('clientSecret' in client ? [client.clientSecret] : []));
  // What only the runner of a CI job has: a run of a person cannot know that it is a secret.
  unknown.push(sandbox.workloadIssuer.actions.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
  const known = () => sandbox.issuedSecrets().filter((secret) => !unknown.includes(secret));
  const get = () => `not acceptable: ${known().toReversed().join(' ')}`;
  return Object.defineProperty(error, key, { enumerable: true, get });
}

interface Told {
  locate?: Locate;
  flags?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

/** Opens a stage on which browsers write down what they were started with, and closes it afterwards. */
async function onStage(
  { locate = built.locate, ...options }: Told,
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  const stage = await openStage({ locate, ...options, dump: 'dump' });
  try {
    await act(stage);
  } finally {
    await stage.close();
  }
}

async function leaksOf(stage: Stage): Promise<string[]> {
  const { sandbox, outcomes } = stage;
  const secrets = [sandbox.platform.apiKey, ...sandbox.issuedSecrets()];
  const leaks = findLeaks(secrets, [...printed(outcomes), ...(await filesIn(sandbox.folder))]);
  // The SDK's own log cuts off what is nested deeply, so that it hides a token by chance; it has to be off altogether.
  const logs = printed(outcomes).filter(({ text }) => /\bsending request\b|\[log_/.test(text));
  return [...leaks, ...logs.map(({ where }) => `${where}: the log of the SDK`)];
}

/** Proves that the search knows what it looks for: each flow in a browser has its verifier among the secrets. */
async function expectEverySignInIsWatched({ sandbox }: Stage): Promise<void> {
  const challenges = (await filesIn(join(sandbox.folder, 'dump'))).flatMap(challengesIn);
  const known = sandbox.issuedSecrets().map((secret) => createHash('sha256').update(secret).digest('base64url'));
  expect(challenges.length).toBeGreaterThan(8);
  expect(known).toEqual(expect.arrayContaining(challenges));
}

function challengesIn({ text }: Trace): string[] {
  return [...text.matchAll(/code_challenge=([\w-]+)/g)].flatMap(([, challenge]) => challenge ?? []);
}
