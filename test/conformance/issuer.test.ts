/**
 * Who an answer is from, and who a document is of: what the newest pre-release of the public suite checks of it
 * (`auth/iss-*`, `auth/metadata-issuer-mismatch`, `auth/authorization-server-migration` and its resource checks), with
 * every case of each table and not one. Whatever is refused is judged by the judge of the hostile suite: no token
 * request, nothing stored, nothing said but the refusal.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../internal/errors/exit-codes.ts';
import { type Consent, hostileWorld } from '../oauth/hostile-world.ts';
import { type Script, startScriptedService } from '../oauth/scripted-service.ts';

const world = hostileWorld();
afterEach(() => world.forget());

/** Metadata that promises an issuer in every answer, says that there is none, or says nothing. */
const promising = (promised: boolean | undefined): Script => ({
  metadata: ({ honest }) => ({ json: { ...honest, authorization_response_iss_parameter_supported: promised } }),
});

/** Answers as the authorization server does, but for the issuer. */
const naming = (issuer: Issuer) => async (consent: Consent) => {
  const { searchParams } = await consent.allow();
  await consent.send(`${withIssuer(searchParams, issuer, consent)}`);
};

/** Answers with an error and an issuer. */
const failing = (issuer: Issuer) => async (consent: Consent) => {
  const parameters = { error: 'access_denied', error_description: 'said-by-whoever', state: consent.state };
  await consent.send(`${withIssuer(new URLSearchParams(parameters), issuer, consent)}`);
};

/** The issuer of an answer, made of the recorded one; undefined for an answer without one. */
type Issuer = ((recorded: string) => string) | undefined;

function withIssuer(parameters: URLSearchParams, issuer: Issuer, { url }: Consent): URLSearchParams {
  parameters.delete('iss');
  if (issuer !== undefined) parameters.set('iss', issuer(url.origin));
  return parameters;
}

const none = undefined;
const same = (recorded: string) => recorded;
const other = () => 'https://evil.example.com';

describe('the issuer of an answer (RFC 9207 section 2.4) [A1.14] [c1]', () => {
  test.each<[string, boolean | undefined, string, Issuer]>([
    ['promised', true, 'is there', same],
    ['denied', false, 'is there all the same', same],
    ['denied', false, 'is not there', none],
    ['not spoken of', undefined, 'is there all the same', same],
    ['not spoken of', undefined, 'is not there', none],
  ])('%s (%s) and %s: goes on', async (_promise, promised, _case, issuer) => {
    const connected = await world.connect({ script: promising(promised), browse: naming(issuer) });
    expect([connected.exit, connected.service.exchanged()]).toEqual([0, 1]);
    expect(await world.stored()).toBe(1);
  });

  test.each<[string, boolean | undefined, string, Issuer]>([
    ['promised', true, 'is not there', none],
    ['promised', true, 'is another', other],
    ['denied', false, 'is another', other],
    ['not spoken of', undefined, 'is another', other],
  ])('%s (%s) and %s: is refused', async (_promise, promised, _case, issuer) => {
    const refused = await world.attack({
      script: promising(promised),
      browse: naming(issuer),
      ends: 'callback_refused',
    });
    expect(refused.consents).toHaveLength(1);
  });

  // Each is the same issuer to something that normalizes: simple string comparison (RFC 3986 section 6.2.1) is not.
  test.each<[string, Issuer]>([
    ['a final slash', (recorded) => `${recorded}/`],
    ['a scheme in capitals', (recorded) => recorded.replace('http', 'HTTP')],
    ['an address spelled otherwise', (recorded) => recorded.replace('127.0.0.1', '127.1')],
    ['another name of the same host', (recorded) => recorded.replace('127.0.0.1', 'localhost')],
    ['a percent-encoded character', (recorded) => recorded.replace('127', '12%37')],
    ['an empty path segment', (recorded) => `${recorded}/.`],
    ['a space behind it', (recorded) => `${recorded} `],
    ['nothing but its host', (recorded) => new URL(recorded).host],
    ['nothing', () => ''],
  ])('that differs by %s is refused, promised or not', async (_case, issuer) => {
    for (const promised of [true, undefined]) {
      await world.attack({ script: promising(promised), browse: naming(issuer), ends: 'callback_refused' });
    }
  });
});

describe('the issuer of an error (RFC 9207 section 2.4) [A1.14]', () => {
  test.each<[string, boolean | undefined, Issuer]>([
    ['promised and there', true, same],
    ['denied and not there', false, none],
    ['not spoken of and there', undefined, same],
    ['not spoken of and not there', undefined, none],
  ])('%s: the error is told', async (_case, promised, issuer) => {
    const script = promising(promised);
    await world.attack({ script, browse: failing(issuer), ends: 'access_denied', said: 'said-by-whoever' });
  });

  test.each<[string, boolean | undefined, Issuer]>([
    ['promised and not there', true, none],
    ['promised and another', true, other],
    ['denied and another', false, other],
    ['not spoken of and another', undefined, other],
    ['not spoken of and different by a slash', undefined, (recorded) => `${recorded}/`],
  ])('%s: nothing of the error is repeated', async (_case, promised, issuer) => {
    const script = promising(promised);
    const refused = await world.attack({ script, browse: failing(issuer), ends: 'callback_refused' });
    expect(refused.stderr).not.toMatch(/said-by-whoever|access_denied/);
  });
});

