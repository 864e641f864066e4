/** `service-connection` and scopes: no more than was reviewed, what the person chose, and more only where it is wanted. */
import { beforeEach, describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { atAuthorization } from '../support/begin.ts';
import type { CommandOutcome } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** What the service was asked for, one entry for each time that a person was sent there. */
function askedFor({ visited }: CommandOutcome): (string[] | undefined)[] {
  return visited
    .filter((url) => url.startsWith(world.sandbox.services.linear.issuer))
    .map((url) => new URL(url).searchParams.get('scope')?.split(' ').sort());
}

const recorded = async () =>
  (await world.credentials()).map(({ metadata }) => metadata['mai_scopes']?.split(' ').sort());

/** Sets the scopes of Linear's file; left out, it names none. */
const listed = (scopes?: object) =>
  world.configure('services/linear.yaml', ({ authorization }) => {
    if (scopes === undefined) delete authorization.scopes;
    else authorization.scopes = scopes;
  });

/** Makes the tool that names the account need a scope. */
const toolNeeds = (scope: string) =>
  world.sandbox.services.linear.control.addTool({
    name: 'get_user',
    effect: 'read',
    scope,
    answer: () => ({}),
  } as never);

describe('a service that wants more scopes than it granted', () => {
  beforeEach(async () => {
    await listed({ default: ['read'], additional: ['write'] });
    toolNeeds('write');
  });

  test('is asked again for all of them, with the same client, and the first access is given back [A1.18]', async () => {
    const { linear } = world.sandbox.services;
    const pages: string[] = [];
    const connected = await world.connect(['linear', '--json'], {
      browse: async (url) => {
        const page = await visit(url, { person: 'ada' });
        pages.push(page.body);
        return page;
      },
    });
    expect([connected.exit, askedFor(connected)]).toEqual([0, [['read'], ['read', 'write']]]);
    expect(pages.slice(1)).toEqual([
      expect.stringContaining('Linear wants more access'),
      expect.stringContaining('Linear is connected'),
    ]);
    expect(connected.stderr).toContain(
      'linear wants more scopes than it granted: you are asked again, for "read", "write"',
    );
    expect(linear.mcpRequests.insufficientScope).toBe(1);
    expect([linear.counters.revocations, await recorded()]).toEqual([1, [['read', 'write']]]);
    const [first, second] = connected.visited.slice(1).map((url) => new URL(url).searchParams);
    for (const name of ['client_id', 'redirect_uri', 'resource']) expect(second?.get(name)).toBe(first?.get(name));
    for (const name of ['state', 'code_challenge']) expect(second?.get(name)).not.toBe(first?.get(name));
  });

  test('gets nothing that its file does not list (P4) [A1.18] [connecting]', async () => {
    await listed({ default: ['read'] });
    const failed = await world.connect(['linear']);
    expect([failed.exit, askedFor(failed), await world.credentials()]).toEqual([3, [['read']], []]);
    expect(failed.stderr).toContain('[not_allowed]');
    expect(failed.stderr).toContain('authorization.scopes.additional');
    expect(world.sandbox.services.linear.counters.revocations).toBe(1);
  });

  test.each([['--read-only'], ['--scope', 'read']])('gets nothing that %s left out', async (...words) => {
    await listed({ default: ['read', 'write'], read_only: ['read'] });
    const failed = await world.connect(['linear', ...words]);
    expect([failed.exit, askedFor(failed), await world.credentials()]).toEqual([3, [['read']], []]);
    expect(world.sandbox.services.linear.counters.revocations).toBe(1);
  });

  test('and is denied them leaves nothing behind, neither stored nor granted [A1.18] [connecting]', async () => {
    const { linear } = world.sandbox.services;
    let asked = 0;
    const failed = await world.connect(['linear'], {
      browse: atAuthorization((url, begun) =>
        visit(url, { person: 'ada', deny: url.startsWith(linear.issuer) && ++asked === 2, begun }),
      ),
    });
    expect([failed.exit, askedFor(failed).length, await world.credentials()]).toEqual([3, 2, []]);
    expect(failed.stderr).toContain('[access_denied]');
    expect(linear.counters.revocations).toBe(1);
  });

  test('leaves a connection that is there as it was, where nothing comes of it', async () => {
    toolNeeds('read');
    await world.connectJson(['linear']);
    const before = await world.credentials();
    toolNeeds('write');
    await listed({ default: ['read'] });
    expect((await world.connect(['linear'])).exit).toBe(3);
    expect(await world.credentials()).toEqual(before);
  });
});

describe('without a tool that names the account the token is tried all the same:', () => {
  beforeEach(() =>
    world.configure('services/linear.yaml', (service) => {
      delete service.account;
    }),
  );

  test('one that works is stored [A1.18]', async () => {
    expect(await world.connectJson(['linear'])).toMatchObject({ account: null, status: 'valid' });
  });

  test('one that the service refuses is not, and its grant is given back [A1.18] [connecting]', async () => {
    const { linear } = world.sandbox.services;
    linear.control.tamperTokenResponse((answer) => ({ ...answer, access_token: 'not-a-token-of-this-service' }));
    const failed = await world.connect(['linear']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[service_refused]')]);
    expect(failed.stderr).not.toContain('not-a-token');
    expect([linear.counters.revocations, await world.credentials()]).toEqual([1, []]);
  });
});

describe('the person chooses', () => {
  test('exactly these with --scope [A1.10]', async () => {
    await listed({ default: ['read', 'write'], additional: ['admin'] });
    const connected = await world.connect(['linear', '--scope', 'read']);
    expect([connected.exit, askedFor(connected), await recorded()]).toEqual([0, [['read']], [['read']]]);
  });

  test('these as well with --add-scope: consent anew, one connection, and the difference is said [A1.18] [c28]', async () => {
    await world.connectJson(['linear', '--read-only']);
    const added = await world.connect(['linear', '--add-scope', 'write']);
    expect([added.exit, askedFor(added), await recorded()]).toEqual([0, [['read', 'write']], [['read', 'write']]]);
    expect(added.stderr).toContain('linear has scopes that it did not have before: "write" (writes)');
    const less = await world.connect(['linear', '--read-only']);
    expect(less.stderr).toContain('linear no longer has the scopes "write" (writes)');
    expect(await world.credentials()).toHaveLength(1);
  });

  test('from what the service offers, where its file lists none (P4)', async () => {
    await listed();
    const connected = await world.connect(['linear', '--scope', 'write read']);
    expect([connected.exit, askedFor(connected)]).toEqual([0, [['read', 'write']]]);
    const failed = await world.connect(['linear', '--scope', 'read', '--scope', 'admin']);
    expect([failed.exit, failed.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    expect(askedFor(failed)).toEqual([]);
  });

  test.each([
    [['--scope', 'admin'], 3],
    [['--add-scope', 'admin'], 3],
    [['--scope', 'read', '--read-only'], 2],
    [['--add-scope', 'write', '--read-only'], 2],
    [['--scope', 'read', '--add-scope', 'write'], 2],
    [['--scope', ''], 2],
  ])('%j is refused before anybody signs in (P4)', async (words, exit) => {
    const failed = await world.connect(['linear', ...words]);
    expect([failed.exit, failed.visited, world.asked()]).toEqual([exit, [], []]);
  });
});

describe('a token that is for somebody else', () => {
  const foreign = `e30.${Buffer.from('{"aud":"https://other.example"}').toString('base64url')}.c2ln`;
  beforeEach(() =>
    world.sandbox.services.linear.control.tamperTokenResponse((answer) => ({ ...answer, access_token: foreign })),
  );

  test('is neither sent anywhere nor stored, and its grant is given back [c12] [connecting]', async () => {
    const { linear } = world.sandbox.services;
    const failed = await world.connect(['linear']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[token_unusable]')]);
    expect(failed.stderr).toContain('says that it is for "https://other.example", not for this service');
    expect([linear.counters.revocations, await world.credentials()]).toEqual([1, []]);
    // The one without a token that discovery begins with.
    expect(linear.mcpRequests.unauthorized).toBe(1);
  });

  test('is tried with --accept-audience: the service itself has the last word [c12]', async () => {
    const failed = await world.connect(['linear', '--accept-audience']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[service_refused]')]);
    expect(failed.stderr).toContain('says that it is for');
    expect(world.sandbox.services.linear.mcpRequests.unauthorized).toBe(2);
  });
});
