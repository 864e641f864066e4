/** `npm run bench`: ratios against a bare Node process timed in the same run. It measures and never fails a test run. */
import { chownSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../../internal/cli/version.ts';
import { tableText } from '../../internal/text/table.ts';
import { withoutPostgres } from '../support/postgres-server.ts';
import { missingSecretService } from '../support/secret-service.ts';
import { measureAttach, measureTurnEnds } from './attach.ts';
import { type CrowdFigures, measureCrowd } from './crowd.ts';
import { buildOf } from './earlier-build.ts';
import { measureGuard } from './guard.ts';
import { measureHashing } from './hashing.ts';
import { measureHeaders } from './headers.ts';
import { bareNode, compare, median, type Subject } from './measure.ts';
import { measureOffboarding } from './offboard.ts';
import { measurePages, type PageTimes } from './pages.ts';
import { comparePeerConnect, comparePeerStarts, installPeers } from './peers.ts';
import { startBenchProject } from './project.ts';
import { measurePull } from './pull.ts';
import { measureRecord } from './record.ts';
import { measureProcesses } from './record-processes.ts';
import { measureRemote } from './remote.ts';
import { sequentialRoundTrips } from './round-trips.ts';
import { measureSessionTokens } from './session-tokens.ts';
import { measureChanged, measureUnchanged } from './skills.ts';
import { compareBuilds, compareValidity } from './thousand-skills.ts';
import { type ListSize, listCommands, startListProject } from './tool-lists.ts';
import { measureVerdicts } from './verdicts.ts';
import { compareWarmCommands } from './warm-commands.ts';
import { measureWrappedCalls } from './wrap.ts';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const startRuns = 20;
const warmRuns = 10;
const coldRuns = 3;
const latencyMs = 50;
/** Before folders of skills were read and searched at once, and patterns left out that cannot match. */
const earlierCommit = '80dd713';

type Row = [what: string, measured: string, target: string, met: 'yes' | 'NO'];

const rows: Row[] = [];

/** The peak memory of a cold run with the fewest vaults, which the others are compared with. */
let coldWithFewMiB: number | undefined;

// `npm run bench -- crowd [people]`: that alone, which takes longer than all the others; `-- remote`, `-- pages`, `-- wrap`,
// `-- verify`: that alone.
const [what, people = '2000'] = process.argv.slice(2);
if (what === 'crowd') rows.push(...(await crowdRows(Number(people))));
else if (what === 'remote') rows.push(...(await remoteRows()));
else if (what === 'pages') rows.push(...(await pageRows()));
else if (what === 'wrap') rows.push(...(await wrapRows()));
else if (what === 'verify') rows.push(...(await sessionTokenRows()));
else await everything();
process.stdout.write(`${tableText({ heading: ['what', 'measured', 'target', 'met'], rows })}\n`);

async function everything(): Promise<void> {
  for (const name of ['service-connection', 'setup-session', 'skill-sync']) {
    for (const flag of ['--version', '--help']) rows.push(await startRow(name, flag));
  }
  for (const vaults of [10, 1_000, 10_000]) rows.push(...(await sessionRows(vaults)));
  rows.push(await turnEndRow(), ...(await attachRows()));
  rows.push(await offboardRow(), ...(await headersRows()));
  rows.push(await guardRow());
  rows.push(verdictRow());
  rows.push(...(await toolListRows()));
  rows.push(...(await recordRows()), await recordProcessesRow(), ...(await recordedSessionRow()), await pullRow());
  rows.push(...(await sessionTokenRows()));
  rows.push(...(await wrapRows()), ...(await remoteRows()));
  rows.push(...(await crowdRows(200)), ...(await pageRows()));
  rows.push(...(await unchangedSkillsRows()), ...(await changedSkillsRows()), await hashingRow());
  rows.push(...(await thousandSkillsRows()), ...(await validityRows()));
  if (process.argv.includes('--peers')) rows.push(...(await peerRows()));
}

/** Beside public tools, which have to be installed first. */
async function peerRows(): Promise<Row[]> {
  progress('public tools');
  const peers = await installPeers();
  const project = await startBenchProject(dist, 10);
  try {
    const { ours, ...others } = await comparePeerStarts(peers, join(dist, 'service-connection.js'), startRuns);
    const connecting = await comparePeerConnect(peers, project, warmRuns);
    const ratio = connecting.ours / connecting.theirs;
    return [
      ...Object.entries(others).map(([name, ms]): Row => {
        const start = (ours ?? Number.NaN) / ms;
        return [`start: --help beside ${name}`, `${start.toFixed(2)} ×`, '< 1 × its start', met(start < 1)];
      }),
      [
        'connecting Notion beside mcp-remote: own CPU time',
        `${ratio.toFixed(2)} × (${connecting.ours.toFixed(0)} / ${connecting.theirs.toFixed(0)} ms)`,
        '≤ 0.4 × mcp-remote',
        met(ratio <= 0.4),
      ],
    ];
  } finally {
    await Promise.all([peers.close(), project.close()]);
  }
}

async function startRow(name: string, flag: string): Promise<Row> {
  progress(`${name} ${flag}`);
  const subject: Subject = {
    words: [join(dist, `${name}.js`), flag],
    check(stdout) {
      const expected = flag === '--version' ? `${version}\n` : `Usage: ${name} `;
      if (!stdout.startsWith(expected))
        throw new Error(`${name} ${flag} printed ${JSON.stringify(stdout.slice(0, 80))}`);
    },
  };
  const { subject: own, baseline } = await compare(subject, bareNode, startRuns);
  const ratio = own.wallMs / baseline.wallMs;
  return [
    `start: ${name} ${flag}`,
    `${ratio.toFixed(2)} × (${own.wallMs.toFixed(0)} / ${baseline.wallMs.toFixed(0)} ms)`,
    '≤ 1.2 × bare node',
    met(ratio <= 1.2),
  ];
}

async function sessionRows(vaults: number): Promise<Row[]> {
  progress(`setup-session with ${vaults} vaults`);
  const project = await startBenchProject(dist, vaults);
  const { control } = project.sandbox.platform;
  try {
    const subject: Subject = {
      words: [join(project.dist, 'setup-session.js'), '--agent', 'support', '--json', '--quiet'],
      environment: project.environment,
      uid: project.uid,
      cwd: join(project.dist, '..'),
      check(stdout) {
        const { vault_id: vaultId } = JSON.parse(stdout) as { vault_id: string };
        if (vaultId !== project.vaultId) throw new Error(`the session has the vault ${vaultId}`);
      },
    };
    // The first run finds the vault and remembers it.
    const cold = { lists: 0 };
    await compare(subject, bareNode, 0, () => control.log.reset());
    cold.lists = control.log.count(({ method, path }) => method === 'GET' && path === '/v1/vaults');

    const forgetful: Subject = { ...subject, words: [...subject.words, '--dry-run'] };
    const vaultMemory = join(project.environment['XDG_CACHE_HOME'] ?? '', 'managed-agents-interface', 'vaults');
    const forgotten = await compare(forgetful, bareNode, coldRuns, () => {
      rmSync(vaultMemory, { recursive: true });
      control.log.reset();
    });
    const again = control.log.count(({ method, path }) => method === 'GET' && path === '/v1/vaults');
    if (again !== cold.lists) throw new Error(`a run without memory sent ${again} list requests`);
    coldWithFewMiB ??= forgotten.subject.peakMiB;
    const growth = forgotten.subject.peakMiB / coldWithFewMiB;

    control.latencyMs = latencyMs;
    const trips: number[] = [];
    const collect = () => {
      if (control.log.entries.length > 0) trips.push(sequentialRoundTrips(control.log.entries));
      control.log.reset();
    };
    collect();
    trips.length = 0;
    const { subject: own, baseline } = await compare(subject, bareNode, warmRuns, collect);
    collect();
    const worst = Math.max(...trips);
    const cpu = own.cpuMs / baseline.cpuMs;
    const memory = own.peakMiB / baseline.peakMiB;
    const pages = Math.ceil(vaults / 100);
    const what = `${vaults} vaults`;
    return [
      [
        `resolution without a cached id, ${what}`,
        `${cold.lists} list requests`,
        `≤ ${pages}`,
        met(cold.lists <= pages),
      ],
      [
        `resolution without a cached id, ${what}: peak memory`,
        `${growth.toFixed(2)} × that with 10 (${forgotten.subject.peakMiB.toFixed(0)} MiB)`,
        '≤ 1.2 ×',
        met(growth <= 1.2),
      ],
      [
        `setup-session warm, ${what}: round trips`,
        `${worst} sequential (worst of ${trips.length})`,
        '2',
        met(worst === 2),
      ],
      [
        `setup-session warm, ${what}: own CPU`,
        `${cpu.toFixed(2)} × (${own.cpuMs.toFixed(0)} / ${baseline.cpuMs.toFixed(0)} ms)`,
        '≤ 2.5 × bare node',
        met(cpu <= 2.5),
      ],
      [
        `setup-session warm, ${what}: peak memory`,
        `${memory.toFixed(2)} × (${own.peakMiB.toFixed(0)} / ${baseline.peakMiB.toFixed(0)} MiB)`,
        '≤ 2 × bare node',
        met(memory <= 2),
      ],
      [
        `setup-session warm, ${what}: wall, ${latencyMs} ms latency`,
        `${own.wallMs.toFixed(0)} ms (bare node ${baseline.wallMs.toFixed(0)} ms)`,
        '-',
        'yes',
      ],
    ];
  } finally {
    await project.close();
  }
}

async function turnEndRow(): Promise<Row> {
  progress('the end of a turn');
  const ends = await measureTurnEnds(dist, warmRuns);
  return [
    "a turn: from the platform's last event to the exit",
    `${median(ends).toFixed(0)} ms (worst of ${ends.length}: ${Math.max(...ends).toFixed(0)} ms)`,
    '≤ 50 ms',
    met(median(ends) <= 50),
  ];
}

async function attachRows(): Promise<Row[]> {
  const size = { events: 10_000, runs: 5 };
  progress(`attach to a session of ${size.events} events`);
  const { subject: own, baseline, historyBytes, answerBytes } = await measureAttach(dist, size);
  const what = `attach, ${size.events} events of ${(historyBytes / 1e6).toFixed(1)} MB`;
  const above = (bytes: number) => (own.peakMiB - bytes / 2 ** 20) / baseline.peakMiB;
  return [
    [
      `${what}: wall`,
      `${own.wallMs.toFixed(0)} ms (bare node ${baseline.wallMs.toFixed(0)} ms)`,
      '≤ 2 s',
      met(own.wallMs <= 2000),
    ],
    [
      `${what}: peak memory above that text`,
      `${above(historyBytes).toFixed(2)} × (${own.peakMiB.toFixed(0)} / ${baseline.peakMiB.toFixed(0)} MiB; above its answer alone ${above(answerBytes).toFixed(2)} ×)`,
      '≤ 1.6 × bare node',
      met(above(historyBytes) <= 1.6),
    ],
  ];
}

async function offboardRow(): Promise<Row> {
  const size = { connections: 20, sessions: 10, latencyMs, runs: 5 };
  progress(`off-boarding with ${size.connections} connections and ${size.sessions} running sessions`);
  const { seconds, requests, roundTrips } = await measureOffboarding(dist, size);
  return [
    `off-boarding, ${size.connections} connections, ${size.sessions} running sessions, ${latencyMs} ms latency`,
    `${median(seconds).toFixed(2)} s, ${median(requests)} requests, ${median(roundTrips)} one after another`,
    '-',
    'yes',
  ];
}

async function headersRows(): Promise<Row[]> {
  const missing = missingSecretService();
  if (missing !== false) {
    progress(`left out: headers of a local agent: ${missing.reason}`);
    return [];
  }
  progress('service-connection headers, warm');
  const { subject: own, baseline } = await measureHeaders(dist, 2 * warmRuns);
  const ratio = own.cpuMs / baseline.cpuMs;
  return [
    [
      'service-connection headers warm: own CPU',
      `${ratio.toFixed(2)} × (${own.cpuMs.toFixed(0)} / ${baseline.cpuMs.toFixed(0)} ms; the keychain's processes ${own.childrenMs.toFixed(0)} ms)`,
      '≤ 3 × bare node',
      met(ratio <= 3),
    ],
    [
      'service-connection headers warm: wall, p50',
      `${own.wallMs.toFixed(0)} ms (bare node ${baseline.wallMs.toFixed(0)} ms)`,
      '-',
      'yes',
    ],
  ];
}

async function guardRow(): Promise<Row> {
  const size = { sessions: 50, asks: 20 };
  const all = (size.sessions * size.asks).toLocaleString('en');
  progress(`a guard and ${all} calls of ${size.sessions} sessions`);
  const { seconds, perSecond, half, most } = await measureGuard(dist, size);
  return [
    `setup-session guard: ${all} calls of ${size.sessions} sessions, one quota, each answered once`,
    `${seconds.toFixed(1)} s (half by ${half.toFixed(1)} s, 95 of 100 by ${most.toFixed(1)} s), ${perSecond.toFixed(1)} calls/s`,
    '≥ 10 calls/s',
    met(perSecond >= 10),
  ];
}

async function remoteRows(): Promise<Row[]> {
  progress('setup-session without a key, at a console');
  const { subject, baseline, requests, connections } = await measureRemote(dist, warmRuns);
  const cpu = subject.cpuMs / baseline.cpuMs;
  return [
    [
      'setup-session at a console: own CPU',
      `${cpu.toFixed(2)} × (${subject.cpuMs.toFixed(0)} / ${baseline.cpuMs.toFixed(0)} ms)`,
      '≤ 3 × bare node',
      met(cpu <= 3),
    ],
    [
      'setup-session at a console: round trips to it',
      `${requests}, on ${connections} connection${connections === 1 ? '' : 's'}`,
      '2',
      met(requests === 2),
    ],
  ];
}

async function crowdRows(people: number): Promise<Row[]> {
  const size = { people, atOnce: 16, alone: 50 };
  if (withoutPostgres) return [];
  progress(`${people.toLocaleString('en')} people without a console, and at three replicas of one`);
  const { withKey, replicas, folder } = await measureCrowd(dist, size);
  const ratio = replicas.perSecond / withKey.perSecond;
  const added = replicas.alone - withKey.alone;
  const words = ({ perSecond, p50, p99, alone: median, again }: CrowdFigures) =>
    `${perSecond.toFixed(1)} people/s, session start p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, alone ${median.toFixed(0)} ms, ${again} run again`;
  const many = (count: number) =>
    `${count.toLocaleString('en')} people who connect and start a session, ${size.atOnce} at once`;
  const lost = ({ faults }: CrowdFigures) =>
    `${faults.length} mixed up or lost${faults.length > 0 ? `: ${faults.slice(0, 3).join('; ')}` : ''}`;
  return [
    [`${many(people)}, with the key`, words(withKey), '-', met(withKey.faults.length === 0)],
    [
      `${many(people)}: three replicas, one killed, the database started again`,
      `${ratio.toFixed(2)} × with the key (${words(replicas)})`,
      '≥ 0.7 ×',
      met(ratio >= 0.7),
    ],
    ['the same: who has what is another’s, or has lost it', lost(replicas), '0', met(replicas.faults.length === 0)],
    ['the same: what a console adds to a session start', `${added.toFixed(0)} ms`, '≤ 15 ms', met(added <= 15)],
    [
      'the same: peak memory of a replica',
      `${replicas.peakMiB.toFixed(0)} MiB`,
      '≤ 250 MiB',
      met(replicas.peakMiB <= 250),
    ],
    [
      `${many(folder.people)}: one console with a folder, killed on the way`,
      `${words(folder)}, ${folder.peakMiB.toFixed(0)} MiB; ${lost(folder)}`,
      '0 lost',
      met(folder.faults.length === 0),
    ],
  ];
}

async function pageRows(): Promise<Row[]> {
  const size = { people: 2_000, looks: 25, crowd: 50, atOnce: 8 };
  progress(`first pages of a console with ${size.people.toLocaleString('en')} people`);
  const { quiet, crowded } = await measurePages(dist, size);
  const many = `${size.people.toLocaleString('en')} people and ${(10 * size.people).toLocaleString('en')} acts`;
  const words = (times: PageTimes | undefined) => `p50 ${times?.p50} ms, p99 ${times?.p99} ms`;
  return quiet.map((times, at) => [
    `${times.path} of a console at the server, ${many}`,
    `${words(times)}; beside ${size.crowd} people who connect and start a session, ${size.atOnce} at once: ${words(crowded[at])}`,
    '≤ 50 ms (p50, quiet)',
    met(times.p50 <= 50),
  ]);
}

async function sessionTokenRows(): Promise<Row[]> {
  progress('session tokens verified');
  const { bare, session, bareAgent, agent } = await measureSessionTokens({ rounds: 21, count: 500 });
  const row = (what: string, rate: number, base: number, least: number): Row => [
    what,
    `${(rate / base).toFixed(2)} × jwtVerify of jose (${Math.round(rate).toLocaleString('en')} tokens/s)`,
    `≥ ${least} ×`,
    met(rate >= least * base),
  ];
  const { size } = statSync(join(dist, 'verify', 'index.js'));
  return [
    row('verify: a token of the platform', agent, bareAgent, 0.9),
    row('verify: a session token with its status list', session, bare, 0.85),
    [
      'verify: the entry that servers import',
      `${(size / 1024).toFixed(1)} KiB with jose`,
      '≤ 64 KiB',
      met(size <= 64 * 1024),
    ],
  ];
}

async function wrapRows(): Promise<Row[]> {
  progress('calls of a wrapped server');
  const { bare, http, disk, reads, changes } = await measureWrappedCalls(dist, { rounds: 10, count: 300 });
  const row = (what: string, ms: number, least: string): Row => [
    what,
    `${(ms - bare).toFixed(2)} ms more (${ms.toFixed(2)} / ${bare.toFixed(2)} ms; ${least})`,
    '≤ 1.5 ms more',
    met(ms - bare <= 1.5),
  ];
  const more = (ms: number) => `${(ms - bare).toFixed(2)} ms more`;
  return [
    row('wrap: a call of a tool that only reads, p50', reads, `bare HTTP alone: ${more(http)}`),
    row(
      'wrap: a call of any other tool, p50',
      changes,
      `bare HTTP and a line on the disk first: ${more(disk)}, of which the disk is ${(disk - http).toFixed(2)} ms`,
    ),
  ];
}

/** Above a list of one tool: processor time by the number of tools, and memory by the length of the list. */
async function toolListRows(): Promise<Row[]> {
  progress('tool lists of up to 800 tools, and of 8 MiB');
  const few: ListSize = { tools: 1, bytes: 1_000 };
  const sizes = [100, 200, 400, 800].map((tools): ListSize => ({ tools, bytes: 4_000 }));
  const longest: ListSize = { tools: 400, bytes: 20_000 };
  const project = await startListProject(dist, [few, ...sizes, longest]);
  try {
    const found: Row[] = [];
    for (const command of listCommands) {
      const took: number[] = [];
      for (const size of [few, ...sizes]) {
        if (command === 'diff' || command === 'review') await project.run('refresh', size);
        took.push((await project.run(command, size)).cpuMs);
      }
      const [base = 0, ...own] = took;
      const [, twoHundred = 0, fourHundred = 0, eightHundred = 0] = own.map((each) => each - base);
      found.push([
        `tools ${command}: 100, 200, 400, 800 tools, above one tool`,
        `${own.map((each) => (each - base).toFixed(0)).join(', ')} ms of processor time`,
        '≤ 1 s for 400, linear',
        met(fourHundred <= 1_000 && eightHundred <= 8 * twoHundred),
      ]);
    }
    const base = await project.run('refresh', few);
    const ratio = ((await project.run('refresh', longest)).peakMiB - base.peakMiB) / (project.bytes(longest) / 2 ** 20);
    found.push(['tools refresh: memory of a list of 8 MiB', `${ratio.toFixed(1)} × the list`, '≤ 3', met(ratio <= 3)]);
    return found;
  } finally {
    await project.close();
  }
}

async function recordRows(): Promise<Row[]> {
  progress('the record: written by one, by 64, and verified');
  const { bare, one, many, together, verified, plain } = await measureRecord({
    rounds: 5,
    lines: 500,
    verified: 100_000,
  });
  const perSecond = (rate: number) => Math.round(rate).toLocaleString('en');
  return [
    [
      'record: one writer',
      `${(one / bare).toFixed(2)} × a loop of write and fdatasync (${perSecond(one)} / ${perSecond(bare)} lines/s)`,
      '≥ 0.8 ×',
      met(one >= 0.8 * bare),
    ],
    [
      'record: 64 writers beside each other',
      `${(many / one).toFixed(1)} × one (${perSecond(many)} lines/s; 64 lines that are there, in one write: ${(together / bare).toFixed(1)} × a loop of one)`,
      '≥ 30 ×',
      met(many >= 30 * one),
    ],
    [
      'record: audit verify',
      `${perSecond(verified)} lines/s, ${(verified / plain).toFixed(2)} × SHA-256 and JSON.parse of the same (${perSecond(plain)})`,
      '≥ 200,000 lines/s or ≥ 0.5 ×',
      met(verified >= 200_000 || verified >= 0.5 * plain),
    ],
  ];
}

async function recordProcessesRow(): Promise<Row> {
  progress('the record: written by 64 processes');
  const { one, many } = await measureProcesses({ processes: 64, rounds: 3, lines: 100 });
  const perSecond = (rate: number) => Math.round(rate).toLocaleString('en');
  return [
    'record: 64 processes beside each other',
    `${(many / one).toFixed(1)} × one process (${perSecond(many)} / ${perSecond(one)} lines/s)`,
    '≥ 0.5 ×',
    met(many >= 0.5 * one),
  ];
}

async function pullRow(): Promise<Row> {
  const events = 10_000;
  progress(`audit pull of ${events.toLocaleString('en')} events`);
  const { seconds, again, peakMiB } = await measurePull(dist, events);
  const perSecond = Math.round(events / seconds).toLocaleString('en');
  return [
    `setup-session audit pull: ${events.toLocaleString('en')} events of one session`,
    `${seconds.toFixed(1)} s (${perSecond} events/s), ${peakMiB.toFixed(0)} MiB; again ${again.toFixed(1)} s`,
    '≥ 1,000 events/s',
    met(seconds <= events / 1_000),
  ];
}

/** A session whose record goes to a disk, and one whose record goes to memory. */
async function recordedSessionRow(): Promise<Row[]> {
  const inMemory = '/dev/shm';
  if (!existsSync(inMemory)) {
    progress(`left out: a session beside one that waits for no disk: there is no ${inMemory}`);
    return [];
  }
  progress('setup-session, recorded on the disk and in memory');
  const project = await startBenchProject(dist, 10);
  const state = mkdtempSync(join(inMemory, 'bench-'));
  try {
    if (project.uid !== undefined) chownSync(state, project.uid, project.uid);
    const subject: Subject = {
      words: [join(project.dist, 'setup-session.js'), '--agent', 'support', '--json', '--quiet'],
      environment: project.environment,
      uid: project.uid,
      cwd: join(project.dist, '..'),
      check: (stdout) => void JSON.parse(stdout),
    };
    const beside = { ...subject, environment: { ...project.environment, XDG_STATE_HOME: state } };
    const { subject: own, baseline } = await compare(subject, beside, warmRuns);
    const ratio = own.wallMs / baseline.wallMs;
    return [
      [
        'setup-session recorded on the disk: wall',
        `${ratio.toFixed(2)} × one whose record waits for no disk (${own.wallMs.toFixed(0)} / ${baseline.wallMs.toFixed(0)} ms)`,
        '≤ 1.1 ×',
        met(ratio <= 1.1),
      ],
    ];
  } finally {
    await project.close();
    rmSync(state, { recursive: true });
  }
}

function verdictRow(): Row {
  const size = { services: 20, tools: 256, runs: 100 };
  progress(`verdicts on ${size.services} services with ${size.tools} tools each`);
  const milliseconds = measureVerdicts(size);
  return [
    `verdicts, ${size.services} services × ${size.tools} tools`,
    `${milliseconds.toFixed(1)} ms (median of ${size.runs})`,
    '≤ 5 ms',
    met(milliseconds <= 5),
  ];
}

async function unchangedSkillsRows(): Promise<Row[]> {
  const size = { skills: 200, runs: warmRuns };
  progress(`skill-sync with ${size.skills} skills and nothing to do`);
  const { subject: own, baseline, requests } = await measureUnchanged(dist, size);
  const pages = Math.ceil(size.skills / 100);
  const what = `skill-sync, nothing to do, ${size.skills} skills`;
  const times = (a: number, b: number) => `${(a / b).toFixed(2)} × bare node (${a.toFixed(0)} / ${b.toFixed(0)} ms)`;
  return [
    [`${what}: requests`, `${requests}, no upload`, `≤ ${pages}`, met(requests <= pages)],
    [`${what}: wall`, times(own.wallMs, baseline.wallMs), '-', 'yes'],
    [`${what}: own CPU`, times(own.cpuMs, baseline.cpuMs), '-', 'yes'],
  ];
}

async function changedSkillsRows(): Promise<Row[]> {
  const size = { skills: 200, runs: 3, latencyMs };
  progress(`skill-sync with ${size.skills} changed skills, and serial loops of the same requests`);
  const { wallMs, requests, serialMs, serialUploadsMs, uploadsPerMinute } = await measureChanged(dist, size);
  const what = `skill-sync, ${size.skills} changed, ${latencyMs} ms latency`;
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
  const faster = serialMs / wallMs;
  return [
    [
      `${what}: wall`,
      `1 / ${faster.toFixed(1)} of a serial loop of its ${requests} requests (${seconds(wallMs)} / ${seconds(serialMs)} s)`,
      '≤ 1 / 5',
      met(faster >= 5),
    ],
    [
      `${what}: wall`,
      `1 / ${(serialUploadsMs / wallMs).toFixed(1)} of a serial loop of its uploads alone (${seconds(serialUploadsMs)} s)`,
      '-',
      'yes',
    ],
    [`${what}: uploads in one minute`, String(uploadsPerMinute), '≤ 300', met(uploadsPerMinute <= 300)],
  ];
}

async function hashingRow(): Promise<Row> {
  const size = { skills: 10, runs: 5 };
  progress(`hashing ${size.skills} large skills`);
  const { ownMs, sha256sumMs, bytes, files } = await measureHashing(size);
  const ratio = sha256sumMs / ownMs;
  return [
    `skill-sync: reading and hashing ${(bytes / 1e6).toFixed(0)} MB in ${files} files`,
    `${ratio.toFixed(2)} × the rate of sha256sum (${ownMs.toFixed(0)} / ${sha256sumMs.toFixed(0)} ms)`,
    '≥ 0.5 ×',
    met(ratio >= 0.5),
  ];
}

async function thousandSkillsRows(): Promise<Row[]> {
  const size = { skills: 1_000, runs: 3 };
  progress(`building ${earlierCommit}, which scans are compared with`);
  const earlier = await buildOf(earlierCommit);
  if ('missing' in earlier) {
    progress(`left out: side by side with ${earlierCommit}: ${earlier.missing}`);
    return [];
  }
  try {
    progress(`${size.skills} generated skills of 40 MB, with both builds`);
    const { scan, planning } = await compareBuilds({ dist, earlier: earlier.dist }, size);
    const row = (what: string, { subject: own, baseline }: typeof scan, goal: number): Row[] => {
      const faster = baseline.wallMs / own.wallMs;
      const memory = own.peakMiB / baseline.peakMiB;
      const cpu = (baseline.cpuMs / own.cpuMs).toFixed(1);
      return [
        [
          `${what}: wall`,
          `${faster.toFixed(1)} × as fast (${own.wallMs.toFixed(0)} / ${baseline.wallMs.toFixed(0)} ms; CPU ${cpu} ×)`,
          `≥ ${goal} × ${earlierCommit}`,
          met(faster >= goal),
        ],
        [
          `${what}: peak memory`,
          `${memory.toFixed(2)} × (${own.peakMiB.toFixed(0)} / ${baseline.peakMiB.toFixed(0)} MiB)`,
          `≤ 1 × ${earlierCommit}`,
          met(memory <= 1),
        ],
      ];
    };
    const skills = `${size.skills.toLocaleString('en')} skills of 40 MB`;
    progress(`warm commands, with both builds`);
    const warm = (await compareWarmCommands({ dist, earlier: earlier.dist }, warmRuns)).map(
      ([what, { subject: own, baseline }]): Row => {
        const cpu = own.cpuMs / baseline.cpuMs;
        return [
          `${what}, warm: own CPU`,
          `${cpu.toFixed(2)} × (${own.cpuMs.toFixed(0)} / ${baseline.cpuMs.toFixed(0)} ms)`,
          `≤ 0.5 × ${earlierCommit}`,
          met(cpu <= 0.5),
        ];
      },
    );
    return [
      ...warm,
      ...row(`skill-sync scan, ${skills}`, scan, 3),
      ...row(`skill-sync, nothing to do, ${skills}`, planning, 2),
    ];
  } finally {
    await earlier.remove();
  }
}

async function validityRows(): Promise<Row[]> {
  const size = { skills: 1_000, runs: 5 };
  progress(`validity of ${size.skills} skills, beside the reference library`);
  const compared = await compareValidity(size);
  if ('missing' in compared) {
    progress(`left out: validity beside the reference library: ${compared.missing}`);
    return [];
  }
  const { subject: own, baseline } = compared;
  const ratio = own.wallMs / baseline.wallMs;
  return [
    [
      `validity alone, ${size.skills.toLocaleString('en')} skills that are a SKILL.md`,
      `${ratio.toFixed(2)} × skills-ref (${own.wallMs.toFixed(0)} / ${baseline.wallMs.toFixed(0)} ms)`,
      '≤ 1.5 ×',
      met(ratio <= 1.5),
    ],
  ];
}

function met(yes: boolean): 'yes' | 'NO' {
  return yes ? 'yes' : 'NO';
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
