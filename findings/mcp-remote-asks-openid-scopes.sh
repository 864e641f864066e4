#!/bin/sh
# mcp-remote 0.15.1 (the bridge by which clients of stdio reach remote MCP servers), signing in where nobody has named a scope.
#
# Guess: it asks for none. The MCP specification says to leave the parameter out where neither the challenge nor the metadata
# names scopes, and the MCP SDK below it does so: mcporter 0.12.3, which uses the same SDK, asks for none here.
# Seen on 2026-11-30, Node 20.20.2: it asks for those of OpenID Connect, in its registration and of the person, of a server
# that is no OpenID provider:
#   registered with the scope "openid email profile"
#   authorization asked for "openid email profile"
# So: an authorization server that refuses scopes it does not know (RFC 6749, invalid_scope) refuses every user of it, and one
# that shows them on its consent page asks for an identity that nobody reads. Name your scopes in the metadata or the challenge.
# Ends with 0 as long as that is so, with 1 when it changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' > package.json
npm install --no-audit --no-fund --ignore-scripts --loglevel=error mcp-remote@0.15.1 >/dev/null
cat > seen.mjs <<'JS'
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const { bin } = JSON.parse(readFileSync('node_modules/mcp-remote/package.json', 'utf8'));
const seen = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const { pathname } = new URL(request.url, origin());
  const answer = (status, value, headers) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  const resource = { resource: `${origin()}/mcp`, authorization_servers: [origin()] };
  if (pathname === '/.well-known/oauth-protected-resource/mcp') return answer(200, resource);
  if (pathname === '/.well-known/oauth-authorization-server') {
    return answer(200, {
      issuer: origin(),
      authorization_endpoint: `${origin()}/authorize`,
      token_endpoint: `${origin()}/token`,
      registration_endpoint: `${origin()}/register`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    });
  }
  if (pathname === '/register') {
    const asked = JSON.parse(body);
    seen.push(`registered with the scope ${JSON.stringify(asked.scope)}`);
    return answer(201, { ...asked, client_id: 'one', client_id_issued_at: 1 });
  }
  if (pathname !== '/mcp') return answer(404, {});
  answer(401, {}, { 'www-authenticate': `Bearer resource_metadata="${origin()}/.well-known/oauth-protected-resource/mcp"` });
});
const origin = () => `http://127.0.0.1:${server.address().port}`;
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

// Without a path it finds no browser to open, and prints the address.
const child = spawn(process.execPath, [`node_modules/mcp-remote/${bin['mcp-remote']}`, `${origin()}/mcp`, '--allow-http'], {
  env: { PATH: '', HOME: process.cwd(), MCP_REMOTE_CONFIG_DIR: process.cwd() },
  stdio: ['pipe', 'ignore', 'pipe'],
});
let said = '';
const limit = setTimeout(() => child.kill(), 60_000);
for await (const part of child.stderr) {
  said += part;
  const address = /http:\/\/127\.0\.0\.1:\d+\/authorize\?\S+/.exec(said)?.[0];
  if (address === undefined) continue;
  seen.push(`authorization asked for ${JSON.stringify(new URL(address).searchParams.get('scope'))}`);
  break;
}
clearTimeout(limit);
child.kill();
server.closeAllConnections();
server.close();
console.log(seen.join('\n'));
const expected = ['registered with the scope "openid email profile"', 'authorization asked for "openid email profile"'];
process.exit(seen.join('\n') === expected.join('\n') ? 0 : 1);
JS
node seen.mjs
