/** Attacks on `service-connection`, each run to its end and judged by the same judge. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import type { BetaManagedAgentsCredential } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import { afterAll, beforeAll, expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { type ErrorCode, exitCodeOf } from '../../internal/errors/exit-codes.ts';
import { writeConfiguration } from '../sandbox/config-folder.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask, type Question } from '../support/ask.ts';
import { atAuthorization, type Begun } from '../support/begin.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { type Script, type ScriptedService, startScriptedService } from './scripted-service.ts';

/** What the browser is sent to at the service. */
export interface Consent {
  url: URL;
  /** The redirect URI. */
  callback: string;
  state: string;
  /** Lets the authorization server answer, and says where it sends the browser. */
  allow(): Promise<URL>;
  /** Sends one request to the listener: a query for its path, or anything else. */
  send(query: string, question?: Question): Promise<Answered>;
  /** Ends the sign-in as a person does who presses "deny". */
  deny(): Promise<unknown>;
}

/** One attack. */
export interface Attack {
  /** What the service lies about. */
  script?: Script;
  /** A service that is there already. */
  service?: ScriptedService;
  /** Changes the service's file. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into files whose shape is checked by what they test
  configure?: (file: any, service: ScriptedService) => void;
  /** What happens in the browser; by default whatever the authorization server redirects to. */
  browse?: ((consent: Consent) => Promise<unknown>) | undefined;
  /** Further files of the configuration, made of the service's own. */
  also?: Record<string, (file: object) => object>;
  argv?: readonly string[];
  setting?: Partial<CommandSetting>;
  /** The path of the service's page is the attack; else it is the one that honest metadata names. */
  opened?: 'anywhere at the service';
  /** What must not be reached, as counters that have to stay at zero. */
  forbidden?: readonly (() => number)[];
  /** How often the token endpoint may be asked; not at all unless told. */
  exchanges?: number;
  /** How it has to end. */
  ends: ErrorCode;
  /** What the person has to be told. */
  said?: string | RegExp;
}

/** What came of an attack, for what a test wants to know beside the judgement. */
export interface Attacked extends CommandOutcome {
  service: ScriptedService;
  /** The authorization requests that a browser was sent to at the service. */
  consents: URL[];
  /** What the browser was shown. */
  pages: string[];
  /** Where the run could write. */
  folder: string;
}

/** The place of the attacks: one sandbox for a whole file. */
export interface HostileWorld {
  readonly sandbox: Sandbox;
  /** Carries out an attack and judges it. */
  attack(attack: Attack): Promise<Attacked>;
  /** Runs the command without a judgement. */
  connect(attack: Omit<Attack, 'ends'>): Promise<Attacked>;
  /** The secrets of a run that somebody could read in what it printed, showed or left behind. */
  leaks(attacked: Attacked): Promise<string[]>;
  /** How many active credentials the platform holds. */
  stored(): Promise<number>;
  /** These credentials, as the platform shows them. */
  credentials(): Promise<BetaManagedAgentsCredential[]>;
  /** Deletes them all: archived ones would still count towards the limit of a vault. */
  forget(): Promise<void>;
  /** What was counted so far. */
  readonly tally: Readonly<Tally>;
}

interface Tally {
  attacks: number;
  stored: number;
  opened: number;
  hung: number;
}

/** Longer than every limit of a run: whoever takes longer hangs. */
const patienceMs = 25_000;

