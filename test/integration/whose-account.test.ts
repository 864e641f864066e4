/** `service-connection` and whose account came back: nothing is stored that the rule, or a person by name, did not let in. */
import { beforeEach, describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import type { CommandOutcome } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** Ada signs in as herself and presses somebody's button at the service. */
const pressing = (account: 'ada' | 'grace' | 'mallory') => ({
  browse: (url: string) => visit(url, { person: 'ada', account }),
});

const grace = 'grace@example.test';

/** Changes how the account of a service has to fit. */
const rule = (match: string, changes: object = {}) =>
  world.configure('services/notion.yaml', (service) => {
    Object.assign(service.account, { match, ...changes });
  });

/** How many grants a test has seen given back. */
let givenBack = 0;
beforeEach(() => {
  givenBack = 0;
});

/** Expects that nothing was kept: not in the vault, and not at the service either. */
function expectRefused(outcome: CommandOutcome, ...said: string[]): void {
  expect([outcome.exit, outcome.stderr]).toEqual([3, expect.stringContaining('[account_mismatch]')]);
  for (const text of said) expect(outcome.stderr).toContain(text);
  expect(outcome.stderr).toMatch(/^service-connection: hint: /m);
  expect(outcome.stderr).toContain('the access that notion had granted was given back');
  const { revocations } = world.sandbox.services.notion.counters;
  expect(revocations).toBe(givenBack + 1);
  givenBack = revocations;
}

/** What `list` shows of Notion, as a value and as text. */
async function listed() {
  const { services } = (await world.connectJson(['list'])) as { services: Record<string, unknown>[] };
  const { stdout } = await world.connect(['list']);
  return {
    notion: services.find(({ service }) => service === 'notion'),
    line: stdout.split('\n').find((line) => line.startsWith('notion ')),
  };
}

describe('somebody else’s account', () => {
  test('is not stored, and what the service granted is given back [c13] [connecting]', async () => {
    const failed = await world.connect(['notion'], pressing('grace'));
    expectRefused(failed, `"${grace}" ("Grace's Notion")`, '"ada@example.test"', `--accept-account ${grace}`);
    expect(await world.credentials()).toEqual([]);
    expect((await world.connect(['notion'])).exit).toBe(0);
  });

  test('is stored when it is accepted by its exact name, and list says so for as long as it stays', async () => {
    const accepted = await world.connect(['notion', '--accept-account', grace], pressing('grace'));
    expect([accepted.exit, accepted.stdout]).toEqual([0, expect.stringContaining('as accepted with --accept-account')]);
    expect(await world.credentials()).toMatchObject([{ metadata: { mai_account_accepted: grace } }]);
    expect(await listed()).toMatchObject({
      notion: { account: grace, account_accepted: true },
      line: expect.stringContaining(`${grace}, Grace's Notion (accepted by name)`),
    });

    // Of the very account and client that are connected: to give it back could end that connection as well.
    const refused = await world.connect(['notion'], pressing('grace'));
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[account_mismatch]')]);
    expect(refused.stderr).toContain('was not given back');
    expect(await world.credentials()).toMatchObject([{ metadata: { mai_account_accepted: grace } }]);
    expect(await world.connectJson(['check', 'notion'])).toMatchObject({ services: [{ status: 'wrong-account' }] });

    await world.connectJson(['notion', '--accept-account', 'ada@example.test']);
    expect(await listed()).toMatchObject({
      notion: { account: 'ada@example.test', account_accepted: false },
      line: expect.not.stringContaining('accepted'),
    });
  });

  test.each(['linus@example.test', 'Grace@example.test', 'grace', ''])(
    'is not stored when %j is accepted',
    async (name) => {
      const failed = await world.connect(['notion', '--accept-account', name], pressing('grace'));
      expectRefused(failed, grace, JSON.stringify(name));
      expect(await world.credentials()).toEqual([]);
    },
  );

  test('whose name a shell would obey is not offered as something to type', async () => {
    world.sandbox.services.notion.control.addTool({
      name: 'notion-fetch',
      effect: 'read',
      answer: () => ({ user: { email: '$(id)@example.test' } }),
    } as never);
    expectRefused(await world.connect(['notion']), '--accept-account <its exact name>');
  });
});

describe('--expect-account', () => {
  test('lets the account in that it names', async () => {
    expect(await world.connectJson(['notion', '--expect-account', 'ada@example.test'])).toMatchObject({
      account_accepted: false,
    });
  });

  test.each(['email', 'none'])('lets no other in, with the rule %s', async (match) => {
    await rule(match);
    expectRefused(await world.connect(['notion', '--expect-account', 'Ada@example.test']), '"Ada@example.test"');
    expect(await world.credentials()).toEqual([]);
  });

  test('does not let in what the rule refuses', async () => {
    expectRefused(await world.connect(['notion', '--expect-account', grace], pressing('grace')));
  });

  test('and --accept-account that differ are refused before anybody signs in', async () => {
    const failed = await world.connect(['notion', '--expect-account', 'a', '--accept-account', 'b']);
    expect([failed.exit, failed.visited]).toEqual([2, []]);
  });

  test('is refused where the service’s file names no account, before anybody signs in', async () => {
    await world.configure('services/notion.yaml', (service) => {
      delete service.account;
    });
    const failed = await world.connect(['notion', '--expect-account', 'a']);
    expect([failed.exit, failed.visited]).toEqual([2, []]);
  });
});

describe('the rule', () => {
  test('email folds case, on both sides', async () => {
    const { identityProvider, services } = world.sandbox;
    services.notion.control.addTool({
      name: 'notion-fetch',
      effect: 'read',
      answer: () => ({ user: { email: 'ADA@Example.test' } }),
    } as never);
    identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ email: 'Ada@EXAMPLE.test' }),
    }));
    expect(await world.connectJson(['notion'])).toMatchObject({ account: 'ADA@Example.test', account_accepted: false });
  });

  test('domain lets a colleague’s account in', async () => {
    await rule('domain');
    expect(await world.connectJson(['notion'], pressing('grace'))).toMatchObject({ account: grace });
  });

  test.each(['ada@example.test.evil.test', 'ada@ex\u0430mple.test', 'ada@evil.test@example.test'])(
    'domain is not met by %j [connecting]',
    async (email) => {
      await rule('domain');
      world.sandbox.services.notion.control.addTool({
        name: 'notion-fetch',
        effect: 'read',
        answer: () => ({ user: { email } }),
      } as never);
      expectRefused(await world.connect(['notion']), 'not of the domain of "ada@example.test"');
      expect(await world.credentials()).toEqual([]);
    },
  );

  test.each(['email', 'domain'])(
    '%s is not met where the service names nobody, whatever is accepted [connecting]',
    async (match) => {
      await rule(match, { name: 'nobody.here' });
      expectRefused(await world.connect(['notion']), 'did not say whose account', 'cannot help');
      expectRefused(await world.connect(['notion', '--accept-account', 'ada@example.test']), 'cannot help');
      expect(await world.credentials()).toEqual([]);
    },
  );

  test.each([
    { email_verified: false },
    { email_verified: undefined },
    { email_verified: 'true' },
    { email: undefined },
  ])('is not met by whose address is not verified (%j): nobody is sent to the service', async (claims) => {
    const { identityProvider } = world.sandbox;
    identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge(claims),
    }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited.length, world.asked()]).toEqual([3, 1, []]);
    expect(failed.stderr).toContain('[account_mismatch]');
    const accepted = await world.connectJson(['notion', '--accept-account', 'ada@example.test']);
    expect(accepted).toMatchObject({ account_accepted: true });
  });
});

