/**
 * `kill -9` at every step of a command, then the same command again (P8): always exactly one active connection (none
 * after `disconnect`), no secret on disk at any time, no access at the service that nobody holds and nobody names, and no
 * change at the platform that the record of the machine did not have before (P7).
 */
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTrial } from '../../internal/connection/credential-rules.ts';
import { verifyRecord } from '../../internal/record/verify.ts';
import type { LiveGrant } from '../sandbox/authorization/store.ts';
import type { PersonName } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type Ended, type KilledRun, type Killing, seat } from '../support/killing.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';
import { filesIn, findLeaks } from './leaks.ts';

/** Who is killed side by side: one process each on a machine with two cores. */
const lanes: readonly PersonName[] = ['ada', 'grace'];

let built: BuiltCopy;
let sandbox: Sandbox;
let machines: readonly (readonly [PersonName, Killing])[];
beforeAll(async () => {
  built = await copyOfBuild();
  sandbox = await startSandbox();
  machines = await Promise.all(
    lanes.map(async (person) => [person, await seat(sandbox, built.locate, person)] as const),
  );
}, 240_000);
afterAll(async () => {
  for (const [, machine] of machines) machine.close();
  await sandbox.close();
  await built.remove();
});

/** One way through the command. */
interface Scenario {
  /** What is there before. */
  before: readonly (readonly string[])[];
  argv: readonly string[];
  /** Connections that there are in the end, and at least in between. */
  connections: { after: number; between: number };
  /** Steps of signing in at the identity provider are the same in all: they are killed in one. */
  signIn: boolean;
}

const notion = ['notion', '--json'];
const scenarios: Record<string, Scenario> = {
  'a first connection': { before: [], argv: notion, connections: { after: 1, between: 0 }, signIn: true },
  'a connection made again, in place': {
    before: [notion],
    argv: notion,
    connections: { after: 1, between: 1 },
    signIn: false,
  },
  'a connection made again with another client': {
    before: [notion],
    argv: [...notion, '--new-client'],
    // Between archive and create the person has none, which is said, and one again after the next run.
    connections: { after: 1, between: 0 },
    signIn: false,
  },
  'a connection that is taken out': {
    before: [notion],
    argv: ['disconnect', 'notion'],
    connections: { after: 0, between: 0 },
    signIn: false,
  },
};

/** Steps with which the first lines of a record are written. */
const someRecording = 24;

/** What one death led to. */
interface Row {
  step: string;
  /** Connections after the death and after the next run. */
  between: number;
  after: number;
  /** Access of the dead run that nobody holds in the end. */
  left: number;
  faults: string[];
}

// The run after is carried out in this process, with folders that are those of the executable on Linux.
describe.runIf(process.platform === 'linux').each(Object.entries(scenarios))('%s', (name, scenario) => {
  test('survives kill -9 at every step [b20] [c25] [P8]', { timeout: 400_000 }, async () => {
    const [first] = machines;
    if (first === undefined) throw new Error('nobody is seated');
    const alive = await begin(first, scenario, 0);
    const { steps } = alive;
    expect(steps.filter((step) => changes.test(step)).length).toBeGreaterThan(1);
    expect(await judgeRecord(first[1], alive)).toEqual([]);
    const from = scenario.signIn ? 1 : steps.findIndex((step) => step.includes(sandbox.platform.baseUrl)) + 1;
    // Each line of the record is written in one and the same way, which is killed in the first lines of a machine.
    const recording = steps.flatMap((step, index) => (/[/\\]record[/\\.]/.test(step) ? [index + 1] : []));
    const again = new Set(recording.slice(scenario.signIn ? someRecording : 0));
    const wanted = steps.map((_, index) => index + 1).filter((at) => at >= from && !again.has(at));
    expect(wanted.length).toBeGreaterThan(10);
    const rows = new Map<number, Row>();
    await Promise.all(
      machines.map(async (lane) => {
        for (let at = wanted.shift(); at !== undefined; at = wanted.shift()) {
          const row = await killOnce(lane, scenario, at);
          if (row !== undefined) rows.set(at, row);
        }
      }),
    );
    const inOrder = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
    print(name, inOrder);
    expect(inOrder.filter(({ faults }) => faults.length > 0)).toEqual([]);
  });
});