/** Makes a world that starts before the file's tests and ends after them, with one line about all attacks. */
export function hostileWorld(): HostileWorld {
  let started: Sandbox | undefined;
  const tally: Tally = { attacks: 0, stored: 0, opened: 0, hung: 0 };
  const sandbox = () => {
    if (started === undefined) throw new Error('the sandbox runs in tests only');
    return started;
  };
  beforeAll(async () => {
    started = await startSandbox();
  });
  afterAll(async () => {
    await started?.close();
    const { attacks, stored, opened, hung } = tally;
    if (attacks === 0) return;
    process.stdout.write(
      `hostile suite: attacks tried ${attacks} × stored ${stored} × forbidden opened ${opened} × hung ${hung}\n`,
    );
  });

  async function* held() {
    const { apiKey, baseUrl } = sandbox().platform;
    const client = new Anthropic({ apiKey, baseURL: baseUrl, maxRetries: 0 });
    for await (const vault of client.beta.vaults.list()) {
      for await (const credential of client.beta.vaults.credentials.list(vault.id)) {
        const forget = () => client.beta.vaults.credentials.delete(credential.id, { vault_id: vault.id });
        if (credential.archived_at === null) yield { credential, forget };
      }
    }
  }
  const credentials = async () => {
    const all: BetaManagedAgentsCredential[] = [];
    for await (const { credential } of held()) all.push(credential);
    return all;
  };
  const stored = async () => (await credentials()).length;

  async function connect(attack: Omit<Attack, 'ends'>): Promise<Attacked> {
    const service = attack.service ?? (await startScriptedService(attack.script));
    const folder = await mkdtemp(join(sandbox().folder, 'attack-'));
    const config = await configFolder(folder, attack, service);
    const consents: URL[] = [];
    const pages: string[] = [];
    // Where the browser's side goes wrong there is nothing to wait for any more.
    const failures: unknown[] = [];
    const failed = new AbortController();
    const signals = [failed.signal, ...(attack.setting?.signal ? [attack.setting.signal] : [])];
    const outcome = await runCommand(serviceConnection, attack.argv ?? ['notion'], {
      ...attack.setting,
      folder,
      signal: AbortSignal.any(signals),
      environment: { ...sandbox().environment, ...attack.setting?.environment, MAI_CONFIG: config },
      browse: atAuthorization(async (address, begun) => {
        if (address.startsWith(`${sandbox().identityProvider.issuer}/`)) {
          return await visit(address, { person: 'ada', begun });
        }
        const consent = consentAt(begun, service, pages);
        consents.push(consent.url);
        return await (attack.browse ?? followed)(consent).catch((error: unknown) => {
          failures.push(error);
          failed.abort();
        });
      }),
    });
    for (const failure of failures) throw failure;
    return { ...outcome, service, consents, folder, pages };
  }

  async function configFolder(folder: string, attack: Omit<Attack, 'ends'>, service: ScriptedService): Promise<string> {
    const config = join(folder, 'config');
    await writeConfiguration(config, sandbox());
    const file = join(config, 'services', 'notion.yaml');
    const content = parse(await readFile(file, 'utf8'));
    content.mcp_server_url = service.mcpUrl;
    content.authorization = { issuers: [service.origin], registration: 'dynamic' };
    content.account = { tool: 'notion-fetch', name: 'user.email', workspace: 'workspace.name', match: 'email' };
    attack.configure?.(content, service);
    await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
    for (const [name, made] of Object.entries(attack.also ?? {}))
      await writeFile(join(config, name), stringify(made(content), { aliasDuplicateObjects: false }));
    return config;
  }

  async function leaks({ stdout, stderr, pages, folder, service }: Attacked): Promise<string[]> {
    const written = [stdout, stderr, ...pages, ...(await textsIn(folder))];
    const secrets = [...service.secrets, ...sandbox().issuedSecrets(), sandbox().platform.apiKey];
    return secrets.filter((secret) => written.some((text) => text.includes(secret)));
  }

  return {
    get sandbox() {
      return sandbox();
    },
    leaks,
    tally,
    stored,
    credentials,
    async forget() {
      for await (const { forget } of held()) await forget();
    },
    connect,
    async attack(attack) {
      tally.attacks += 1;
      const before = await stored();
      const interruption = new AbortController();
      const patience = setTimeout(() => interruption.abort(), patienceMs);
      const attacked = await connect({ ...attack, setting: { signal: interruption.signal, ...attack.setting } });
      clearTimeout(patience);
      const { service, stderr, stdout, visited, consents } = attacked;

      const kept = (await stored()) - before;
      const pages = attack.opened === undefined ? '/authorize?' : '/';
      const expected = [`${sandbox().identityProvider.issuer}/`, `${service.origin}${pages}`];
      const elsewhere = visited.filter((url) => !expected.some((start) => url.startsWith(start)));
      const reached = (attack.forbidden ?? []).reduce((sum, count) => sum + count(), 0);
      const hung = interruption.signal.aborted ? 1 : 0;
      tally.stored += kept;
      tally.opened += elsewhere.length + reached;
      tally.hung += hung;

      expect({
        exit: attacked.exit,
        stdout,
        kept,
        elsewhere,
        reached,
        hung,
        exchanges: service.tokenRequests().length,
        leaks: await leaks(attacked),
        obeyed: [stdout, stderr, ...attacked.pages].filter((text) => whatTerminalsObey.test(text)),
        errors: stderr.match(/^service-connection: error: .*$/gm)?.length,
      }).toEqual({
        exit: exitCodeOf[attack.ends],
        stdout: '',
        kept: 0,
        elsewhere: [],
        reached: 0,
        hung: 0,
        exchanges: attack.exchanges ?? 0,
        leaks: [],
        obeyed: [],
        errors: 1,
      });
      expect(stderr).toMatch(new RegExp(`^service-connection: error: [^]* \\[${attack.ends}\\]$`, 'm'));
      if (attack.said !== undefined) expect(stderr).toMatch(attack.said);
      for (const asked of consents) expectStrict(asked);
      for (const form of service.tokenRequests()) expect(form.get('code_verifier')).toMatch(/^[\w~.-]{43,128}$/);
      return attacked;
    },
  };
}

/** What makes a terminal or a reader see something else than is there: controls, and marks that turn text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
const whatTerminalsObey = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** What holds for every authorization request, whoever it is sent to. */
function expectStrict({ searchParams }: URL): void {
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_type: 'code',
    code_challenge_method: 'S256',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    state: expect.stringMatching(/^[\w-]{43,}$/),
    // One exact path on loopback, without a query that could send anybody on.
    redirect_uri: expect.stringMatching(/^http:\/\/(127\.0\.0\.1|localhost):\d+\/callback$/),
  });
  for (const name of ['state', 'redirect_uri', 'code_challenge', 'code_challenge_method', 'response_type'])
    expect(searchParams.getAll(name)).toHaveLength(1);
}

async function followed({ allow, send }: Consent): Promise<void> {
  await send((await allow()).search.slice(1));
}

function consentAt(begun: Begun, service: ScriptedService, pages: string[]): Consent {
  const { authorization: url, redirectUri: callback, state } = begun;
  const send: Consent['send'] = async (query, question = {}) => {
    const headers = { ...begun.headers, ...question.headers };
    const answered = await ask(`${callback}?${query}`, { ...question, headers });
    pages.push(answered.body, String(answered.headers['location'] ?? ''));
    // A browser that was sent on asks for the page, and gets it when the run has ended.
    if (answered.status === 303) {
      await ask(callback, { target: String(answered.headers['location']) }).then(
        ({ body }) => pages.push(body),
        () => {},
      );
    }
    return answered;
  };
  return {
    url,
    callback,
    state,
    send,
    allow: async () => new URL(String((await ask(url.href)).headers['location'])),
    deny: () => send(`${new URLSearchParams({ error: 'access_denied', state, iss: service.origin })}`),
  };
}

async function textsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
  );
}