describe('the issuer of a metadata document (RFC 8414 section 3.3) [A1.6] [c2]', () => {
  test.each<[string, (origin: string) => unknown, ErrorCode?]>([
    ['another one', () => 'https://attacker.example.com'],
    ['another one of the same host', (origin) => `${origin}/mismatched-as`],
    ['the same on another port', (origin) => origin.replace(/\d+$/, '1')],
    ['the same by another name', (origin) => origin.replace('127.0.0.1', 'localhost')],
    ['none', () => undefined, 'service_metadata'],
  ])('is %s: nobody is registered, no browser is opened', async (_case, claimed, ends = 'issuer_mismatch') => {
    const { service, consents } = await world.attack({
      script: { metadata: ({ honest, origin }) => ({ json: { ...honest, issuer: claimed(origin) } }) },
      ends,
    });
    expect(consents).toEqual([]);
    expect(service.lines()).not.toContain('POST /register');
  });
});

describe('the resource of the metadata [A1.9]', () => {
  test.each<[string, (origin: string) => string]>([
    ['the address of the server', (origin) => `${origin}/mcp`],
    ['its bare origin, without a slash', (origin) => origin],
    ['its origin with a slash', (origin) => `${origin}/`],
    ['the address with a slash more', (origin) => `${origin}/mcp/`],
  ])('goes with both requests as it is: %s', async (_case, spelled) => {
    const { service, consents, exit } = await world.connect({
      script: { resource: ({ honest, origin }) => ({ json: { ...honest, resource: spelled(origin) } }) },
    });
    expect(exit).toBe(0);
    const sent = [...consents.map(({ searchParams }) => searchParams), ...service.tokenRequests()];
    expect(sent.map((each) => each.getAll('resource'))).toEqual([[spelled(service.origin)], [spelled(service.origin)]]);
  });
});

describe('a service that moves to another authorization server [A1.15]', () => {
  /** The service before and after its move, and the one that it moves to. */
  async function moving() {
    const to = await startScriptedService({
      registration: ({ honest }) => ({ status: 201, json: { ...honest, client_id: 'client-of-the-new-one' } }),
    });
    let moved = false;
    const service = await startScriptedService({
      resource: ({ honest }) => (moved ? { json: { ...honest, authorization_servers: [to.origin] } } : undefined),
      // Its tokens are those of the new one by then.
      challenge: ({ request }) => {
        const { id, params } = JSON.parse(request.body);
        if (!to.secrets.includes(String(request.headers.authorization).replace('Bearer ', ''))) return undefined;
        const result = {
          protocolVersion: params?.protocolVersion,
          capabilities: {},
          serverInfo: { name: 's', version: '1' },
        };
        return id === undefined ? { status: 202 } : { json: { jsonrpc: '2.0', id, result } };
      },
    });
    const connect = (pinned: readonly string[]) => ({
      service,
      // biome-ignore lint/suspicious/noExplicitAny: the service's file
      configure(file: any) {
        file.authorization.issuers = pinned;
        delete file.account;
      },
      move: () => {
        moved = true;
      },
    });
    return { service, to, connect };
  }

  test('is not followed before somebody has reviewed it: the new one is never asked', async () => {
    const { service, to, connect } = await moving();
    const before = connect([service.origin]);
    expect((await world.connect(before)).exit).toBe(0);
    before.move();
    const after = await world.connect(before);
    expect([after.exit, after.stderr]).toEqual([1, expect.stringContaining('[issuer_mismatch]')]);
    expect([to.requests.length, await world.stored()]).toEqual([0, 1]);
  });

  test('gets a client of the new one: none of the old one is shown to it', async () => {
    const { service, to, connect } = await moving();
    const both = connect([service.origin, to.origin]);
    expect((await world.connect(both)).exit).toBe(0);
    both.move();
    const after = await world.connect(both);
    expect([after.exit, after.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(after.consents.map(({ origin, searchParams }) => [origin, searchParams.get('client_id')])).toEqual([
      [to.origin, 'client-of-the-new-one'],
    ]);
    expect(to.lines().filter((line) => line === 'POST /register')).toHaveLength(1);
    expect(to.tokenRequests().map((form) => form.get('client_id'))).toEqual(['client-of-the-new-one']);
    expect(to.requests.some(({ target, body }) => `${target} ${body}`.includes('client-of-ours'))).toBe(false);
    expect(await world.stored()).toBe(1);
  });
});
