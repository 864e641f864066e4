/** A configuration that somebody else put where a person stands, or changed after the person had said yes to it. */

import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { beliefsOf } from '../../internal/config/believed.ts';
import { confirmationsIn } from '../../internal/config/confirmations.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { fileStores } from '../../internal/stores/files/kept-files.ts';
import { type ExecutableName, machineOf, type Outcome } from '../demo/executables.ts';
import { copyOfBuild } from '../e2e/build.ts';
import { startSandbox } from '../sandbox/start.ts';
import { type Attack, judged } from './attack.ts';

/** An account that is neither root nor the one that runs the commands. */
const stranger = 65_534;

/** Where one attack takes place: a project with a configuration that works, and nothing that names it. */
interface Scene {
  /** The project's folder, which nobody else has to do with. */
  project: string;
  /** Runs a command as Ada, with a browser and without a terminal, in the project or in a folder of it. */
  run(words: readonly [ExecutableName, ...string[]], where?: string): Promise<Outcome>;
  /** How a run ended, and whether it sent Ada to the identity provider that the configuration names. */
  ending(outcome: Outcome): string;
}

type Tried = readonly [attack: string, must: string, act: (scene: Scene) => Promise<string>];

const list = ['service-connection', 'list'] as const;
const refused = (code: string) => `exit 2 [${code}], nobody signed in`;

const tried: readonly Tried[] = [
  [
    'a hostile configuration lies where somebody runs a command',
    refused('config_unconfirmed'),
    async ({ run, ending }) => ending(await run(list)),
  ],
  [
    'its ownership.signer is a program of its author',
    `${refused('config_unconfirmed')}, the program did not run`,
    async ({ project, run, ending }) => {
      const trace = join(project, 'ran');
      await change(project, (content) => {
        content['platform'] = { workspace_id: 'wrkspc_01' };
        content['ownership'] = {
          keys: [{ kty: 'OKP', crv: 'Ed25519', kid: 'k', x: 'A'.repeat(43) }],
          signer: { kid: 'k', command: [process.execPath, '-e', `fs.writeFileSync(${JSON.stringify(trace)}, '')`] },
        };
      });
      const ended = ending(await run(['service-connection', 'notion']));
      return `${ended}, the program ${(await readdir(project)).includes('ran') ? 'ran' : 'did not run'}`;
    },
  ],
  [
    'it changes its client after somebody has said yes to it',
    `exit 0, Ada signed in, then ${refused('config_unconfirmed')}`,
    async ({ project, run, ending }) => {
      const folder = join(project, 'config');
      const beliefs = beliefsOf((await loadConfiguration(folder)).interface);
      const state = join(project, 'home', 'ada', 'state');
      // What a yes at the terminal writes.
      await confirmationsIn(fileStores({ cache: join(project, 'cache'), state }).confirmations).write({
        folder,
        beliefs,
      });
      const before = ending(await run(list));
      await change(project, ({ identity }) => {
        (identity as Record<string, unknown>)['client_id'] = 'somebody-else';
      });
      return `${before}, then ${ending(await run(list))}`;
    },
  ],
  [
    'everybody may write in its folder, and it is named',
    refused('config_exposed'),
    async ({ project, run, ending }) => {
      await chmod(join(project, 'config'), 0o777);
      return ending(await run([...list, '--config', 'config']));
    },
  ],
];

const triedAsRoot: readonly Tried[] = [
  [
    'it belongs to another account, and is named',
    refused('config_exposed'),
    async ({ project, run, ending }) => {
      await chown(join(project, 'config'), stranger, stranger);
      return ending(await run([...list, '--config', 'config']));
    },
  ],
  [
    'one file of it belongs to another account',
    refused('config_invalid'),
    async ({ project, run, ending }) => {
      await chown(join(project, 'config', 'services', 'notion.yaml'), stranger, stranger);
      return ending(await run([...list, '--config', 'config']));
    },
  ],
  [
    'another account puts one beside the folder of somebody in /tmp',
    refused('config_missing'),
    async ({ project, run, ending }) => {
      await mkdir(join(project, 'mine'), { mode: 0o755 });
      await chown(join(project, 'config'), stranger, stranger);
      await chmod(project, 0o1777);
      return ending(await run(list, join(project, 'mine')));
    },
  ],
];

/** Tries each on a project of its own; those that take another account only as root. */
export async function configurationAttacks(): Promise<readonly Attack[]> {
  const build = await copyOfBuild();
  const sandbox = await startSandbox();
  const { MAI_CONFIG: _, ...environment } = sandbox.environment;
  try {
    const attacks: Attack[] = [];
    for (const [attack, must, act] of [...tried, ...(process.getuid?.() === 0 ? triedAsRoot : [])]) {
      const project = await mkdtemp(join(tmpdir(), 'attacked-'));
      await cp(sandbox.configFolder, join(project, 'config'), { recursive: true });
      const signedIn = () => sandbox.identityProvider.counters.authorizations;
      let before = signedIn();
      const scene: Scene = {
        project,
        async run([executable, ...words], where = project) {
          before = signedIn();
          return await machineOf({ locate: build.locate, environment, folder: where }, 'ada').run(executable, ...words);
        },
        ending({ exit, stderr }) {
          const [code = ''] = /\[\w+\]/.exec(stderr) ?? [];
          return `${[`exit ${exit}`, code].filter(Boolean).join(' ')}, ${signedIn() > before ? 'Ada' : 'nobody'} signed in`;
        },
      };
      attacks.push(judged(attack, must, await act(scene)));
      await rm(project, { recursive: true, force: true });
    }
    return attacks;
  } finally {
    await sandbox.close();
    await build.remove();
  }
}

async function change(project: string, edit: (content: Record<string, unknown>) => void): Promise<void> {
  const path = join(project, 'config', 'interface.yaml');
  const content = parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  edit(content);
  await writeFile(path, stringify(content));
}