/** A new machine, the state before, and one run of the command. */
async function begin([person, machine]: readonly [PersonName, Killing], scenario: Scenario, at: number) {
  await machine.forget();
  for await (const vault of client().beta.vaults.list()) {
    if (isOf(person, vault.metadata)) await client().beta.vaults.delete(vault.id);
  }
  sandbox.services.notion.control.revokeGrants(person);
  for (const argv of scenario.before) expect(await machine.run(argv)).toMatchObject({ exit: 0 });
  const before = liveGrants(person).map(({ id }) => id);
  const held = new Set(await heldGrants(person));
  const announced = (await readRecord(machine)).intents;
  const run = await machine.kill(scenario.argv, at);
  return { ...run, before, held, announced };
}

/** How many changes of the platform a machine has announced in its record, and what is wrong with that. */
async function readRecord({ folder }: Killing): Promise<{ intents: number; faults: string[] }> {
  let intents = 0;
  const { findings } = await verifyRecord(join(folder, 'state', 'record'), ({ entry }) => {
    if (entry.kind === 'intent' && entry.platform !== undefined) intents += 1;
  });
  const faults = findings.filter(({ severity }) => severity === 'fault');
  return { intents, faults: faults.map(({ file, line, what }) => `record: ${file}, line ${line}: ${what}`) };
}

/** Each change of the platform that was about to be sent is in the record, and the record is whole. */
async function judgeRecord(machine: Killing, { steps, announced }: KilledRun & { announced: number }) {
  const { intents, faults } = await readRecord(machine);
  const sent = steps.filter((step) => changes.test(step) && step.includes(sandbox.platform.baseUrl)).length;
  return [...faults, ...(sent > intents - announced ? [`${sent} changes, ${intents - announced} announced`] : [])];
}

/** A change that is about to be sent; asking whether a connection works is none. */
const changes = /^(?:POST|DELETE) (?!.*_validate: ).*: before$/;

async function killOnce(
  lane: readonly [PersonName, Killing],
  scenario: Scenario,
  at: number,
): Promise<Row | undefined> {
  const [person, machine] = lane;
  const secretsBefore = sandbox.issuedSecrets().length;
  const killed = await begin(lane, scenario, at);
  // Steps that wait for each other outside the process may come in another order, and then there is one less.
  if (killed.exit !== undefined) return killed.steps.length < at ? undefined : row(killed, 'it was not killed');
  const faults = await judgeRecord(machine, killed);
  const between = await activeConnections(person, 'apart from a trial');
  const leaks = async () =>
    findLeaks(sandbox.issuedSecrets().slice(secretsBefore), await filesIn(machine.folder)).map(
      (leak) => `leak: ${leak}`,
    );
  faults.push(...(await leaks()));
  if (between.length > 1) faults.push('two connections after the death');
  const lost = scenario.before.length > 0 && scenario.connections.after > 0 && between.length === 0;
  if (between.length < scenario.connections.between) faults.push('the connection was lost');
  if (lost) faults.push(...(await judgeLoss(machine)));
  const heldBetween = await heldGrants(person);

  const again = await machine.run(scenario.argv);
  faults.push(...(await readRecord(machine)).faults);
  const after = await activeConnections(person);
  faults.push(...(await leaks()));
  if (again.exit !== 0) faults.push(`the next run ended with ${again.exit}: ${again.stderr}`);
  if (after.length !== scenario.connections.after) faults.push(`${after.length} connections in the end`);
  const held = await heldGrants(person);
  if (held.length !== after.length) faults.push('the connection in the vault is dead');
  const left = liveGrants(person).filter(({ id }) => !held.includes(id));
  faults.push(
    ...judgeLeft({ left, killed, again, heldBetween, held: liveGrants(person).filter(({ id }) => held.includes(id)) }),
  );
  if ((await filesIn(machine.folder)).some(({ where }) => where.includes('connecting'))) {
    faults.push('a journal or lock is left in the end');
  }
  return { step: stepOf(killed), between: between.length, after: after.length, left: left.length, faults };
}

function row(killed: KilledRun, fault: string): Row {
  return { step: stepOf(killed), between: 0, after: 0, left: 0, faults: [fault, killed.stderr] };
}

/** Between archive and create the person has no connection: every command says so, and why. */
async function judgeLoss(machine: Killing): Promise<string[]> {
  const listed = await machine.run(['list', '--json']);
  const { services } = JSON.parse(listed.stdout) as { services: Record<string, string>[] };
  const { status, reason } = services.find(({ service }) => service === 'notion') ?? {};
  const checked = await machine.run(['check']);
  return [
    ...(status === 'needs-reconnect' && /nothing is connected now/.test(reason ?? '') ? [] : [`list says ${status}`]),
    ...(checked.exit === 4 && /nothing is connected now/.test(checked.stderr)
      ? []
      : [`check ended with ${checked.exit}`]),
  ];
}

