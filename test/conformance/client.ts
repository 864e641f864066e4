/**
 * What the suite calls the client: gets the URL of an MCP server, puts it into the catalogue and runs
 * `service-connection` for it, as often as the scenario asks.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { caseOf, type Servers } from './cases.ts';
import type { Run } from './stage.ts';

/** Less than the suite waits, so that a command that waits in vain says so itself. */
const timeoutSeconds = '40';
const tool = 'test-tool';

const scenario = variable('MCP_CONFORMANCE_SCENARIO');
const ports = variable('CONFORMANCE_PORTS').split(',').map(Number);
const servers = serversOf(process.argv[2] ?? '');
const { authorization, callsTool = false, words = [], times = 1, secret = false, identity } = caseOf(scenario);

await refuseOtherAddresses();
await writeFile(
  join(variable('MAI_CONFIG'), 'services', 'conformance.yaml'),
  // JSON is YAML.
  JSON.stringify({
    mcp_server_url: servers.mcpServerUrl,
    authorization: authorization(servers),
    ...(callsTool && { account: { tool, name: 'account' } }),
    tools: { read: [tool] },
  }),
);
const signedIn = identity?.(servers);
if (signedIn !== undefined) {
  const { issuer, clientId, subject } = signedIn;
  await writeFile(
    join(variable('MAI_CONFIG'), 'interface.yaml'),
    JSON.stringify({
      identity: { mode: 'sso', issuer, client_id: clientId },
      people: { groups: {}, principals: { [subject]: { conformance: { read: 'on' } } } },
    }),
  );
}
const runs: Run[] = [];
while (runs.length < times) runs.push(await runCommand());
await writeFile(variable('CONFORMANCE_RUNS'), JSON.stringify(runs));
process.exitCode = runs.at(-1)?.exit ?? 1;

async function runCommand(): Promise<Run> {
  const handed = secret ? ['--client-secret-fd', '3'] : [];
  const child = spawn(
    process.execPath,
    [variable('CONFORMANCE_EXECUTABLE'), 'conformance', '--timeout', timeoutSeconds, '--verbose', ...words, ...handed],
    {
      stdio: ['ignore', 'pipe', 'pipe', secret ? 'pipe' : 'ignore'],
      // biome-ignore lint/style/noProcessEnv: what the suite handed on, and one thing more
      ...(signedIn !== undefined && { env: { ...process.env, ...handedOver(signedIn) } }),
    },
  );
  // A command that refuses before it reads its secret closes the pipe.
  if (secret) (child.stdio[3] as Writable).on('error', () => {}).end(servers.context['client_secret']);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const output = [child.stdout, child.stderr].map((stream) => text(stream as Readable));
  const [exit, stdout = '', stderr = ''] = await Promise.all([ended, ...output]);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return { exit, stdout, stderr };
}

/** The sign-in of the suite's person, as a client hands it to what it starts. */
function handedOver({ issuer, idToken }: { issuer: string; idToken: string }): Record<string, string> {
  return { CLAUDE_CODE_MCP_USER_TOKEN: idToken, CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: issuer };
}

function serversOf(mcpServerUrl: string): Servers {
  const { protocol, hostname, port: own, origin } = new URL(mcpServerUrl);
  const others = ports.filter((port) => port !== Number(own)).map((port) => `${protocol}//${hostname}:${port}`);
  return {
    mcpServerUrl,
    issuers: others.length === 0 ? [origin] : others,
    // biome-ignore lint/style/noProcessEnv: how the suite hands it over
    context: JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}'),
  };
}

/** Fails when a server of the suite can be reached from elsewhere. */
async function refuseOtherAddresses(): Promise<void> {
  const addresses = Object.values(networkInterfaces()).flatMap((each = []) => each.filter(({ internal }) => !internal));
  for (const { address, scopeid } of addresses) {
    const host = scopeid ? `${address}%${scopeid}` : address;
    for (const port of ports) {
      if (await answers(host, port)) throw new Error(`the suite listens on ${host}`);
    }
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function variable(name: string): string {
  // biome-ignore lint/style/noProcessEnv: how the suite and scenarios.test.ts hand things over
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
