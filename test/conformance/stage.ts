/** The rest of the world for one scenario: a platform with an empty workspace, and who signs people in. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { stringify } from 'yaml';
import { startIdentityProvider } from '../sandbox/identity-provider.ts';
import { startPlatform } from '../sandbox/platform/start.ts';

/** What came of one run of `service-connection`, as client.ts writes it down. */
export interface Run {
  exit: number | null;
  stdout: string;
  stderr: string;
}

/** A stage. */
export interface Stage {
  /** Where the suite may write. */
  readonly results: string;
  /** The variables that the suite hands on to client.ts. */
  readonly environment: Readonly<Record<string, string>>;
  /** The runs of the command, oldest first; none where client.ts ended before it wrote them down. */
  runs(): Promise<Run[]>;
  /** The servers that the person's vault has tokens for. */
  connected(): Promise<string[]>;
  close(): Promise<void>;
}

const browser = fileURLToPath(new URL('../sandbox/browser.mjs', import.meta.url));

/** Sets a stage on which Ada sits at the browser. */
export async function setStage(executable: string): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  const [platform, identityProvider] = await Promise.all([startPlatform(), startIdentityProvider()]);
  const config = join(folder, 'config');
  const results = join(folder, 'results');
  const home = join(folder, 'home');
  await Promise.all([mkdir(join(config, 'services'), { recursive: true }), mkdir(results), mkdir(home)]);
  await writeFile(
    join(config, 'interface.yaml'),
    stringify({
      identity: { mode: 'sso', issuer: identityProvider.issuer, client_id: identityProvider.clientId },
      people: { groups: {}, principals: { [identityProvider.people.ada.subject]: { conformance: { read: 'on' } } } },
    }),
  );
  return {
    results,
    environment: {
      ANTHROPIC_BASE_URL: platform.baseUrl,
      ANTHROPIC_API_KEY: platform.apiKey,
      MAI_CONFIG: config,
      MAI_ALLOW_LOOPBACK_HTTP: '1',
      // The keychain of whoever runs the tests is none of theirs.
      MAI_KEYCHAIN: 'off',
      BROWSER: browser,
      HOME: home,
      TMPDIR: home,
      MAI_HOME: home,
      CONFORMANCE_EXECUTABLE: executable,
      CONFORMANCE_RUNS: join(folder, 'runs.json'),
    },
    runs: async () => JSON.parse(await readFile(join(folder, 'runs.json'), 'utf8').catch(() => '[]')) as Run[],
    async connected() {
      const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });
      const servers: string[] = [];
      for await (const vault of client.beta.vaults.list()) {
        for await (const { auth } of client.beta.vaults.credentials.list(vault.id)) {
          if (auth.type === 'mcp_oauth') servers.push(auth.mcp_server_url);
        }
      }
      return servers;
    },
    async close() {
      await Promise.all([platform.close(), identityProvider.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