/**
 * Access that nobody holds has to be named to the person. What was in the vault at some time and is of the very client
 * that is in use now is one entry with it in the service's list of connected apps.
 */
function judgeLeft(end: {
  left: readonly LiveGrant[];
  killed: KilledRun & { held: ReadonlySet<string> };
  again: Ended;
  heldBetween: readonly string[];
  held: readonly LiveGrant[];
}): string[] {
  const { left, killed, again, heldBetween, held } = end;
  const wasHeld = (id: string) => killed.held.has(id) || heldBetween.includes(id);
  const unnamed = left.filter(
    ({ id, clientId }) => !(wasHeld(id) && held.some((grant) => grant.clientId === clientId)),
  );
  const words = `${killed.stdout}${again.stdout}${again.stderr}`;
  const named = /may still list the access|could not be revoked from here/.test(words);
  return unnamed.length > 0 && !named ? [`${unnamed.length} grants that nobody names: ${again.stderr}`] : [];
}

const client = () =>
  new Anthropic({ apiKey: sandbox.platform.apiKey, baseURL: sandbox.platform.baseUrl, maxRetries: 0 });

function isOf(person: PersonName, metadata: Readonly<Record<string, string>>): boolean {
  return Object.values(metadata).includes(sandbox.people[person].subject);
}

/** What is active in the vaults of a person. In the end nothing that was made for a trial may be there either. */
async function activeConnections(person: PersonName, which: 'all' | 'apart from a trial' = 'all'): Promise<string[]> {
  const found: string[] = [];
  for await (const vault of client().beta.vaults.list()) {
    if (!isOf(person, vault.metadata)) continue;
    for await (const { id, auth } of client().beta.vaults.credentials.list(vault.id)) {
      const trial = 'mcp_server_url' in auth && isTrial(auth.mcp_server_url);
      if (which === 'all' || !trial) found.push(id);
    }
  }
  return found;
}

function liveGrants(person: PersonName): readonly LiveGrant[] {
  return sandbox.services.notion.control.liveGrants(person);
}

/** The grants whose refresh token is in the vault. */
async function heldGrants(person: PersonName): Promise<string[]> {
  const tokens = (await activeConnections(person)).map(
    (id) => sandbox.platform.control.peek.secrets(id)?.refresh_token,
  );
  return liveGrants(person)
    .filter(({ refreshTokens }) => refreshTokens.some((token) => tokens.includes(token)))
    .map(({ id }) => id);
}

/** The step of a death in words that are the same in every run. */
function stepOf({ steps }: KilledRun): string {
  const { platform, identityProvider, services } = sandbox;
  let step = steps.at(-1) ?? 'before anything';
  for (const [address, name] of [
    [platform.baseUrl, 'platform'],
    [identityProvider.issuer, 'identity provider'],
    [services.notion.issuer, 'notion'],
  ] as const) {
    step = step.replace(address, `${name} `);
  }
  return step
    .replace(/\b(vlt|vcrd)_\w+/g, ':$1')
    .replace(/\/\S*\/(cache|state)\//, '$1: ')
    .replace(/[0-9a-f]{64}/, '…')
    .replace(/\/(start|done)\/[\w-]+/, '/$1/…')
    .replace(/\.[0-9a-f-]{36}/g, '.…');
}

/** One line for each thing that was done, with what each of its steps led to. */
function print(name: string, rows: readonly Row[]): void {
  const lines: { what: string; outcomes: string[] }[] = [];
  for (const { step, between, after, left, faults } of rows) {
    const [, what = step, when = ''] = /^(.*?): (\w+)$/.exec(step) ?? [];
    const outcome = `${when} ${between}>${after}${left > 0 ? ` (${left} left)` : ''}${faults.length > 0 ? ' WRONG' : ''}`;
    const last = lines.at(-1);
    if (last?.what === what) last.outcomes.push(outcome);
    else lines.push({ what, outcomes: [outcome] });
  }
  const width = Math.max(...lines.map(({ what }) => what.length));
  const table = lines.map(({ what, outcomes }) => `  ${what.padEnd(width)}  ${outcomes.join(', ')}`);
  process.stdout.write(
    [
      `${name}: killed at ${rows.length} steps (connections after the death > after the next run; access left at the service and named)`,
      ...table,
      '',
    ].join('\n'),
  );
}
