/** A sandbox for attacks, outside of any test: the command as Ada, and a look at what the platform holds in the end. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { parse, stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';

/** The sandbox of one attack. */
export interface Stage {
  sandbox: Sandbox;
  machine(): Promise<string>;
  /** `service-connection`, with a browser of the script's own. */
  connect(argv: readonly string[], setting: Partial<CommandSetting>): Promise<CommandOutcome>;
  /** The accounts at services that vaults hold access to. */
  accounts(): Promise<string[]>;
  close(): Promise<void>;
}

/** Starts it. Sign-ins are kept where that is asked for, and services let any account in: only the sign-in decides here. */
export async function openStage({ keep }: { keep: boolean }): Promise<Stage> {
  const sandbox = await startSandbox();
  const configure = async (path: string, change: (content: ReturnType<typeof parse>) => unknown) => {
    const file = join(sandbox.configFolder, path);
    const content: unknown = parse(await readFile(file, 'utf8'));
    await writeFile(file, stringify(change(content) ?? content, { aliasDuplicateObjects: false }));
  };
  await configure('services/notion.yaml', (service) => {
    service.account.match = 'none';
  });
  if (keep) await keepSignIns({ sandbox, configure });
  const client = new Anthropic({ apiKey: sandbox.platform.apiKey, baseURL: sandbox.platform.baseUrl });
  return {
    sandbox,
    machine: () => mkdtemp(join(sandbox.folder, 'machine-')),
    connect: (argv, setting) => runCommand(serviceConnection, argv, { ...setting, environment: sandbox.environment }),
    async accounts() {
      const found: string[] = [];
      for await (const vault of client.beta.vaults.list()) {
        for await (const { metadata } of client.beta.vaults.credentials.list(vault.id)) {
          found.push(String(metadata['mai_account']));
        }
      }
      return found;
    },
    close: () => sandbox.close(),
  };
}
