/** People by the hundred: each connects and starts a session, with an ID token that was handed over, and tries again where that is what the command says. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import type { Executable } from '../../internal/cli/program.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { runCommand } from './command.ts';
import { idTokenOf } from './console-caller.ts';
import type { Content } from './sandboxed-commands.ts';

/** Lets a console know them as its users. */
export function admitCrowd(content: Content): void {
  content.people.roles.user = { groups: ['support'] };
}

/** One of them. */
export interface Member {
  name: string;
  subject: string;
  email: string;
  token: string;
}

/** What came of what somebody did. */
export interface Deed {
  member: Member;
  session: string;
  /** How long the command took that succeeded, in milliseconds. */
  connectMs: number;
  startMs: number;
  /** How often a command had to be run again, by the code that it ended with. */
  again: string[];
  /** All that was said on the way. */
  said: string;
}

/** What a command ends with, and says to run it again: the console is away, an answer was lost, somebody killed is taken for busy yet. */
const passing = new Set([
  'console_unreachable',
  'console_refused',
  'database_unavailable',
  'platform_outcome_unknown',
  'already_running',
]);
/** Longer than a replica takes nobody for dead, several times. */
const patienceMs = 90_000;

/** So many people, numbered from a number on, each with an account at the service that nobody else has. */
export async function crowdOf(sandbox: Sandbox, count: number, from = 0): Promise<Member[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [name, subject] = [`crowd-${from + index}`, `user-crowd-${from + index}`];
      const email = `${name}@example.test`;
      sandbox.services.notion.control.admit({ person: name, name, email, workspace: `${name}'s Notion` });
      const token = await idTokenOf(sandbox, 'ada', { claims: { sub: subject, email, groups: ['support'] } });
      return { name, subject, email, token };
    }),
  );
}

/** Has each connect and start a session, so many at a time. `done` hears how many are through. Throws for what no repetition mends. */
export async function letAct(
  sandbox: Sandbox,
  members: readonly Member[],
  setting: { environment: Readonly<Record<string, string>>; atOnce: number; done?: (count: number) => void },
): Promise<Deed[]> {
  const left = [...members];
  const deeds: Deed[] = [];
  const one = async () => {
    for (let member = left.shift(); member !== undefined; member = left.shift()) {
      deeds.push(await act(sandbox, member, setting.environment));
      setting.done?.(deeds.length);
    }
  };
  await Promise.all(Array.from({ length: setting.atOnce }, one));
  return deeds;
}

async function act(sandbox: Sandbox, member: Member, environment: Readonly<Record<string, string>>): Promise<Deed> {
  const folder = join(sandbox.folder, 'crowd', member.name);
  await mkdir(folder, { recursive: true });
  const again: string[] = [];
  const said: string[] = [];
  const insist = async (executable: Executable, argv: readonly string[]) => {
    const began = performance.now();
    for (;;) {
      const tried = performance.now();
      const { exit, stdout, stderr } = await runCommand(executable, [...argv, '--json'], {
        environment: {
          ...environment,
          CLAUDE_CODE_MCP_USER_TOKEN: member.token,
          CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: sandbox.identityProvider.issuer,
        },
        folder,
        browse: (url) => visit(url, { person: member.name }).catch((error: unknown) => error),
      });
      const now = performance.now();
      said.push(stderr);
      if (exit === 0) return { stdout, ms: now - tried };
      const code = /"event":"error","code":"(\w+)"/.exec(stderr)?.[1] ?? `exit ${exit}`;
      again.push(code);
      if (!passing.has(code) || now - began > patienceMs)
        throw new Error(`${member.name}: ${argv.join(' ')}: ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  const connected = await insist(serviceConnection, ['notion']);
  const started = await insist(setupSession, ['--agent', 'support']);
  await rm(folder, { recursive: true, force: true });
  const { session_id: session } = JSON.parse(started.stdout) as { session_id: string };
  return { member, session, connectMs: connected.ms, startMs: started.ms, again, said: said.join('') };
}

/** What is wrong with where it has led: whoever has another's vault, account or session, or lost their connection. */
export async function judgeCrowd(sandbox: Sandbox, deeds: readonly Deed[]): Promise<string[]> {
  const { platform, services } = sandbox;
  const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });
  const vaults = new Map<string, string[]>();
  for await (const { id, metadata } of client.beta.vaults.list()) {
    for (const subject of new Set(Object.values(metadata))) vaults.set(subject, [...(vaults.get(subject) ?? []), id]);
  }
  const faults: string[] = [];
  for (const { member, session } of deeds) {
    const own = vaults.get(member.subject) ?? [];
    const [vault] = own;
    if (vault === undefined || own.length > 1) {
      faults.push(`${member.name} has ${own.length} vaults`);
      continue;
    }
    const credentials = [];
    for await (const { id } of client.beta.vaults.credentials.list(vault)) credentials.push(id);
    if (credentials.length !== 1) faults.push(`${member.name} has ${credentials.length} connections`);
    for (const id of credentials) {
      const { access_token: token = '' } = platform.control.peek.secrets(id) ?? {};
      const account = await services.notion.control.accountOf(token);
      if (account !== member.name) faults.push(`the connection of ${member.name} is for ${account}`);
    }
    const { vault_ids: bound } = await client.beta.sessions.retrieve(session);
    if (bound.join() !== vault) faults.push(`the session of ${member.name} has ${bound.join()}, and not ${vault}`);
  }
  if (new Set(deeds.map(({ session }) => session)).size !== deeds.length) faults.push('two were told of one session');
  return faults;
}
