/** A sandbox in which a person of the operating system is set up for one agent: no browser, so only our own work is timed. */

import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { parse, stringify } from 'yaml';
import { judgeAccount } from '../../internal/identity/os-identity.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { runningAccount } from '../../internal/outside/accounts.ts';
import { ownerRecord } from '../../internal/vault/owner.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/start.ts';
import { run } from './measure.ts';

/** Where and as whom the executables are run. */
export interface BenchProject {
  sandbox: Sandbox;
  /** The built executables, where the measured user can read them. */
  dist: string;
  /** Undefined when the bench itself runs as an ordinary user. */
  uid: number | undefined;
  environment: Record<string, string>;
  /** Whose vault it is. */
  principal: Principal;
  vaultId: string;
  close(): Promise<void>;
}

/** The account of nobody, on every Unix: root has no identity of its own here, so it lends its process to this one. */
const nobody = 65534;

/** Starts it, with `vaults` vaults, one of them the own one. */
export async function startBenchProject(
  distFolder: string,
  vaults: number,
  platform: SandboxOptions['platform'] = {},
): Promise<BenchProject> {
  const sandbox = await startSandbox({ platform });
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const close = async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  };
  const account = await runningAccount(folder);
  const uid = account.uids.real === 0 ? nobody : undefined;
  const lent = { real: nobody, effective: nobody, saved: nobody };
  const principal = judgeAccount(
    uid === undefined ? account : { ...account, uids: lent, gids: lent, name: userInfo().username },
    undefined,
  );

  await chmod(folder, 0o755);
  // As installed: without the package file beside them, Node would have to guess the format of every chunk.
  await cp(distFolder, join(folder, 'dist'), { recursive: true });
  await cp(join(distFolder, '..', 'package.json'), join(folder, 'package.json'));
  const config = join(folder, 'config');
  await cp(sandbox.configFolder, config, { recursive: true });
  const own = { notion: { read: 'on', write: 'on' } };
  await writeFile(
    join(config, 'interface.yaml'),
    stringify({
      identity: { mode: 'os' },
      people: { principals: { [principal.subject]: own }, operators: { principals: [principal.subject] } },
    }),
  );
  await writeFile(
    join(config, 'agents', 'support.yaml'),
    stringify({
      model: 'claude-sonnet-5-5',
      services: { notion: { write: 'off' } },
      environment: 'default',
      allowed: { principals: [principal.subject] },
    }),
  );
  // Nobody signs in, so that no account can be compared with an address.
  const notion = join(config, 'services', 'notion.yaml');
  const service = parse(await readFile(notion, 'utf8')) as { account?: unknown };
  delete service.account;
  await writeFile(notion, stringify(service));
  const ownFolders = ['cache', 'state'].map((name) => join(folder, name));
  for (const path of ownFolders) await mkdir(path);
  // Installed by whoever runs it: only the owner of the code writes its cache.
  const code = join(folder, 'dist');
  const installed = (await readdir(code, { recursive: true })).map((path) => join(code, path));
  if (uid !== undefined) for (const path of [config, code, ...installed, ...ownFolders]) await chown(path, uid, uid);

  const client = new Anthropic({ baseURL: sandbox.platform.baseUrl, apiKey: sandbox.platform.apiKey, maxRetries: 0 });
  const half = Math.floor(vaults / 2);
  sandbox.platform.control.seedVaults(half);
  const vault = await client.beta.vaults.create({ display_name: 'own', metadata: ownerRecord(principal) });
  await client.beta.vaults.credentials.create(vault.id, {
    auth: { type: 'mcp_oauth', mcp_server_url: sandbox.services.notion.mcpUrl, access_token: 'bench' },
  });
  sandbox.platform.control.seedVaults(vaults - half - 1);

  // By XDG, which earlier builds know as well.
  const { MAI_HOME: _, ...variables } = sandbox.environment;
  const environment = {
    ...variables,
    MAI_CONFIG: config,
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_CONFIG_HOME: join(folder, 'none'),
    HOME: folder,
  };
  await run({
    words: [join(code, 'setup-session.js'), 'agents', 'apply', 'support', '--quiet'],
    environment,
    uid,
    cwd: folder,
    check: () => {},
  });
  return { sandbox, dist: code, uid, environment, principal, vaultId: vault.id, close };
}
