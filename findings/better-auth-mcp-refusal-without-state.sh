#!/usr/bin/env bash
# better-auth 1.6.34, its MCP plugin as an authorization server: an ordinary request for a scope that it does not have.
#
# Guess: RFC 6749 section 4.1.2.1: back to the redirect URI with `error=invalid_scope` and the `state` that was sent,
#        form-urlencoded. An unknown response_type likewise (`unsupported_response_type`).
# Seen:  invalid_scope comes back without `state`, and with plain blanks in the Location. unsupported_response_type does
#        not come back to the client at all: the browser is sent to a page of the server, /api/auth/error.
# So:    a client that rightly ignores answers without its state waits until its time is over. It should say, without
#        ending the attempt, that an error without a state came by, and name the error only if it is a registered one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts better-auth@1.6.34
cat >seen.mjs <<'JS'
import { deepStrictEqual } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { mcp } from 'better-auth/plugins';

const origin = 'http://127.0.0.1:5999';
const tables = ['user', 'session', 'account', 'verification', 'oauthApplication', 'oauthAccessToken', 'oauthConsent'];
const auth = betterAuth({
  baseURL: origin,
  secret: randomBytes(32).toString('hex'),
  database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [mcp({ loginPage: '/login' })],
});
const ask = (path, init) => auth.handler(new Request(new URL(path, origin), init));
const json = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json', origin }, body: JSON.stringify(body) });

const person = { email: 'ada@example.test', password: randomBytes(12).toString('hex'), name: 'Ada' };
const signedUp = await ask('/api/auth/sign-up/email', json(person));
const cookie = signedUp.headers.getSetCookie().map((each) => each.split(';')[0]).join('; ');
const redirect_uri = 'http://127.0.0.1:6000/callback';
const client = await (await ask('/api/auth/mcp/register', json({ client_name: 'a client', redirect_uris: [redirect_uri] }))).json();
const sentTo = async (changed) => {
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri,
    scope: 'openid',
    state: 'the-state',
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'),
    code_challenge_method: 'S256',
    ...changed,
  });
  return (await ask(`/api/auth/mcp/authorize?${asked}`, { headers: { cookie } })).headers.get('location');
};
const good = new URL(await sentTo({}));
const scope = await sentTo({ scope: 'openid files' });
const type = new URL(await sentTo({ response_type: 'token' }));
const seen = {
  goodState: good.searchParams.get('state'),
  error: new URL(scope).searchParams.get('error'),
  state: new URL(scope).searchParams.get('state'),
  blanks: scope.includes(' '),
  responseType: `${type.origin}${type.pathname}`,
};
console.log(seen);
deepStrictEqual(seen, {
  goodState: 'the-state',
  error: 'invalid_scope',
  state: null,
  blanks: true,
  responseType: `${origin}/api/auth/error`,
});
JS
node seen.mjs
echo 'as described: better-auth 1.6.34'
