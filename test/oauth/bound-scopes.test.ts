/** Authorization servers that bind a client to the scopes that it was registered for. */
import { afterEach, expect, test } from 'vitest';
import { hostileWorld } from './hostile-world.ts';
import { type Script, type ScriptedService, startScriptedService } from './scripted-service.ts';

const world = hostileWorld();
afterEach(() => world.forget());

/** A server that knows what each client was registered for, and refuses more; what it registers where nobody says is little. */
function binding(answer: (asked: string | undefined) => string | undefined): Script {
  const bound = new Map<string, string[]>();
  return {
    metadata: ({ honest }) => ({
      json: { ...honest, scopes_supported: ['openid', 'offline_access', 'read', 'write'] },
    }),
    resource: ({ honest }) => ({ json: { ...honest, scopes_supported: ['read', 'write'] } }),
    registration: ({ honest, request, before }) => {
      const asked = JSON.parse(request.body).scope as string | undefined;
      const client_id = `client-${before + 1}`;
      const scope = answer(asked);
      bound.set(
        client_id,
        (asked ?? 'openid').split(' ').filter((name) => scope?.split(' ').includes(name) ?? true),
      );
      return { status: 201, json: { ...honest, client_id, scope } };
    },
    authorization: ({ request, honest }) => {
      const { searchParams } = new URL(request.target, 'http://127.0.0.1');
      const foreign = (searchParams.get('scope') ?? '')
        .split(' ')
        .filter((name) => name !== '' && bound.get(searchParams.get('client_id') ?? '')?.includes(name) !== true);
      if (foreign.length === 0) return undefined;
      const { code: _, ...rest } = honest;
      const refusal = { ...rest, error: 'invalid_scope', error_description: `not valid: ${foreign.join(' ')}` };
      const back = `${searchParams.get('redirect_uri')}?${new URLSearchParams(refusal as Record<string, string>)}`;
      return { status: 302, headers: { location: back } };
    },
  };
}

const scopesInFile = (scopes: readonly string[]) => (file: { authorization: object }) => {
  Object.assign(file.authorization, { scopes: { default: scopes } });
};

const asked = (consents: readonly URL[]) => consents.map(({ searchParams }) => searchParams.get('scope'));
const registrations = (service: ScriptedService) =>
  service.requests.flatMap(({ target, body }) => (target === '/register' ? [JSON.parse(body).scope] : []));

test('what is asked for is registered, offline access included [A1.26]', async () => {
  const { exit, stderr, consents, service } = await world.connect({ script: binding((scope) => scope) });
  expect([exit, asked(consents)], stderr).toEqual([0, ['read write offline_access']]);
  expect(registrations(service)).toEqual(['read write offline_access']);
});

test('what the file names is registered and asked for, and nothing else [A1.25] [A1.26]', async () => {
  const { exit, consents, service } = await world.connect({
    script: binding((scope) => scope),
    configure: scopesInFile(['read']),
  });
  expect([exit, asked(consents), registrations(service)]).toEqual([0, ['read'], ['read']]);
});

test('a narrower registration is found before the browser opens, where the file names more [A1.26]', async () => {
  const { consents, stderr } = await world.attack({
    script: binding(() => 'read'),
    configure: scopesInFile(['read', 'write']),
    ends: 'registration_refused',
    said: /may not ask for "write"/,
  });
  expect(consents).toEqual([]);
  expect(stderr).toContain('list "read" in authorization.scopes.default of config/services/notion.yaml');
});

test('and its scopes are all that is asked for, where only the service has named more [A1.26]', async () => {
  const { exit, consents, stderr } = await world.connect({ script: binding(() => 'read') });
  expect([exit, asked(consents)], stderr).toEqual([0, ['read']]);
  expect(stderr).toContain('may not ask for "write", "offline_access": the connection is made without');
});

test('a client from before that is bound to fewer is replaced, and the person asked again [A1.26]', async () => {
  // It says nothing of scopes when it registers, so that nothing is known until it refuses.
  const service = await startScriptedService(binding(() => undefined));
  expect((await world.connect({ service, configure: scopesInFile(['read']) })).exit).toBe(0);
  const again = await world.connect({ service, configure: scopesInFile(['read', 'write']) });
  expect([again.exit, asked(again.consents), registrations(service)], again.stderr).toEqual([
    0,
    ['read write', 'read write'],
    ['read', 'read write'],
  ]);
  expect(again.stderr).toContain('does not let the client "client-1" ask for these scopes');
});

test('scopes that no client may have are named with the line of the file that helps [A1.27]', async () => {
  await world.attack({
    script: { ...binding((scope) => scope), registration: ({ honest }) => ({ status: 201, json: honest }) },
    configure: scopesInFile(['read', 'admin']),
    ends: 'callback_refused',
    said: /asked for were "read", "admin", of which it does not list "admin".*list "read" in authorization\.scopes\.default/s,
  });
});
