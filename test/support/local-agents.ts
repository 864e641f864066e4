/** `service-connection headers`, which alone of all commands prints a secret: what it prints is read, and is nowhere else. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from './command.ts';

/** What came of it: the value of the header, where there is one. */
export interface HeadersOutcome extends CommandOutcome {
  header: string | undefined;
}

/** Runs it. What fails prints nothing on stdout, and no run prints a secret anywhere else or writes one. */
export async function runHeaders(
  sandbox: Sandbox,
  argv: readonly string[],
  setting: Partial<CommandSetting> & Pick<CommandSetting, 'folder'>,
): Promise<HeadersOutcome> {
  const environment = { ...sandbox.environment, ...setting.environment };
  const outcome = await runCommand(serviceConnection, ['headers', ...argv], { ...setting, environment });
  const { exit, stdout, stderr } = outcome;
  const printed = exit === 0 && stdout.startsWith('{"Authorization":') ? (JSON.parse(stdout) as object) : undefined;
  if (exit !== 0) expect(stdout).toBe('');
  const secrets = [sandbox.platform.apiKey, ...sandbox.issuedSecrets()];
  const written = [stderr, ...(await textsIn(setting.folder ?? '')), ...(printed === undefined ? [stdout] : [])];
  for (const text of written) expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  if (printed === undefined) return { ...outcome, header: undefined };
  expect(Object.keys(printed)).toEqual(['Authorization']);
  return { ...outcome, header: String(Object.values(printed)[0]) };
}

async function textsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // What a run beside this one has removed meanwhile holds nothing any more.
  return await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
}

/** What Claude Code sets for the server that it is about to connect to. */
export function asClaudeCode(name: string, url: string): Record<string, string> {
  return { CLAUDE_CODE_MCP_SERVER_NAME: name, CLAUDE_CODE_MCP_SERVER_URL: url };
}
