/** What a warm `service-connection headers` costs: a sign-in and a grant that are kept in a keychain, and no browser. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { startSandbox } from '../sandbox/start.ts';
import { openSecretService } from '../support/secret-service.ts';
import { bareNode, type Comparison, compare, run, type Subject } from './measure.ts';

const browser = fileURLToPath(new URL('../sandbox/browser.mjs', import.meta.url));

/** Medians of so many calls beside a bare Node process; every call has to print the same header. */
export async function measureHeaders(dist: string, runs: number): Promise<Comparison> {
  const sandbox = await startSandbox();
  const keychain = await openSecretService();
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    const file = join(sandbox.configFolder, 'services', 'notion.yaml');
    const service = parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, stringify({ ...service, local_agents: ['grant'] }));
    const subject = (...words: string[]): Subject => ({
      words: [join(dist, 'service-connection.js'), 'headers', 'notion', '--quiet', ...words],
      environment: {
        ...sandbox.environment,
        ...keychain.environment,
        MAI_KEYCHAIN: '',
        MAI_HOME: folder,
        BROWSER: browser,
        DISPLAY: ':0',
      },
      cwd: folder,
      check: () => {},
    });
    await run({ ...subject('--authorize'), complains: true });
    const headers = new Set<string>();
    const warm: Subject = {
      ...subject(),
      check(stdout) {
        headers.add(stdout);
        if (!/^\{"Authorization":"Bearer [^"]+"\}\n$/.test(stdout) || headers.size > 1)
          throw new Error('headers printed something else');
      },
    };
    return await compare(warm, bareNode, runs);
  } finally {
    await keychain.close();
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
}
