#!/usr/bin/env bash
# better-auth 1.6.34, its MCP plugin as an authorization server, one ordinary sign-in of a confidential client.
#
# Guess: the ID token is what the metadata announces: RS256, to be verified with the keys at jwks_uri, with an `iss`.
# Seen:  the metadata names RS256 as the only algorithm, a jwks_uri, and `iss` among its claims. The ID token is signed
#        with HS256, has no `iss`, and jwks_uri answers 404. A client that verifies ID tokens as OpenID Connect Core
#        section 3.1.3.7 asks refuses each sign-in; one that only wants access tokens notices nothing.
# So:    at such a server take the access token, and never an identity from its ID token.
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
import { mcp, oAuthDiscoveryMetadata } from 'better-auth/plugins';

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
// Its handler is called as any web framework calls it; nothing listens.
const ask = (path, init) => auth.handler(new Request(new URL(path, origin), init));
const json = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json', origin }, body: JSON.stringify(body) });

const person = { email: 'ada@example.test', password: randomBytes(12).toString('hex'), name: 'Ada' };
const signedUp = await ask('/api/auth/sign-up/email', json(person));
const cookie = signedUp.headers.getSetCookie().map((each) => each.split(';')[0]).join('; ');
const redirect_uri = 'http://127.0.0.1:6000/callback';
const client = await (await ask('/api/auth/mcp/register', json({ client_name: 'a client', redirect_uris: [redirect_uri] }))).json();

const verifier = randomBytes(32).toString('base64url');
const asked = new URLSearchParams({
  response_type: 'code',
  client_id: client.client_id,
  redirect_uri,
  scope: 'openid',
  state: 'state',
  nonce: 'nonce',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
});
const back = new URL((await ask(`/api/auth/mcp/authorize?${asked}`, { headers: { cookie } })).headers.get('location'));
const answer = await ask('/api/auth/mcp/token', {
  method: 'POST',
  headers: {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`,
  },
  body: new URLSearchParams({
    grant_type: 'authorization_code',
    code: back.searchParams.get('code'),
    redirect_uri,
    code_verifier: verifier,
  }).toString(),
});
const { id_token: token } = await answer.json();
const [header, claims] = token.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
const metadata = await (await oAuthDiscoveryMetadata(auth)(new Request(`${origin}/.well-known/oauth-authorization-server`))).json();
const seen = {
  announced: metadata.id_token_signing_alg_values_supported,
  alg: header.alg,
  issAnnounced: metadata.claims_supported.includes('iss'),
  iss: claims.iss,
  keys: (await ask(metadata.jwks_uri)).status,
};
console.log(seen);
deepStrictEqual(seen, { announced: ['RS256'], alg: 'HS256', issAnnounced: true, iss: undefined, keys: 404 });
JS
node seen.mjs
echo 'as described: better-auth 1.6.34'
