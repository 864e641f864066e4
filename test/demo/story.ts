/**
 * The story of the demo, line by line: the main job for two people, then what is refused. The facts of a step come from
 * the platform and the services; of the executables only the exit code is believed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLock } from '../../internal/skills/lock.ts';
import type { Forge } from '../sandbox/identity-provider.ts';
import { people } from '../sandbox/people.ts';
import type { Stage } from './stage.ts';
import type { Step } from './step.ts';
import { deployedOn, permissionsIn, sessionsOn, skillsOn, vaultsOn } from './witness.ts';

const lookUp = 'What is planned?\ncall notion notion-search {"query":"roadmap"}';
const write = 'Write it down.\ncall notion notion-create-pages {"pages":[{"title":"Roadmap"}]}';

/** A skill is pushed, the agents are put in force, Ada connects a service, her session uses it as her and as nobody else. */
export const mainJob: readonly Step[] = [
  {
    told: 'skill-sync pushes two skills',
    proof: 'the platform holds both, at the versions in the lock file',
    async act(stage) {
      const { exit } = await stage.at('ada').run('skill-sync');
      const locked = await lockedVersions(stage);
      return { exit, skills: Object.keys(locked), samePlatformVersions: same(await skillsOn(stage.platform), locked) };
    },
    expected: { exit: 0, skills: ['meeting-notes', 'support-triage'], samePlatformVersions: true },
  },
  {
    told: 'An operator runs setup-session agents apply',
    proof: 'the platform holds the agents, in a limited network',
    async act(stage) {
      const { exit } = await stage.at('grace').run('setup-session', 'agents', 'apply');
      return { exit, ...(await deployedOn(stage.platform)) };
    },
    expected: { exit: 0, agents: ['editor, version 1', 'support, version 1'], networks: ['limited'] },
  },
  {
    told: 'Ada runs service-connection notion',
    proof: 'one vault, hers, with one credential; no token can be read back',
    async act(stage) {
      const { exit } = await stage.at('ada').run('service-connection', 'notion');
      return { exit, vaults: await summaryOfVaults(stage) };
    },
    expected: { exit: 0, vaults: ['ada: 1 credential, 0 readable secrets'] },
  },
  {
    told: 'Ada runs setup-session and asks its agent',
    proof: "Notion's own log: one call, with Ada's account",
    async act(stage) {
      const before = stage.sandbox.services.notion.calls.length;
      const { exit } = await stage.at('ada').run('setup-session', '--agent', 'support', '--message', lookUp);
      return { exit, calls: notionCalls(stage, before) };
    },
    expected: { exit: 0, calls: ['notion-search by ada'] },
  },
  {
    told: 'Her session is hers alone',
    proof: 'the platform shows one vault, hers, and pinned versions',
    async act(stage) {
      const { 'support-triage': skill } = await lockedVersions(stage);
      const sessions = await sessionsOn(stage.platform);
      return {
        sessions: sessions.map(({ owner, vaults, agent }) => ({ owner, vaults, agent })),
        skillAsLocked: same(sessions.at(-1)?.skills, [skill]),
      };
    },
    expected: { sessions: [{ owner: 'ada', vaults: ['ada'], agent: 'support, version 1' }], skillAsLocked: true },
  },
];

/** Where the story of the main job could go wrong, and does not. */
export const refusals: readonly Step[] = [
  {
    told: 'Grace runs setup-session without a vault',
    proof: 'exit 4: no session, and no other vault was taken',
    async act(stage) {
      const { exit, stderr } = await stage.at('grace').run('setup-session', '--agent', 'support');
      return { exit, namesTheCommand: stderr.includes('service-connection'), ...(await counts(stage)) };
    },
    expected: { exit: 4, namesTheCommand: true, vaults: ['ada'], sessions: ['ada'] },
  },
  {
    told: "Ada's agent tries to write, but writes are off",
    proof: "the platform denied it; Notion's log shows no call",
    async act(stage) {
      const before = stage.sandbox.services.notion.calls.length;
      const { exit } = await stage.at('ada').run('setup-session', '--agent', 'support', '--message', write);
      const session = (await sessionsOn(stage.platform)).at(-1);
      const platform = await permissionsIn(stage.platform, session?.id ?? '');
      return { exit, platform, calls: notionCalls(stage, before) };
    },
    expected: { exit: 0, platform: ['notion-create-pages: deny'], calls: [] },
  },
  {
    told: 'Grace connects Notion and asks the same agent',
    proof: "two vaults, hers in her session; Notion's log names her",
    async act(stage) {
      const grace = stage.at('grace');
      const connected = await grace.run('service-connection', 'notion');
      const before = stage.sandbox.services.notion.calls.length;
      const { exit } = await grace.run('setup-session', '--agent', 'support', '--message', lookUp);
      const session = (await sessionsOn(stage.platform)).at(-1);
      return {
        exits: [connected.exit, exit],
        vaults: await summaryOfVaults(stage),
        session: [session?.owner, ...(session?.vaults ?? [])],
        calls: notionCalls(stage, before),
      };
    },
    expected: {
      exits: [0, 0],
      vaults: ['ada: 1 credential, 0 readable secrets', 'grace: 1 credential, 0 readable secrets'],
      session: ['grace', 'grace'],
      calls: ['notion-search by grace'],
    },
  },
  {
    told: "Another vault claims to be Ada's",
    proof: 'on a new machine exit 5: neither was chosen, no session',
    async act(stage) {
      const own = (await vaultsOn(stage.platform)).find(({ owner }) => owner === 'ada');
      const copy = { display_name: 'Connections of ada', metadata: own?.metadata ?? {} };
      const impostor = await stage.platform.beta.vaults.create(copy);
      const { exit } = await stage.at('ada', 'new-machine').run('setup-session', '--agent', 'support');
      const seen = await counts(stage);
      await stage.platform.beta.vaults.archive(impostor.id);
      return { exit, ...seen };
    },
    expected: { exit: 5, vaults: ['ada', 'ada', 'grace'], sessions: ['ada', 'ada', 'grace'] },
  },
  signInStep('A sign-in is answered as Ada, signed by a stranger', (forge) =>
    forge({ sub: people.ada.subject }, 'stranger'),
  ),
  signInStep("A sign-in is answered with another one's ID token", (forge) => forge({ nonce: 'another' })),
  signInStep('A sign-in is answered with an unsigned ID token', (forge) => forge({}, 'nobody')),
];

