#!/usr/bin/env bash
# lynx 2.9.0dev.12 (Debian 12), a cookie for one path, and an address of that path with a query.
#
# Guess: a cookie with `Path=/callback` comes along to /callback?code=1: the path of a request has no query in it (RFC 6265,
#        sections 5.1.4 and 5.4), and RFC 2109 said the same.
# Seen:  it comes along to /callback and to /callback/below?code=1, and not to /callback?code=1. With `Path=/` it does. So
#        what an OAuth callback was given for its own path never reaches it, while every page without a query is well.
# So:    the wider path would give the cookie to everything else on that host. A callback that demands a cookie of its own path
#        sends a browser without one on to an address below itself, with the same query, and decides there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
command -v lynx >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends lynx >/dev/null; }
version=$(lynx --version | head -n 1)
printf '%s\n' "$version"
cat >seen.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

let given;
const server = createServer(({ url, headers }, answer) => {
  if (url === '/start') {
    const location = `http://${headers.host}${given.to}`;
    return answer.writeHead(302, { location, 'set-cookie': `name=value; Path=${given.path}` }).end();
  }
  console.log(`Path=${given.path} to ${url}: ${headers.cookie ?? 'no cookie'}`);
  answer.writeHead(200, { 'content-type': 'text/html' }).end('<h1>here</h1>');
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const start = `http://127.0.0.1:${server.address().port}/start`;
for (given of [
  { path: '/callback', to: '/callback' },
  { path: '/callback', to: '/callback/below?code=1' },
  { path: '/callback', to: '/callback?code=1' },
  { path: '/', to: '/callback?code=1' },
]) {
  const words = ['-dump', '-accept_all_cookies', '-nopause', start];
  await once(spawn('lynx', words, { stdio: 'ignore', env: { PATH: process.env.PATH, HOME: '.', TERM: 'xterm' } }), 'close');
}
server.close();
JS
node seen.mjs | tee out
diff out - <<'TEXT'
Path=/callback to /callback: name=value
Path=/callback to /callback/below?code=1: name=value
Path=/callback to /callback?code=1: no cookie
Path=/ to /callback?code=1: name=value
TEXT
echo "as described: $version"
