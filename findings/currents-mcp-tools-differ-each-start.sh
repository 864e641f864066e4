#!/bin/sh
# @currents/mcp 2.1.1, a public MCP server: what it answers to tools/list is another list at each start.
#
# A good engineer would guess that a list of tools is a constant of a version: it is cached, pinned by a hash, compared. This
# one computes two defaults of a schema (the last thirty days) when it starts, so that no two starts answer the same
# bytes. Whoever turns off what changed since it was reviewed turns off this tool every time.
#
# Behaviour and output seen on 2026-11-30, Node 20.20.2:
#   currents-get-spec-files-performance: 2 places differ, all of them "default"
# Ends with 0 as long as that is so, with 1 when it changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' > package.json
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @currents/mcp@2.1.1 >/dev/null
cat > list.mjs <<'JS'
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const at = join(process.cwd(), 'node_modules/@currents/mcp');
const { bin } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
const file = join(at, typeof bin === 'string' ? bin : Object.values(bin)[0]);

async function list() {
  const child = spawn(process.execPath, [file], { env: { PATH: process.env.PATH, HOME: process.cwd(), CURRENTS_API_KEY: 'dummy' }, stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map();
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      const message = JSON.parse(line);
      waiting.get(message.id)?.(message.result);
    } catch {}
  });
  const ask = (id, method, params) =>
    new Promise((answered) => {
      waiting.set(id, answered);
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'finding', version: '1' } });
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  const { tools } = await ask(2, 'tools/list', {});
  child.kill();
  return tools;
}

function places(one, other, path, found) {
  if (typeof one === 'object' && one !== null && typeof other === 'object' && other !== null) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) places(one[key], other[key], [...path, key], found);
  } else if (one !== other) found.push(path);
  return found;
}

const [first, second] = [await list(), await list()];
const differing = first.flatMap((tool, index) => {
  const found = places(tool, second[index], [], []);
  return found.length === 0 ? [] : [{ name: tool.name, found }];
});
for (const { name, found } of differing) {
  console.log(`${name}: ${found.length} places differ, all of them ${[...new Set(found.map((path) => JSON.stringify(path.at(-1))))].join(', ')}`);
}
const [only] = differing;
process.exit(differing.length === 1 && only.found.length === 2 && only.found.every((path) => path.at(-1) === 'default') ? 0 : 1);
JS
node list.mjs
