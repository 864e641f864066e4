/**
 * No option is taken and ignored: every command is walked with the options that it declares. It reads each, beside all others
 * that it does not refuse, or refuses it with exit code 2 before anything is asked, read or opened. The commands come from the
 * commander tree: a new one needs a row in `rows`.
 */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Option } from 'commander';
import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { runCommand } from '../support/command.ts';
import { commands, recording, typed } from '../support/command-table.ts';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skillText } from '../support/skill-project.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** How a command is run on its way to a good end, as far as its options matter. */
interface Row {
  /** The words behind the command. */
  words?: readonly string[];
  /** Makes the world fit; may add words that are known only now. */
  prepare?: () => Promise<readonly string[] | undefined>;
  /** What is typed at the terminal; nothing otherwise. */
  types?: string;
  /** For a command that waits for somebody to be finished. */
  endsAfterMs?: number;
}

const connected = async () => {
  await world.connect(['notion']);
  return undefined;
};
const operated = async () => {
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [world.sandbox.people.ada.subject] };
  });
  return undefined;
};
const enteredTokens = async () => {
  await world.configure('services/notion.yaml', ({ authorization }) => {
    authorization.static = true;
  });
  return undefined;
};
const openToAgents = async () => {
  await world.configure('services/notion.yaml', (content) => {
    content.local_agents = ['grant'];
  });
  return undefined;
};
const strangersAllowed = async () => {
  await world.configure('interface.yaml', (content) => {
    content.unlisted_services = 'confirm';
  });
  return undefined;
};
const alteredSession = async () => {
  await world.setup(['agents', 'apply']);
  await connected();
  await world.setup(['--agent', 'support']);
  return undefined;
};
const issuing = async () => {
  await world.configure('interface.yaml', (content) => {
    content.platform.workspace_id = world.sandbox.platform.workspaceId;
    content.session_tokens = { issuer: 'https://identity.example/sessions', publish: '../site' };
  });
  const { publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  await writeFile(join(world.sandbox.folder, 'public.jwk'), JSON.stringify(await exportJWK(publicKey)));
  return undefined;
};
const pushed = async () => {
  const folder = await skills();
  await runCommand(skillSync, [folder], { environment: world.sandbox.environment });
  return [folder];
};
const planned = async () => {
  const file = join(world.sandbox.folder, 'reviewed.json');
  await runCommand(skillSync, ['--out', file, await skills()], { environment: world.sandbox.environment });
  return [file];
};

/** The folder of one skill. */
async function skills(): Promise<string> {
  const folder = await mkdtemp(join(world.sandbox.folder, 'skills-'));
  await mkdir(join(folder, 'greet'));
  await writeFile(join(folder, 'greet', 'SKILL.md'), skillText('greet', 'Say hello.'));
  return folder;
}

/** At least one row for each command, and one for each of the things that one command does. */
const rows: Record<string, readonly Row[]> = {
  'service-connection': [
    { endsAfterMs: 700 },
    { words: ['notion'] },
    { words: ['notion', '--token-stdin'], prepare: enteredTokens, types: 'a-token-made-by-hand-12345\n' },
    { words: ['--url', 'https://mcp.example.com/mcp'], prepare: strangersAllowed, types: 'example.com\n' },
  ],
  'service-connection add': [{ words: ['https://mcp.example.com/mcp'] }],
  'service-connection list': [{}],
  'service-connection check': [{ words: ['notion'], prepare: connected }],
  'service-connection disconnect': [{ words: ['notion'] }],
  'service-connection doctor': [{}],
  'service-connection headers': [
    { words: ['notion', '--authorize'], prepare: openToAgents },
    { words: ['notion'], prepare: openToAgents },
    { words: ['notion', '--end'], prepare: openToAgents },
    {
      words: ['--install'],
      async prepare() {
        await openToAgents();
        return ['--to', join(world.sandbox.folder, 'mcp.json')];
      },
    },
  ],
  'service-connection login': [{}],
  'service-connection logout': [{}],
  'service-connection whoami': [{}],
  'service-connection ownership keygen': [{ words: ['--kid', 'k1'] }],
  'service-connection ownership sign': [
    {
      async prepare() {
        await connected();
        const [vault] = (await world.client.beta.vaults.list()).data;
        await trustKeys(world, await newOwnershipKey('k1'));
        return [vault?.id ?? ''];
      },
    },
  ],
  'service-connection ownership verify': [{}],
  'service-connection offboard': [
    { words: ['nobody'], prepare: operated },
    { words: ['nobody', '--undo'], prepare: operated },
  ],
  'service-connection vault repair': [{}],
  'service-connection serve': [{ endsAfterMs: 700 }],
  'service-connection wrap': [{ words: ['--trust', 'none.yaml', 'server'] }],
  'service-connection completion': [{ words: ['bash'] }],
  'setup-session': [
    {
      words: ['--agent', 'editor'],
      async prepare() {
        await world.setup(['agents', 'apply']);
        return await connected();
      },
    },
  ],
  'setup-session init': [{ prepare: async () => [join(world.sandbox.folder, 'fresh')] }],
  'setup-session doctor': [{}],
  'setup-session agents plan': [{}],
  'setup-session agents apply': [{}],
  'setup-session agents list': [{}],
  'setup-session agents show': [{ words: ['support'] }],
  'setup-session agents create': [{ words: ['fresh'] }],
  'setup-session agents adopt': [{ words: ['agent_none'] }],
  'setup-session environments adopt': [{ words: ['env_none'] }],
  'setup-session agents retire': [
    {
      words: ['support'],
      async prepare() {
        await world.setup(['agents', 'apply']);
        return undefined;
      },
    },
  ],
  'setup-session tools refresh': [{ words: ['notion'] }],
  'setup-session tools diff': [{}],
  'setup-session tools review': [
    {
      async prepare() {
        await world.setup(['tools', 'refresh', 'notion']);
        return undefined;
      },
    },
  ],
  'setup-session tools export': [{}],
  'setup-session tools accept': [
    {
      async prepare() {
        await world.setup(['tools', 'refresh', 'notion']);
        const { stdout } = await world.setup(['tools', 'export', 'notion']);
        const sheet = join(world.sandbox.configFolder, 'sheet.md');
        await writeFile(sheet, stdout.replaceAll('- [ ] ', '- [x] '));
        return ['--from', sheet];
      },
    },
  ],
  'setup-session explain': [{ words: ['--agent', 'support'] }],
  'setup-session send': [{ words: ['sesn_none', '--message', 'x'] }],
  'setup-session answer': [
    { words: ['sesn_none', 'sevt_none', '--yes'] },
    { words: ['sesn_none', 'sevt_none', '--result', 'x'] },
  ],
  'setup-session approvals': [{}],
  'setup-session guard': [{ endsAfterMs: 700 }],
  'setup-session rules test': [{ words: ['rules.yaml'] }],
  'setup-session show': [{ words: ['sesn_none'] }],
  'setup-session audit show': [{}],
  'setup-session audit pull': [{}],
  'setup-session audit reconcile': [{}],
  'setup-session audit verify': [{}],
  'setup-session audit checkpoint': [{}],
  'setup-session audit export': [{ words: ['--sink', 'siem'] }, { endsAfterMs: 700 }],
  'setup-session keys generate': [{ prepare: issuing }],
  'setup-session keys rotate': [
    {
      async prepare() {
        await issuing();
        const first = join(world.sandbox.folder, 'first.jwk');
        const { publicKey } = await generateKeyPair('EdDSA', { extractable: true });
        await writeFile(first, JSON.stringify(await exportJWK(publicKey)));
        await world.setup(['keys', 'generate', '--public-key', first]);
        return undefined;
      },
    },
  ],
  'setup-session keys list': [{ prepare: issuing }],
  'setup-session keys retire': [{ words: ['none'], prepare: issuing }],
  'setup-session token inspect': [{ prepare: issuing }],
  'setup-session token revoke': [{ words: ['sesn_none'], prepare: issuing }],
  'setup-session attach': [{ words: ['sesn_none'] }],
  'setup-session stop': [{ words: ['sesn_none'] }, { words: ['--idle-for', '1d'], prepare: operated }],
  'setup-session list': [{ prepare: alteredSession }],
  'setup-session verify': [{ prepare: alteredSession }, { words: ['sesn_none'] }],
  'setup-session login': [{}],
  'setup-session logout': [{}],
  'setup-session whoami': [{}],
  'setup-session completion': [{ words: ['bash'] }],
  'skill-sync': [{ prepare: async () => [await skills()] }],
  'skill-sync apply': [{ prepare: planned }],
  'skill-sync scan': [{ prepare: async () => [await skills()] }],
  'skill-sync verify': [{ prepare: pushed }],
  'skill-sync pull': [{ words: ['greet'] }],
  'skill-sync completion': [{ words: ['bash'] }],
};

/** A value that an option takes; descriptors that nobody has opened. */
function valueFor({ long, argChoices }: Option): string {
  const values: Record<string, string> = {
    '--config': world.sandbox.configFolder,
    '--timeout': '1',
    '--listen': '127.0.0.1:0',
    '--data': join(world.sandbox.folder, 'data'),
    '--trusted-proxy': '127.0.0.1',
    '--stop-after': '1s',
    '--idle-for': '1d',
    '--budget': '1',
    '--callback-port': '47113',
    '--client-secret-fd': '900',
    '--ownership-key-fd': '901',
    '--private-key-to-fd': '902',
    '--token-key-fd': '903',
    '--parent-token-fd': '904',
    '--in': '2h',
    '--public-key': join(world.sandbox.folder, 'public.jwk'),
    '--url': 'https://mcp.example.com/mcp',
    '--for': 'support',
    '--agent': 'support',
    '--accept': 'notion-search',
    '--folder': join(world.sandbox.folder, 'pulled'),
    '--yes-offboard': 'nobody',
    '--yes-undo': 'nobody',
    '--yes-prune': '9',
    '--only': 'greet',
    '--changed-since': 'HEAD',
    '--yes-retire': 'support',
    '--to': join(world.sandbox.folder, 'mcp.json'),
    '--subject': world.sandbox.people.ada.subject,
  };
  const file = ['--out', '--sarif', '--code-quality', '--lock'].includes(long ?? '');
  if (file) return join(world.sandbox.folder, `${long?.slice(2)}.json`);
  return values[long ?? ''] ?? argChoices?.[0] ?? 'x';
}

/** What came of one command line. */
interface Walked {
  exit: number;
  stderr: string;
  read: Set<string>;
  /** Whether the command had done nothing at all: no folder was looked for, nobody was asked, nothing was requested. */
  untouched: boolean;
}

async function walk(
  executable: Executable,
  argv: readonly string[],
  { types = '', endsAfterMs = 4_000 }: Row,
): Promise<Walked> {
  const read = new Set<string>();
  const folder = await world.machine();
  let looked = false;
  world.sandbox.platform.control.log.reset();
  const terminal = fakeTerminal();
  // Again and again, as what is typed before a question does not answer it.
  const typing = types === '' ? undefined : setInterval(() => terminal.stdin.write(types), 100);
  if (typing === undefined) terminal.stdin.end();
  const setting = {
    environment: { ...world.sandbox.environment, MAI_CONFIG: world.sandbox.configFolder },
    person: 'ada' as const,
    terminal,
    // Some wait for a person who does not come, such as one who enters a code.
    signal: AbortSignal.timeout(endsAfterMs),
    get directories() {
      looked = true;
      return { cache: join(folder, 'cache'), config: join(folder, 'config'), state: join(folder, 'state') };
    },
  };
  const { exit, stderr, visited } = await runCommand(recording(executable, read), argv, setting);
  clearInterval(typing);
  const untouched =
    !looked && visited.length === 0 && world.asked().length === 0 && terminal.stdin.readableFlowing === null;
  return { exit, stderr, read, untouched };
}

/** Whether a command line was refused before anything was done, because of one of these options; which one. */
function refused(options: readonly Option[], { exit, stderr, untouched }: Walked): Option | undefined {
  return exit === 2 && untouched ? options.findLast(({ long }) => stderr.includes(`${long}`)) : undefined;
}

describe.each(commands)('$path', ({ path, words: leading, executable, options }) => {
  const own = rows[path] ?? [];
  test('has a row', () => expect(own).not.toEqual([]));

  test.each(own.map((row) => [(row.words ?? []).join(' '), row] as const))(
    'reads each option that it does not refuse: %s',
    { timeout: 60_000 },
    async (_words, row) => {
      const base = [...(row.words ?? []), ...((await row.prepare?.()) ?? [])];
      const run = async (given: readonly Option[]) =>
        await walk(executable, [...leading, ...base, ...given.map((each) => typed(each, valueFor(each)))], row);
      let waiting = options.filter(({ long }) => !base.includes(long ?? ''));
      while (waiting.length > 0) {
        // All that can stand together, so that what is ignored beside another option is found as well.
        let together = waiting;
        let walked = await run(together);
        let last: Option | undefined;
        for (let no = refused(together, walked); no !== undefined; no = refused(together, walked)) {
          last = no;
          together = together.filter((option) => option !== no);
          if (together.length === 0) break;
          walked = await run(together);
        }
        // The last of all was refused beside nothing, and for good; the others get another round.
        const settled = together.length === 0 ? [last] : together;
        waiting = waiting.filter((option) => !settled.includes(option));
        const unread = together.filter((option) => !walked.read.has(option.attributeName()));
        // What failed on the way may not have come as far as the others.
        const alone = walked.exit === 0 ? [] : unread;
        for (const option of alone) {
          expect([...(await run([option])).read], walked.stderr).toContain(option.attributeName());
        }
        if (alone.length === 0)
          expect(
            unread.map(({ long }) => long),
            walked.stderr,
          ).toEqual([]);
      }
    },
  );
});