describe('a connection that would change to another account', () => {
  const toGrace = async (answer: string | undefined, ...options: string[]) => {
    const terminal = fakeTerminal();
    return await world.connect(['notion', '--quiet', ...options], {
      ...pressing('grace'),
      ...(answer !== undefined && { terminal }),
      hear: (said) => {
        if (answer !== undefined && said.endsWith('[y/N]\n')) void terminal.type(answer);
      },
    });
  };

  test.each([
    [undefined, 'nobody is there to ask'],
    ['\n', 'it is not confirmed'],
    ['no\n', 'it is not wanted'],
  ])('stays as it is when %j is answered: %s [c13] [connecting]', async (answer, _why) => {
    await rule('domain');
    await world.connectJson(['notion']);
    const before = await world.credentials();
    expectRefused(await toGrace(answer), '"ada@example.test" ("Ada\'s Notion")', `"${grace}"`);
    expect(await world.credentials()).toEqual(before);
    expect((await listed()).notion).toMatchObject({ account: 'ada@example.test' });
  });

  test.each([
    ['after a yes', 'y\n', []],
    ['when it is named', undefined, ['--accept-account', grace]],
  ] as const)('changes %s', async (_case, answer, options) => {
    await rule('domain');
    const first = await world.connectJson(['notion']);
    expect((await toGrace(answer, ...options)).exit).toBe(0);
    expect(await world.credentials()).toMatchObject([{ id: first['credential_id'], metadata: { mai_account: grace } }]);
    expect((await listed()).notion).toMatchObject({ account: grace, account_accepted: false });
  });

  test('is not asked about when the rule refuses it anyway', async () => {
    await world.connectJson(['notion']);
    const failed = await toGrace('y\n');
    expect(failed.stderr).not.toContain('[y/N]');
    expectRefused(failed);
  });
});

test('scopes that nobody asked for are named, harmlessly [connecting]', async () => {
  world.sandbox.services.linear.control.tamperTokenResponse((answer) => ({
    ...answer,
    scope: 'read write admin \u001b[2J',
  }));
  const connected = await world.connect(['linear']);
  expect(connected.stderr).toContain(
    'service-connection: linear granted more than was asked for: "admin", "\\u001b[2J"\n',
  );
  world.sandbox.services.linear.control.behave();
  expect((await world.connect(['linear'])).stderr).not.toContain('granted more');
});