/** One process holds the key, and people do without it. */
const withoutKey: readonly Step[] = [
  {
    told: 'A console is started, which alone has the key',
    proof: 'it is ready, and its own log does not show the key',
    async act({ sandbox, serve }) {
      const console = await serve(['ada']);
      const ready = await fetch(`${console.origin}/health/ready`);
      return { ready: ready.status, showsKey: console.written().includes(sandbox.platform.apiKey) };
    },
    expected: { ready: 200, showsKey: false },
  },
  {
    told: 'Ada has no key and asks her agent',
    proof: "Notion's log: her account; the console's record: her name",
    async act(stage) {
      const before = stage.sandbox.services.notion.calls.length;
      const ada = stage.without('ada', 'without-a-key');
      const { exit } = await ada.run('setup-session', '--agent', 'support', '--message', lookUp);
      const session = (await sessionsOn(stage.platform)).at(-1);
      const record = await readFile(
        join(stage.sandbox.folder, 'console', 'state', 'record', 'record-000001.jsonl'),
        'utf8',
      );
      return {
        exit,
        session: [session?.owner, ...(session?.vaults ?? [])],
        calls: notionCalls(stage, before),
        recorded: [...new Set(record.match(/"subject":"[^"]+"/g))],
      };
    },
    expected: {
      exit: 0,
      session: ['ada', 'ada'],
      calls: ['notion-search by ada'],
      recorded: [`"subject":"${people.ada.subject}"`],
    },
  },
  {
    told: 'Grace is no user of the console',
    proof: 'exit 3: no session, and the platform was not asked',
    async act(stage) {
      const before = stage.sandbox.platform.control.log.count();
      const grace = stage.without('grace', 'grace-without-a-key');
      const { exit, stderr } = await grace.run('setup-session', '--agent', 'support');
      const requests = stage.sandbox.platform.control.log.count() - before;
      return { exit, namesTheRole: stderr.includes('no role "user"'), requests };
    },
    expected: { exit: 3, namesTheRole: true, requests: 0 },
  },
];

/** A sign-in of Grace that is answered with a forged ID token. */
function signInStep(told: string, idToken: (forge: Forge) => Promise<string>): Step {
  return {
    told,
    proof: 'exit 3: the platform was not asked for anything',
    async act({ sandbox, at }) {
      const { control } = sandbox.identityProvider;
      const before = sandbox.platform.control.log.count();
      let forged = 0;
      control.tamperTokenResponse(async (answer, forge) => {
        forged += 1;
        return { ...answer, id_token: await idToken(forge) };
      });
      const { exit } = await at('grace').run('setup-session', '--agent', 'support');
      control.behave();
      return { exit, forged, requests: sandbox.platform.control.log.count() - before };
    },
    expected: { exit: 3, forged: 1, requests: 0 },
  };
}

/** The whole story, in its parts. */
export const story: readonly { title: string; steps: readonly Step[] }[] = [
  { title: 'The main job', steps: mainJob },
  { title: 'What is refused, and who is not', steps: refusals },
  { title: 'A person without a key', steps: withoutKey },
];

async function lockedVersions({ sandbox }: Stage): Promise<Record<string, string>> {
  const text = await readFile(join(sandbox.folder, 'skills', 'skills.lock.json'), 'utf8').catch(() => '');
  const { skills } = parseLock(text);
  return Object.fromEntries([...skills].map(([name, { versionId }]) => [name, versionId]));
}

async function summaryOfVaults({ platform, sandbox }: Stage): Promise<string[]> {
  const secrets = sandbox.issuedSecrets();
  return (await vaultsOn(platform)).map(({ owner, credentials }) => {
    const readable = secrets.filter((secret) => JSON.stringify(credentials).includes(secret));
    return `${owner}: ${credentials.length} credential, ${readable.length} readable secrets`;
  });
}

async function counts({ platform }: Stage): Promise<{ vaults: string[]; sessions: string[] }> {
  const [vaults, sessions] = await Promise.all([vaultsOn(platform), sessionsOn(platform)]);
  return { vaults: vaults.map(({ owner }) => owner), sessions: sessions.map(({ owner }) => owner) };
}

function notionCalls({ sandbox }: Stage, from: number): string[] {
  return sandbox.services.notion.calls.slice(from).map(({ tool, account }) => `${tool} by ${account}`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
