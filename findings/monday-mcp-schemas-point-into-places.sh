#!/bin/sh
# @mondaydotcomorg/monday-api-mcp 3.3.0: how the schemas of its tools refer to what they say twice.
#
# Guess: what is said twice has a name of its own, under $defs, and whoever shows one parameter, or hands a schema on inside another
# document, takes $defs along.
# Seen on 2026-11-30, Node 20.20.2: there is no $defs. The second place points to the first by where that stands, down to the
# number of an alternative ("#/properties/operations/items/anyOf/3/properties/block/anyOf/0"):
#   19 references in 5 of 92 tools, 0 of them to $defs or definitions
# So: a schema is right only at the root of its document, whole, and in its order. Whoever checks, shows or pins a parameter
# alone, drops one, sorts alternatives or nests the schema has references that lead nowhere, or to something else.
# Ends with 0 as long as that is so, with 1 when it changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' > package.json
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @mondaydotcomorg/monday-api-mcp@3.3.0 >/dev/null
cat > seen.mjs <<'JS'
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const at = 'node_modules/@mondaydotcomorg/monday-api-mcp';
const { bin } = JSON.parse(readFileSync(`${at}/package.json`, 'utf8'));
const child = spawn(process.execPath, [`${at}/${Object.values(bin)[0]}`, '-t', 'made-up'], {
  env: { PATH: process.env.PATH, HOME: process.cwd() },
  stdio: ['pipe', 'pipe', 'ignore'],
});
const say = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const clientInfo = { name: 'finding', version: '1' };
say({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
let tools;
for await (const line of createInterface({ input: child.stdout })) {
  if (!line.startsWith('{')) continue;
  const { id, result } = JSON.parse(line);
  if (id === 1) {
    say({ method: 'notifications/initialized' });
    say({ id: 2, method: 'tools/list', params: {} });
  }
  if (id !== 2) continue;
  tools = result.tools;
  break;
}
child.kill();

const references = (value) =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, each]) =>
        key === '$ref' && typeof each === 'string' ? [each] : references(each),
      );
const found = tools.map(({ inputSchema }) => references(inputSchema));
const all = found.flat();
const named = all.filter((each) => /^#\/(\$defs|definitions)\//.test(each));
const seen = `${all.length} references in ${found.filter(({ length }) => length > 0).length} of ${tools.length} tools, ${named.length} of them to $defs or definitions`;
console.log(seen);
process.exit(seen === '19 references in 5 of 92 tools, 0 of them to $defs or definitions' ? 0 : 1);
JS
node seen.mjs
