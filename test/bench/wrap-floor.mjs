/**
 * What nobody can do without who stands before a server of stdio: HTTP, a line on the disk, and the server itself, without any
 * judgement. It takes the file for the lines, nothing for none, and the server's program and words, says its port, and serves one
 * client.
 */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [path, program, ...words] = process.argv.slice(2);
const lines = path === '' ? undefined : await open(path, 'a', 0o600);
const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
createInterface({ input: child.stdout }).on('line', (line) => waiting.get(JSON.parse(line).id)?.(line));

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(405).end();
  let text = '';
  for await (const piece of request) text += piece;
  const { id, method } = JSON.parse(text);
  const headers = { 'content-type': 'application/json', 'mcp-session-id': 'one' };
  if (method === 'tools/call' && lines !== undefined) {
    await lines.write(`${text}\n`);
    await lines.datasync();
  }
  const answer = new Promise((resolve) => waiting.set(id, resolve));
  child.stdin.write(`${text}\n`);
  if (id === undefined) return response.writeHead(202, headers).end();
  response.writeHead(200, headers).end(await answer);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.once('SIGTERM', () => {
  child.kill();
  process.exit();
});
