/** The first pages of a console: their time at the server, with the data of many people, in quiet and beside a crowd that connects and starts sessions. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { recordIn } from '../../internal/record/log.ts';
import { builtIn } from '../demo/executables.ts';
import { type PersonName, people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { runCommand } from '../support/command.ts';
import { freePort, nameConsole, withoutKey } from '../support/console.ts';
import { browserAt, type ConsoleBrowser } from '../support/console-browser.ts';
import { admitCrowd, crowdOf, letAct } from '../support/crowd.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** What is measured: whatever somebody comes to first. */
const firstPages = ['/connections', '/agents', '/catalogue', '/sessions', '/approvals', '/audit', '/people'];

/** The times of one page at the server, in milliseconds. */
export interface PageTimes {
  path: string;
  p50: number;
  p99: number;
}

/** How many people the platform and the record have, how often each page is asked for, and how many come meanwhile. */
export interface PagesSize {
  people: number;
  looks: number;
  crowd: number;
  atOnce: number;
}

/** Measures them at one built console, first alone and then beside a crowd. */
export async function measurePages(
  dist: string,
  size: PagesSize,
): Promise<{ quiet: PageTimes[]; crowded: PageTimes[] }> {
  const sandbox = await startSandbox();
  let serving: Serving | undefined;
  try {
    sandbox.platform.control.seedVaults(size.people, {
      displayName: (index) => `person-${index}@example.test`,
      metadata: (index) => ({
        mai_owner_kind: 'sso',
        mai_owner_issuer: sandbox.identityProvider.issuer,
        mai_owner_subject: `seeded-${index}`,
      }),
    });
    const [port, data] = [await freePort(), await mkdtemp(join(sandbox.folder, 'console-'))];
    const origin = `http://127.0.0.1:${port}`;
    await nameConsole(sandbox, origin, (content) => {
      const everybody = { groups: ['support'], principals: [people.ada.subject] };
      admitCrowd(content);
      for (const role of ['user', 'approver', 'auditor']) content.people.roles[role] = everybody;
      content.people.operators = { groups: [], principals: [people.ada.subject] };
    });
    await did(sandbox, setupSession, ['agents', 'apply'], sandbox.environment);
    await fillRecord(sandbox, join(data, 'state', 'record'), size.people);
    serving = await startServing(sandbox, builtIn(dist), { port, data });
    for (const service of ['notion', 'linear']) await did(sandbox, serviceConnection, [service], withoutKey(sandbox));
    const browser = await browserAt(origin, 'ada');
    const quiet = await timesOf(serving, browser, size.looks);
    const members = await crowdOf(sandbox, size.crowd);
    const acting = letAct(sandbox, members, { environment: withoutKey(sandbox), atOnce: size.atOnce });
    const [crowded] = await Promise.all([timesOf(serving, browser, size.looks), acting]);
    return { quiet, crowded };
  } finally {
    await serving?.end('SIGTERM');
    await sandbox.close();
  }
}

async function did(
  sandbox: Sandbox,
  executable: Parameters<typeof runCommand>[0],
  argv: string[],
  environment: Readonly<Record<string, string>>,
  person: PersonName = 'ada',
): Promise<void> {
  const folder = await mkdtemp(join(sandbox.folder, 'machine-'));
  const { exit, stderr } = await runCommand(executable, argv, { person, environment, folder });
  if (exit !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
}

/** Ten acts of everybody, as a console writes them. */
async function fillRecord(sandbox: Sandbox, folder: string, count: number): Promise<void> {
  const record = recordIn({ folder });
  const issuer = sandbox.identityProvider.issuer;
  for (let index = 0; index < count; index += 1) {
    const subject = index % 20 === 0 ? people.ada.subject : `seeded-${index}`;
    const actor = { kind: 'person', proof: 'sso', issuer, subject, label: `person-${index}@example.test` } as const;
    const acts = Array.from({ length: 10 }, async (_, each) => {
      const id = `act-${index}-${each}`;
      const target = { kind: 'session', id: `sesn_${index}_${each}`, label: 'support' } as const;
      const platform = sandbox.platform.baseUrl;
      await record.append({ kind: 'intent', id, act: 'session.archive', target, actor, platform });
      await record.append({ kind: 'outcome', id, outcome: 'success', attempts: 1 });
    });
    await Promise.all(acts);
  }
}

async function timesOf(serving: Serving, browser: ConsoleBrowser, looks: number): Promise<PageTimes[]> {
  for (const path of firstPages) await good(browser, path);
  const before = serving.journal().length;
  for (let look = 0; look < looks; look += 1) {
    for (const path of firstPages) await good(browser, path);
  }
  const lines = serving
    .journal()
    .slice(before)
    .split('\n')
    .flatMap((line) =>
      line.endsWith('}') ? [JSON.parse(line) as { route?: string; status?: number; ms?: number }] : [],
    );
  return firstPages.map((path) => {
    const times = lines
      .flatMap(({ route, status, ms }) => (route === path && status === 200 && ms !== undefined ? [ms] : []))
      .sort((one, other) => one - other);
    const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN;
    return { path, p50: at(0.5), p99: at(0.99) };
  });
}

async function good(browser: ConsoleBrowser, path: string): Promise<void> {
  const { status, body } = await browser.get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${body.slice(0, 200)}`);
}
